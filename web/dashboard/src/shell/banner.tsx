/*
 * banner.tsx
 *   Below the header, when something holds for all of the page: working
 *   offline, just back, old numbers, a session that has ended.
 */
import { useClient, useConnection, useSyncStatus } from 'inventory-client/react';
import { type ReactElement, useEffect, useState } from 'react';
import { useNow } from '../base/hooks';
import { Icon, type IconName } from '../base/icons';
import { ago, clockTime, counted } from '../base/words';
import { say } from '../notices/announcer';
import { lastHeard } from './last-heard';
import { useRefused } from './no-access';
import { open } from './open';
import { useOutage } from './outage';
import { useStale } from './stale';
import './banner.css';

interface Face {
  readonly tone: 'offline' | 'good' | 'warning';
  readonly icon: IconName;
  readonly words: string;
  readonly more?: string;
  readonly action?: { readonly word: string; readonly run: () => void };
  readonly canDismiss?: boolean;
}

export function Banner(): ReactElement | null {
  const client = useClient();
  const { status } = useConnection();
  const isRefused = useRefused();
  const outage = useOutage();
  const { size } = useSyncStatus();
  const isStale = useStale();
  const [isDismissed, setDismissed] = useState(false);
  const now = useNow(outage.name === 'offline' ? 1_000 : null);

  // One dismissal hides it until the next outage.
  useEffect(() => {
    if (outage.name === 'none') setDismissed(false);
  }, [outage.name]);

  const face = faceNow();
  const words = face?.words ?? '';
  useEffect(() => {
    if (words !== '') say(words);
  }, [words]);

  if (!face) return null;
  return (
    <section className="banner" data-tone={face.tone} aria-label="Notice">
      <Icon name={face.icon} />
      <p>
        <strong>{face.words}</strong>
        {face.more && <span className="banner-more"> {face.more}</span>}
      </p>
      {face.action && (
        <button type="button" className="button" onClick={face.action.run}>
          {face.action.word}
        </button>
      )}
      {face.canDismiss && (
        <button type="button" className="button plain" aria-label="Dismiss" onClick={() => setDismissed(true)}>
          <Icon name="close" />
        </button>
      )}
    </section>
  );

  function faceNow(): Face | null {
    const heard = lastHeard(client);
    // The page itself says it.
    if (isRefused) return null;
    if (status === 'needs-auth') {
      return {
        tone: 'warning',
        icon: 'user',
        words: 'Your session has ended.',
        more: size > 0 ? `${counted(size, 'change')} will sync when you sign in again.` : 'Sign in again to go on.',
        action: { word: 'Sign in', run: () => open.set({ name: 'sign-in-again' }) },
      };
    }
    if (outage.name === 'offline' && !isDismissed) {
      return {
        tone: 'offline',
        icon: 'cloud',
        words:
          size > 0
            ? `Working offline – ${counted(size, 'change')} will sync when connected`
            : 'Working offline - changes will sync when connected',
        ...(heard !== null && { more: `Numbers as of ${clockTime(heard)} (${ago(heard, now)}).` }),
        action: { word: 'Retry now', run: () => client.connect() },
        canDismiss: true,
      };
    }
    if (outage.name === 'over') {
      return {
        tone: 'good',
        icon: 'check',
        words: outage.synced > 0 ? `Back online, ${counted(outage.synced, 'change')} synced` : 'Back online',
      };
    }
    if (isStale && status === 'connected') {
      return {
        tone: 'warning',
        icon: 'warning',
        words: 'The relay has lost its database: numbers may be old.',
        more: 'Changes are kept here, and saved when it is back.',
      };
    }
    return null;
  }
}
