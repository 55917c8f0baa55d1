/*
 * The testing kit: time, page, network, relay and database, all in memory.
 */
export { settle, VirtualClock } from './clock.js';
export { type LogEntry, MemoryDatabase } from './database.js';
export { FaultPlan, type PlannedAnswer } from './faults.js';
export { VirtualPage } from './page.js';
export { MemoryRelay, MemorySocket, type RelayOptions } from './relay.js';
export { MemoryStorage } from './storage.js';
export { VirtualLocks, VirtualTabs } from './tabs.js';
