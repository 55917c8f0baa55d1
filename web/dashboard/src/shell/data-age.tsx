/*
 * data-age.tsx
 *   How old what one sees is.
 */
import { useClient, useConnection } from 'inventory-client/react';
import { type ReactElement, useEffect, useRef } from 'react';
import { useNow } from '../base/hooks';
import { useStore } from '../base/store';
import { ago, clockTime, counted } from '../base/words';
import { held, hold, letGo } from '../stock/hold';
import { useStock } from '../stock/stock-index';
import { lastHeard } from './last-heard';
import { useStale } from './stale';
import './data-age.css';

export function DataAge(): ReactElement {
  const client = useClient();
  const { state } = useConnection();
  const { stale } = useStock();
  const isStale = useStale();
  const isHeld = useStore(held) !== null;
  const now = useNow(1_000);
  const last = useRef<number | null>(null);
  useEffect(
    () =>
      client.on('message', () => {
        last.current = Date.now();
      }),
    [client],
  );

  return (
    <footer className="data-age">
      <p className="quiet small number">{words()}</p>
      <button
        type="button"
        className="button plain"
        aria-pressed={isHeld}
        onClick={() => (isHeld ? letGo() : hold(client))}
      >
        {isHeld ? 'Let numbers go on' : 'Hold numbers'}
      </button>
    </footer>
  );

  function words(): string {
    const heard = lastHeard(client);
    if (state.name !== 'connected')
      return heard === null
        ? 'Numbers kept on this device, not confirmed yet'
        : `Numbers as of ${clockTime(heard)}, ${ago(heard, now)}`;
    if (isStale) return 'Numbers may be old: the relay has lost its database';
    if (stale > 0) return `${counted(stale, 'item')} being confirmed`;
    if (isHeld) return 'Numbers are held';
    return last.current === null ? 'Up to date' : `Up to date, last change ${ago(last.current, now)}`;
  }
}
