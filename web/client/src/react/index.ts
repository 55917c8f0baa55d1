/*
 * The hooks.
 *
 * The client lives outside of React: components that mount twice (StrictMode)
 * or are replaced (hot reloading) find the same link.  What a hook holds it
 * gives back a moment late, so mounting again causes no traffic.
 */
export {
  InventoryProvider,
  type SmoothSyncOptions,
  useClient,
  useConflicts,
  useConnection,
  useConnectionQuality,
  useHealth,
  useInventoryItem,
  useInventoryList,
  useInventoryPresence,
  useOfflineQueue,
  useOptimisticInventory,
  useSyncStatus,
} from './hooks.js';
export { type InventoryWebSocket, type InventoryWebSocketOptions, useInventoryWebSocket } from './websocket.js';
