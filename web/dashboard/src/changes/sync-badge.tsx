/*
 * sync-badge.tsx
 *   In the header: my changes that the server does not have yet.
 */
import type { SyncStatus } from 'inventory-client';
import { useClient, useSyncStatus } from 'inventory-client/react';
import { type ReactElement, useEffect } from 'react';
import { Icon, type IconName } from '../base/icons';
import { count } from '../base/words';
import { open } from '../shell/open';
import { useStale } from '../shell/stale';
import './sync-badge.css';

interface Face {
  readonly tone: 'quiet' | 'busy' | 'waiting' | 'review';
  readonly icon: IconName;
  readonly words: string;
  readonly short: string;
}

export function SyncBadge(): ReactElement {
  const client = useClient();
  const status = useSyncStatus({ smooth: true });
  const face = faceOf(status, useStale());
  const hasConflict = status.conflicts > 0;

  // Alt+R: review. Letters alone belong to the search.
  useEffect(() => {
    if (!hasConflict) return;
    const onKey = (event: KeyboardEvent) => {
      if (!event.altKey || event.code !== 'KeyR' || open.get() !== null) return;
      event.preventDefault();
      open.set({ name: 'conflict' });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [hasConflict]);
  const waiting = status.size - status.conflicts - status.failed;

  return (
    <div className="sync" data-tone={face.tone}>
      <button
        type="button"
        className="sync-face"
        title={hasConflict ? `${face.words} (Alt+R)` : face.words}
        aria-keyshortcuts={hasConflict ? 'Alt+R' : undefined}
        onClick={() =>
          open.set(status.conflicts > 0 && waiting + status.failed === 0 ? { name: 'conflict' } : { name: 'changes' })
        }
      >
        <Icon name={face.icon} />
        <span className="sync-words">{face.words}</span>
        <span className="sync-short number" aria-hidden="true">
          {face.short}
        </span>
      </button>
      {face.tone === 'busy' && status.progress.total > 1 && (
        <progress aria-label="Syncing" value={status.progress.done} max={status.progress.total} />
      )}
      {waiting > 0 && face.tone !== 'busy' && (
        <button
          type="button"
          className="button plain sync-now"
          aria-label="Sync now"
          title="Sync now"
          onClick={() => {
            client.queue.resume();
            client.connect();
            void client.queue.flush();
          }}
        >
          <Icon name="retry" />
        </button>
      )}
    </div>
  );
}

/** isStale: nothing is saved for now, though it is tried. */
function faceOf(status: SyncStatus, isStale: boolean): Face {
  const { state, size, conflicts, failed, progress, durable } = status;
  if (conflicts + failed > 0) {
    const words = [
      ...(conflicts > 0 ? [`${conflicts} ${conflicts === 1 ? 'needs' : 'need'} review`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
    ].join(', ');
    return { tone: 'review', icon: 'warning', words, short: count(conflicts + failed) };
  }
  if (size > 0 && !durable)
    return { tone: 'review', icon: 'warning', words: `${size} not saved on this device`, short: count(size) };
  if (!isStale && (state === 'syncing' || state === 'saving')) {
    const words =
      progress.total > 1 ? `Saving ${Math.min(progress.done + 1, progress.total)} of ${progress.total}` : 'Saving…';
    return { tone: 'busy', icon: 'upload', words, short: size > 0 ? count(size) : '' };
  }
  if (state === 'paused' && size > 0)
    return {
      tone: 'waiting',
      icon: 'clock',
      words: status.paused === 'auth' ? `${size} waiting, sign in again` : `${size} paused`,
      short: count(size),
    };
  if (size > 0) return { tone: 'waiting', icon: 'clock', words: `${size} waiting`, short: count(size) };
  return { tone: 'quiet', icon: 'check', words: 'All changes saved', short: '' };
}
