/*
 * sign-out-dialog.tsx
 *   Asks what shall become of changes that are not saved yet.
 */
import { useClient, useConnection, useOfflineQueue } from 'inventory-client/react';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { Dialog } from '../base/dialog';
import { counted } from '../base/words';
import { exportChanges } from '../changes/export';
import { close } from '../shell/open';
import { signOut } from './app';
import { useSession } from './context';

export function SignOutDialog(): ReactElement {
  const client = useClient();
  const { user } = useSession();
  const { status } = useOfflineQueue();
  const { isConnected } = useConnection();
  const [isBusy, setBusy] = useState(false);
  const { size } = status;
  const isOpen = useRef(false);
  useEffect(() => {
    isOpen.current = true;
    return () => {
      isOpen.current = false;
    };
  }, []);

  function leave(discard: boolean): void {
    close();
    void signOut(discard);
  }

  async function syncAndLeave(): Promise<void> {
    setBusy(true);
    client.queue.resume();
    await client.queue.flush();
    // The link may have been lost on the way, and who waited have gone back to work.
    if (!isOpen.current) return;
    setBusy(false);
    if (client.queue.status.size === 0) leave(false);
  }

  if (size === 0) {
    return (
      <Dialog title="Sign out?" subtitle={user.name} onClose={close}>
        <footer className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            Stay
          </button>
          <button type="button" className="button primary" onClick={() => leave(false)}>
            Sign out
          </button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Dialog
      wide
      title={`${counted(size, 'change')} not saved yet`}
      subtitle={status.durable ? 'Kept on this device until the server has them' : 'In this tab only'}
      onClose={close}
    >
      <div className="dialog-body">
        <p>
          {status.durable
            ? `They stay on this device for ${user.name}, and sync when ${user.name} signs in here again. Or sync, export or discard them now.`
            : 'The browser does not keep them: they go when you sign out. Sync or export them first.'}
        </p>
      </div>
      <footer className="dialog-actions">
        <button type="button" className="button danger" disabled={isBusy} onClick={() => leave(true)}>
          Discard and sign out
        </button>
        <button type="button" className="button" onClick={() => exportChanges(client.queue.export())}>
          Export
        </button>
        {status.durable && (
          <button type="button" className="button" disabled={isBusy} onClick={() => leave(false)}>
            Keep and sign out
          </button>
        )}
        <button
          type="button"
          className="button primary"
          disabled={isBusy || !isConnected}
          onClick={() => void syncAndLeave()}
        >
          Sync and sign out
        </button>
      </footer>
    </Dialog>
  );
}
