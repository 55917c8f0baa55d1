/*
 * changes-panel.tsx
 *   Every change that has not ended, in order, with what can be done about it.
 */
import type { StoredOperation } from 'inventory-client';
import { useClient, useConnection, useOfflineQueue } from 'inventory-client/react';
import type { ReactElement } from 'react';
import { Dialog } from '../base/dialog';
import { useNow } from '../base/hooks';
import { Icon } from '../base/icons';
import { ago, count, counted } from '../base/words';
import { describe } from '../change/describe';
import { notify } from '../notices/notices';
import { close, open } from '../shell/open';
import { useStock } from '../stock/stock-index';
import { exportChanges } from './export';
import './changes-panel.css';

export function ChangesPanel(): ReactElement {
  const client = useClient();
  const { status, operations, queue } = useOfflineQueue();
  const { isConnected } = useConnection();
  const now = useNow(5_000);
  const { progress } = status;
  const isRunning = status.state === 'syncing' && progress.total > 0;
  const groups: readonly (readonly [string, readonly StoredOperation[]])[] = [
    ['Needs you', operations.filter((op) => op.status === 'conflict' || op.status === 'failed')],
    ['Waiting', operations.filter((op) => op.status !== 'conflict' && op.status !== 'failed')],
  ];

  return (
    <Dialog
      kind="sheet"
      title="Your changes"
      subtitle={
        operations.length === 0
          ? 'All changes saved'
          : `${counted(operations.length, 'change')} not saved yet${isConnected ? '' : ', will sync when connected'}`
      }
      onClose={close}
    >
      <div className="dialog-body changes">
        {!status.durable && (
          <p className="changes-warning" role="note">
            <Icon name="warning" /> Not saved on this device: the browser refuses to keep them. Keep this tab open.
          </p>
        )}
        {status.nearlyFull && (
          <p className="changes-warning" role="note">
            <Icon name="warning" /> {Math.round(status.usage * 100)} % of the room for changes is used. Sync or discard
            some.
          </p>
        )}
        {isRunning && (
          <div className="changes-progress">
            <label htmlFor="changes-progress" className="number">
              {count(progress.done)} of {count(progress.total)}
            </label>
            <progress id="changes-progress" value={progress.done} max={progress.total} />
          </div>
        )}
        {operations.length === 0 && (
          <p className="empty">
            <Icon name="check" size={24} />
            Nothing waits. What you change is saved as you go.
          </p>
        )}
        {groups.map(
          ([title, list]) =>
            list.length > 0 && (
              <section key={title}>
                <h3 className="changes-title">
                  {title} <span className="quiet number">{count(list.length)}</span>
                </h3>
                <ol>
                  {list.slice(0, SHOWN).map((op) => (
                    <ChangeRow key={op.key} op={op} now={now} />
                  ))}
                </ol>
                {list.length > SHOWN && <p className="quiet small">and {count(list.length - SHOWN)} more</p>}
              </section>
            ),
        )}
      </div>
      <footer className="dialog-actions">
        <button
          type="button"
          className="button"
          disabled={operations.length === 0}
          onClick={() => exportChanges(queue.export())}
        >
          <Icon name="download" /> Export
        </button>
        <button
          type="button"
          className="button primary"
          disabled={operations.length === 0}
          onClick={() => {
            queue.resume();
            client.connect();
            void queue.flush();
          }}
        >
          <Icon name="retry" /> Sync now
        </button>
      </footer>
    </Dialog>
  );
}

/** A list of five thousand is not read; it is exported. */
const SHOWN = 200;

const STATES: Readonly<Record<string, string>> = {
  saving: 'Saving on this device',
  queued: 'Saved on this device',
  sending: 'Sending',
  conflict: 'Needs review',
  failed: 'Failed',
};

function ChangeRow({ op, now }: { op: StoredOperation; now: number }): ReactElement {
  const client = useClient();
  const { byKey } = useStock();
  const { what, where } = describe(op.message, byKey);
  const state = op.status === 'queued' && op.deferred ? 'Put off' : (STATES[op.status] ?? op.status);

  async function discard(): Promise<void> {
    if (!(await client.queue.discard(op.key))) return;
    notify({
      tone: 'plain',
      title: 'Discarded',
      text: what,
      forMs: 10_000,
      action: { word: 'Undo', run: () => void client.change(op.message as never) },
    });
  }

  return (
    <li className="change" data-status={op.status}>
      <div className="change-text">
        <strong>{what}</strong>
        <span className="quiet small">
          {where} · {ago(op.createdAt, now)}
          {op.attempts > 1 && ` · ${counted(op.attempts, 'attempt')}`}
        </span>
        <span className="change-state small">
          {state}
          {op.error && <span> – {op.error.message}</span>}
        </span>
      </div>
      <div className="change-actions">
        {op.status === 'conflict' && (
          <button type="button" className="button" onClick={() => open.set({ name: 'conflict', id: op.key })}>
            Review
          </button>
        )}
        {op.status === 'failed' && (
          <button type="button" className="button" onClick={() => void client.queue.retry(op.key)}>
            Retry
          </button>
        )}
        <button
          type="button"
          className="button plain"
          aria-label={`Discard: ${what}`}
          title="Discard"
          disabled={op.status === 'sending'}
          onClick={() => void discard()}
        >
          <Icon name="trash" />
        </button>
      </div>
    </li>
  );
}
