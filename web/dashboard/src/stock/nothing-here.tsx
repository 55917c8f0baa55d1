/*
 * nothing-here.tsx
 *   Why there are no items: they are still to come, there are none, none for
 *   one, or none of those one looks for.
 */
import { useConnection } from 'inventory-client/react';
import type { ReactElement } from 'react';
import { useStore } from '../base/store';
import { useSession } from '../session/context';
import { isManager } from '../session/session';
import { open } from '../shell/open';
import { lookAtAll, segment } from './looking';
import { place } from './place';
import { useStock } from './stock-index';

export function NothingHere(): ReactElement {
  const session = useSession();
  const { isComplete } = useStock();
  const { isConnected } = useConnection();
  if (!isComplete)
    return (
      <p className="empty" role="status">
        {isConnected ? 'Loading…' : 'No items are kept on this device, and there is no link to ask for them.'}
      </p>
    );
  if (session.warehouses?.length === 0)
    return <p className="empty">There is no warehouse here that you may see. Ask a manager for one.</p>;
  return (
    <div className="empty">
      <p>No items yet.</p>
      {isManager(session) && (
        <button type="button" className="button primary" onClick={() => open.set({ name: 'add-item' })}>
          Add the first item
        </button>
      )}
    </div>
  );
}

/** What one looks for may be in another warehouse. */
export function NothingMatches(): ReactElement {
  const isNarrowed = useStore(place) !== null || useStore(segment) !== 'all';
  function lookEverywhere(): void {
    place.set(null);
    segment.set('all');
  }
  return (
    <div className="empty">
      <p>Nothing here matches.</p>
      <button type="button" className="button" onClick={isNarrowed ? lookEverywhere : lookAtAll}>
        {isNarrowed ? 'Look in all items' : 'Show all items'}
      </button>
    </div>
  );
}
