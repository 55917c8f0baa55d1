/*
 * announcer.tsx
 *   What a screen reader says: a summary at most every five seconds, failures at once.
 *
 * Both regions are there before anything is written into them.  Numbers in
 * the table are not live: two hundred changes a second cannot be listened to.
 */
import { useClient } from 'inventory-client/react';
import { type ReactElement, useEffect } from 'react';
import { device } from '../base/kept';
import { createStore, useStore } from '../base/store';
import { counted } from '../base/words';

const KEY = 'inventory.mute';
const EVERY_MS = 5_000;

const polite = createStore('');
const urgent = createStore('');

/** No summaries of what others change; answers to what one does are still said. */
export const isMuted = createStore(device.get(KEY) === 'yes');
isMuted.subscribe(() => {
  if (isMuted.get()) device.set(KEY, 'yes');
  else device.remove(KEY);
});

/** The same words once more are a change only if they differ. */
function again(text: string): (now: string) => string {
  return (now) => (now === text && text !== '' ? `${text}\u00a0` : text);
}

export function say(text: string): void {
  polite.set(again(text));
}

/** For what failed or waits for a person; nothing else may interrupt. */
export function sayNow(text: string): void {
  urgent.set(again(text));
}

export function Announcer(): ReactElement {
  const client = useClient();
  const politely = useStore(polite);
  const urgently = useStore(urgent);

  useEffect(() => {
    const changed = new Set<string>();
    let low = 0;
    let out = 0;
    const off = client.on('message', ({ type, data }) => {
      if (type === 'inventory.updated') changed.add(`${data.productId} ${data.warehouseId}`);
      else if (type === 'inventory.low_stock') low++;
      else if (type === 'inventory.out_of_stock') out++;
    });
    const timer = setInterval(() => {
      if (low + out > 0 && !isMuted.get()) {
        const parts = [`${counted(changed.size, 'item')} changed`];
        if (low > 0) parts.push(`${low} running low`);
        if (out > 0) parts.push(`${out} out of stock`);
        say(parts.join(', '));
      }
      changed.clear();
      low = 0;
      out = 0;
    }, EVERY_MS);
    return () => {
      off();
      clearInterval(timer);
    };
  }, [client]);

  return (
    <>
      <div className="unseen" role="status" aria-atomic="true">
        {politely}
      </div>
      <div className="unseen" role="alert" aria-atomic="true">
        {urgently}
      </div>
    </>
  );
}
