/*
 * state.ts
 *   What the link is, and the word for it.
 *
 * A discriminated union, never a boolean: each state carries what only it can
 * know, and all of them when the link was last up.
 */
import { type ErrorCode, isAboutToken } from './errors.js';

export type DisconnectReason = 'initial' | 'client' | 'hidden' | 'closed';

/** In every state: when the link was last up, and how often it was lost or not had since. */
export interface History {
  /** Milliseconds since 1970, null if never. */
  readonly lastConnected: number | null;
  readonly reconnectAttempts: number;
}

export type PresentState =
  | { readonly name: 'disconnected'; readonly reason: DisconnectReason }
  /** retryAt: when the next attempt starts; null while one is under way. */
  | {
      readonly name: 'connecting';
      readonly attempt: number;
      readonly retryAt: number | null;
      readonly reason?: string;
    }
  | {
      readonly name: 'connected';
      readonly since: number;
      /** Nothing was missed since the connection before, as the relay said at once. */
      readonly recovered: boolean;
      readonly connectionId: string;
      readonly dialect: 'plain' | 'protocol-1';
    }
  /** recoverable with a retryAt: attempts go on; recoverable without: connect() or setToken() leaves it. */
  | {
      readonly name: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly recoverable: boolean;
      readonly retryAt: number | null;
    };

export type ConnectionState = History & PresentState;

/** One word for a badge. */
export type ConnectionStatus =
  | 'initial'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  | 'offline'
  | 'needs-auth'
  | 'failed'
  | 'disconnected';

export function statusOf(state: ConnectionState, online: boolean): ConnectionStatus {
  const { name } = state;
  if (name === 'connected') return name;
  if (name === 'disconnected' && state.reason !== 'hidden') return state.reason === 'initial' ? 'initial' : name;
  if (name === 'error') {
    if (isAboutToken(state.code)) return 'needs-auth';
    if (!state.recoverable) return 'failed';
  }
  if (!online) return 'offline';
  return name === 'connecting' && state.lastConnected === null ? name : 'reconnecting';
}
