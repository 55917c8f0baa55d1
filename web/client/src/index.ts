/*
 * The client of the pg_inventory relay.
 */

export {
  type ClientEvents,
  type ClientOptions,
  type Counters,
  createClient,
  InventoryClient,
  type Subscription,
} from './client.js';
export type { BackoffOptions } from './core/backoff.js';
export type { BatchOptions } from './core/batcher.js';
export type { Clock, TimerHandle } from './core/clock.js';
export { Connection, type ConnectionEvents, type ConnectionOptions } from './core/connection.js';
export { type ClientErrorCode, type ErrorCode, InventoryError, type ServerErrorCode } from './core/errors.js';
export type { Gap, SnapshotPage } from './core/feed.js';
export type { RoundTrip } from './core/heartbeat.js';
export type { SocketConstructor, SocketLike } from './core/link.js';
export type { Page, PageSignal } from './core/page.js';
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
export type { ConnectionState, ConnectionStatus, DisconnectReason } from './core/state.js';
export type { TokenProvider } from './core/token.js';
export type { Welcome } from './core/welcome.js';
export { defaultPolicies, type Policies, type Policy } from './perf/adaptive.js';
export type { Health, HealthFactor } from './perf/health.js';
export type { Grade, NetworkHints, Quality } from './perf/quality.js';
export type { Member, Person, Presence, PresenceSnapshot } from './presence/presence.js';
export type { Conflict, ConflictChoice, ConflictPreview } from './sync/conflict.js';
export type {
  Adjustment,
  Change,
  Effect,
  Hold,
  Line,
  MovementType,
  NewOperation,
  OperationStatus,
  StockTake,
  StoredError,
  StoredOperation,
} from './sync/operation.js';
export type { Ack } from './sync/outbox.js';
export type { FlushResult, Operation, Queue, QueueOptions, SyncStatus } from './sync/queue.js';
export { IndexedDbStorage, type StorageAdapter } from './sync/storage.js';
export { type ItemFilter, type ItemView, Store } from './sync/store.js';
export type { Locks, Tabs } from './sync/tabs.js';
