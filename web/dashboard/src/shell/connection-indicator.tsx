/*
 * connection-indicator.tsx
 *   How the link is: a word, a shape and a colour; the rest in its tooltip.
 *
 * It says at once what is; the banner below the header waits five seconds,
 * since most breaks heal sooner.  The mark pulses with each event.
 */
import { useClient, useConnection, useConnectionQuality } from 'inventory-client/react';
import { type ReactElement, useEffect, useId, useRef, useState } from 'react';
import { useNow } from '../base/hooks';
import { useRefused } from './no-access';
import { open } from './open';
import { useStale } from './stale';
import './connection-indicator.css';

type Look = 'live' | 'slow' | 'connecting' | 'waiting' | 'off';

export function ConnectionIndicator(): ReactElement {
  const client = useClient();
  const { state, status, connect } = useConnection();
  const quality = useConnectionQuality();
  const isStale = useStale();
  const isRefused = useRefused();
  const mark = useRef<HTMLSpanElement>(null);
  const tip = useId();
  // Esc sends the tooltip away, and keeps it away until one comes back.
  const [isHushed, setHushed] = useState(false);
  const retryAt = 'retryAt' in state ? state.retryAt : null;
  const now = useNow(retryAt === null ? null : 500);

  useEffect(() => client.on('message', () => pulse(mark.current)), [client]);

  const { look, word, more } = describe();

  function describe(): { look: Look; word: string; more: string } {
    switch (state.name) {
      case 'connected':
        if (isStale) return { look: 'waiting', word: 'Updates paused', more: '' };
        return {
          look: quality.colour === 'green' ? 'live' : 'slow',
          word: 'Live updates active',
          more: quality.rttMs === null ? '' : `${Math.round(quality.rttMs)} ms`,
        };
      case 'disconnected':
        return state.reason === 'hidden' || state.reason === 'initial'
          ? { look: 'connecting', word: 'Connecting...', more: '' }
          : { look: 'off', word: 'Disconnected', more: '' };
      default: {
        if (status === 'needs-auth') return { look: 'off', word: 'Sign in again', more: '' };
        if (isRefused && status === 'failed') return { look: 'off', word: 'No access', more: '' };
        if (status === 'failed') return { look: 'off', word: 'Disconnected', more: '' };
        const attempt = state.name === 'connecting' ? state.attempt : state.reconnectAttempts;
        const seconds = retryAt === null ? null : Math.max(0, Math.ceil((retryAt - now) / 1000));
        return {
          look: retryAt === null ? 'connecting' : status === 'offline' ? 'off' : 'waiting',
          word: status === 'offline' ? 'Offline' : 'Connecting...',
          more: attempt > 1 || seconds !== null ? attemptWords(attempt, seconds) : '',
        };
      }
    }
  }

  const canRetry = retryAt !== null || state.name === 'error' || look === 'off';

  return (
    <div className="link" data-look={look}>
      <button
        type="button"
        className="link-face"
        aria-describedby={tip}
        data-hushed={isHushed || undefined}
        onKeyDown={(event) => event.key === 'Escape' && setHushed(true)}
        onBlur={() => setHushed(false)}
        onPointerLeave={() => setHushed(false)}
        onClick={() => open.set({ name: 'performance' })}
      >
        <span ref={mark} className="link-mark" />
        <span className="link-word">{word === 'Live updates active' ? <LiveWord /> : word}</span>
        {more && <span className="link-more number">{more}</span>}
      </button>
      {canRetry && (
        <button type="button" className="button plain link-retry" onClick={connect}>
          Retry now
        </button>
      )}
      <div id={tip} className="link-tip" role="tooltip">
        <dl>
          <dt>Latency</dt>
          <dd className="number">{quality.rttMs === null ? '–' : `${Math.round(quality.rttMs)} ms`}</dd>
          <dt>Jitter</dt>
          <dd className="number">{quality.jitterMs === null ? '–' : `${Math.round(quality.jitterMs)} ms`}</dd>
          <dt>Stability</dt>
          <dd className="number">{Math.round(quality.stability * 100)} %</dd>
          <dt>Quality</dt>
          <dd>{quality.grade}</dd>
        </dl>
      </div>
    </div>
  );
}

function LiveWord(): ReactElement {
  return (
    <>
      Live<span className="link-wide"> updates active</span>
    </>
  );
}

function attemptWords(attempt: number, seconds: number | null): string {
  const which = attempt > 0 ? `attempt ${attempt}` : '';
  return seconds === null ? which : `${which}${which && ', '}in ${seconds} s`;
}

/** Restarts the pulse; the style sheet leaves it out where less motion is wanted. */
function pulse(mark: HTMLElement | null): void {
  if (!mark) return;
  const running = mark.getAnimations();
  if (running.length > 0) for (const animation of running) animation.currentTime = 0;
  else {
    delete mark.dataset.pulse;
    void mark.offsetWidth;
    mark.dataset.pulse = '';
  }
}
