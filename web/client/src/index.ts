/*
 * The client of the pg_inventory relay.
 */
export { type BackoffOptions, backoffMs } from './core/backoff.js';
export { type Clock, systemClock, type TimerHandle, uuidv7 } from './core/clock.js';
export {
  Connection,
  type ConnectionEvents,
  type ConnectionOptions,
  type ConnectionState,
  type ConnectionStatus,
  type DisconnectReason,
  type Gap,
  type RoundTrip,
  type SnapshotPage,
  type SocketConstructor,
  type SocketLike,
  type TokenProvider,
  type Welcome,
} from './core/connection.js';
export { type ClientErrorCode, type ErrorCode, InventoryError, type ServerErrorCode } from './core/errors.js';
export { browserPage, type Page, type PageSignal } from './core/page.js';
export {
  channel,
  type InventoryEvent,
  type ItemKey,
  itemKey,
  type Json,
  type JsonObject,
  type Limits,
  type Position,
  type Row,
} from './core/protocol.js';
