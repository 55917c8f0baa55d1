/*
 * root.tsx
 *   What is on the screen before, during and after a session.
 */
import { InventoryProvider } from 'inventory-client/react';
import type { ReactElement } from 'react';
import { Guard } from './base/guard';
import { useStore } from './base/store';
import { app } from './session/app';
import { SessionContext } from './session/context';
import { SignIn } from './session/sign-in';
import { Workspace } from './shell/workspace';

export function Root(): ReactElement {
  const now = useStore(app);
  switch (now.name) {
    case 'starting':
      return (
        <p className="empty" role="status">
          Loading…
        </p>
      );
    case 'unreachable':
      return (
        <p className="empty" role="status">
          {now.message} Trying again…
        </p>
      );
    case 'signed-out':
      return <SignIn key={now.message} config={now.config} people={now.people} message={now.message} />;
    case 'signed-in':
      return (
        <SessionContext value={now.session}>
          <InventoryProvider client={now.client}>
            <Guard fallback={<Failed />}>
              <Workspace />
            </Guard>
          </InventoryProvider>
        </SessionContext>
      );
  }
}

/** Anything is better than an empty page. */
function Failed(): ReactElement {
  return (
    <p className="empty" role="alert">
      This page has failed. What you changed is still kept.{' '}
      <button type="button" className="button" onClick={() => location.reload()}>
        Load it again
      </button>
    </p>
  );
}
