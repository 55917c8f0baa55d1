/*
 * data-age.tsx
 *   How old what one sees is.
 */
import { useClient, useConnection } from 'inventory-client/react';
import { type ReactElement, useEffect, useRef } from 'react';
import { useNow } from '../base/hooks';
import { ago, clockTime, counted } from '../base/words';
import { useStock } from '../stock/stock-index';
import { lastHeard } from './last-heard';

export function DataAge(): ReactElement {
  const client = useClient();
  const { state } = useConnection();
  const { stale } = useStock();
  const now = useNow(1_000);
  const last = useRef<number | null>(null);
  useEffect(
    () =>
      client.on('message', () => {
        last.current = Date.now();
      }),
    [client],
  );

  return <p className="quiet small number">{words()}</p>;

  function words(): string {
    const heard = lastHeard(client);
    if (state.name !== 'connected')
      return heard === null
        ? 'Numbers kept on this device, not confirmed yet'
        : `Numbers as of ${clockTime(heard)}, ${ago(heard, now)}`;
    if (stale > 0) return `${counted(stale, 'item')} being confirmed`;
    return last.current === null ? 'Up to date' : `Up to date, last change ${ago(last.current, now)}`;
  }
}
