/*
 * errors.ts
 *   The closed list of what can go wrong, and who may try again.
 *
 * The lower-case codes are the relay's, as in docs/protocol.md; the
 * upper-case ones are found on this side of the wire.
 */

import { integerOf, type JsonObject, textOf } from './protocol.js';

/** Of this relay; a newer one may send others. */
export type ServerErrorCode =
  | 'bad_request'
  | 'unknown_type'
  | 'too_large'
  | 'unauthorized'
  | 'token_expired'
  | 'forbidden'
  | 'not_found'
  | 'version_conflict'
  | 'insufficient_stock'
  | 'key_reused'
  | 'gone'
  | 'batch_unavailable'
  | 'conflict'
  | 'rate_limited'
  | 'overloaded'
  | 'unavailable'
  | 'timeout'
  | 'internal';

export type ClientErrorCode =
  /** The link could not be made, or broke. */
  | 'CONNECTION_ERROR'
  /** A frame that is not what the protocol says. It was ignored. */
  | 'MALFORMED_FRAME'
  /** The token provider threw or gave nothing usable. */
  | 'TOKEN_UNAVAILABLE'
  /** A change waits for a person: see `client.conflicts`. */
  | 'CONFLICT'
  /** The offline queue is full; the change was not taken. */
  | 'QUEUE_FULL'
  /** The change was taken back before it was sent. */
  | 'DISCARDED'
  /** This device refuses to store; changes live in memory only. */
  | 'STORAGE_UNAVAILABLE'
  /** An argument this client would not send. */
  | 'INVALID_ARGUMENT'
  /** A change older than `queue.reviewAfterMs` wants a look before it is sent. */
  | 'STALE_OPERATION'
  /** A listener of the application threw. */
  | 'LISTENER_ERROR'
  /** The client was closed. */
  | 'CLOSED';

export type ErrorCode = ServerErrorCode | ClientErrorCode;

export interface InventoryErrorOptions {
  retryable?: boolean;
  retryAfterMs?: number | undefined;
  details?: unknown;
  cause?: unknown;
}

export class InventoryError extends Error {
  override readonly name = 'InventoryError';
  readonly code: ErrorCode;
  /** The same call may succeed later. */
  readonly retryable: boolean = false;
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, { cause, ...more }: InventoryErrorOptions = {}) {
    super(message, { cause });
    this.code = code;
    Object.assign(this, more);
  }
}

/** A newer token may help. */
export function isAboutToken(code: ErrorCode | undefined): boolean {
  return code === 'unauthorized' || code === 'token_expired';
}

/** Something thrown, as text. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error in a frame, its code as the relay said it. */
export function errorOf(frame: JsonObject): InventoryError {
  const code = textOf(frame.code) ?? 'bad_request';
  return new InventoryError(code as ServerErrorCode, textOf(frame.message) ?? code, {
    retryable: frame.retryable === true,
    details: frame.details,
    retryAfterMs: integerOf(frame.retryAfterMs),
  });
}
