/*
 * websocket.ts
 *   Events and no more, for those who keep their data elsewhere.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Connection, type ConnectionOptions, type InventoryError, type InventoryEvent } from '../index.js';

export interface InventoryWebSocketOptions extends Omit<ConnectionOptions, 'url'> {
  /** Default: VITE_INVENTORY_WS_URL of the build, or ws://localhost:8792/ws. */
  url?: string;
  /** Default true. */
  autoConnect?: boolean;
  onEvent?: (event: InventoryEvent) => void;
  onConnect?: () => void;
  onDisconnect?: () => void;
  onError?: (error: InventoryError) => void;
}

export interface InventoryWebSocket {
  readonly isConnected: boolean;
  connect(): void;
  disconnect(): void;
  subscribe(channel: string): void;
  unsubscribe(channel: string): void;
}

/** A component that mounts again within this time finds its link still there. */
const LINGER_MS = 1_000;

export function useInventoryWebSocket(options: InventoryWebSocketOptions = {}): InventoryWebSocket {
  const { url, autoConnect = true } = options;
  // The newest handlers, without connecting again when they change.
  const latest = useRef(options);
  latest.current = options;
  const [isConnected, setConnected] = useState(false);
  const held = useRef<{
    connection: Connection;
    closing: ReturnType<typeof setTimeout> | null;
    url: string | undefined;
  } | null>(null);

  const connection = useCallback((): Connection => {
    if (held.current && held.current.url !== url) {
      held.current.connection.close();
      held.current = null;
    }
    held.current ??= {
      connection: new Connection({ ...latest.current, url: url ?? defaultUrl() }),
      closing: null,
      url,
    };
    return held.current.connection;
  }, [url]);

  useEffect(() => {
    const mine = connection();
    const entry = held.current;
    if (entry?.closing) clearTimeout(entry.closing);
    let up = false;
    const stops = [
      mine.on('message', (event) => latest.current.onEvent?.(event)),
      mine.on('error', (error) => latest.current.onError?.(error)),
      mine.on('state', (state) => {
        const now = state.name === 'connected';
        if (now === up) return;
        up = now;
        setConnected(now);
        if (now) latest.current.onConnect?.();
        else latest.current.onDisconnect?.();
      }),
    ];
    if (autoConnect) mine.connect();
    return () => {
      for (const stop of stops) stop();
      if (!entry) return;
      entry.closing = setTimeout(() => {
        mine.close();
        if (held.current === entry) held.current = null;
      }, LINGER_MS);
    };
  }, [connection, autoConnect]);

  return useMemo(
    () => ({
      isConnected,
      connect: () => connection().connect(),
      disconnect: () => connection().disconnect(),
      subscribe: (channel) => connection().follow(channel),
      unsubscribe: (channel) => connection().unfollow(channel),
    }),
    [connection, isConnected],
  );
}

function defaultUrl(): string {
  // Written out, so that a build can put the value in its place.
  const env = (import.meta as { env?: { VITE_INVENTORY_WS_URL?: string } }).env;
  return env?.VITE_INVENTORY_WS_URL ?? 'ws://localhost:8792/ws';
}
