/*
 * toasts.tsx
 *   The notices on screen.  A pointer or the focus on one stops its clock.
 *
 * They are not live regions: the announcer says what is worth saying.
 */
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { Icon, type IconName } from '../base/icons';
import { useStore } from '../base/store';
import { counted } from '../base/words';
import { open } from '../shell/open';
import { dismiss, dismissAlerts, type Notice, notices, type Tone } from './notices';
import './toasts.css';

const SHOWN = 3;
const ICONS: Readonly<Record<Tone, IconName>> = { good: 'check', warning: 'warning', error: 'alert', plain: 'clock' };

export function Toasts(): ReactElement {
  const all = useStore(notices);
  const alerts = all.filter((notice) => notice.isAlert);
  const folded = alerts.slice(0, Math.max(0, alerts.length - SHOWN));
  const shown = all.filter((notice) => !folded.includes(notice)).slice(-SHOWN - 1);
  const element = useRef<HTMLElement>(null);
  const isAny = all.length > 0;

  // In the top layer, above dialogs that are open already.
  useEffect(() => {
    const node = element.current;
    if (!isAny || !node?.showPopover) return;
    if (!node.matches(':popover-open')) node.showPopover();
    return () => {
      if (node.matches(':popover-open')) node.hidePopover();
    };
  }, [isAny]);

  return (
    <section ref={element} className="toasts" popover="manual" aria-label="Notices">
      {folded.length > 0 && (
        <button
          type="button"
          className="toast toast-more"
          onClick={() => {
            dismissAlerts();
            open.set({ name: 'alerts' });
          }}
        >
          {counted(folded.length, 'more alert')}
        </button>
      )}
      {shown.map((notice) => (
        <Toast key={notice.id} notice={notice} />
      ))}
    </section>
  );
}

function Toast({ notice }: { notice: Notice }): ReactElement {
  const [isHeld, setHeld] = useState(false);
  const left = useRef(notice.forMs);

  useEffect(() => {
    if (isHeld) return;
    const began = Date.now();
    const timer = setTimeout(() => dismiss(notice.id), left.current);
    return () => {
      clearTimeout(timer);
      left.current = Math.max(1_000, left.current - (Date.now() - began));
    };
  }, [isHeld, notice.id]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it is only held, and the buttons in it do the rest
    <div
      className="toast"
      data-tone={notice.tone}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <Icon name={ICONS[notice.tone]} />
      <p className="toast-text">
        <strong>{notice.title}</strong>
        {notice.text && <span className="quiet"> – {notice.text}</span>}
      </p>
      {notice.action && (
        <button
          type="button"
          className="button toast-action"
          onClick={() => {
            notice.action?.run();
            dismiss(notice.id);
          }}
        >
          {notice.action.word}
        </button>
      )}
      <button
        type="button"
        className="button plain toast-close"
        aria-label="Dismiss"
        onClick={() => dismiss(notice.id)}
      >
        <Icon name="close" size={14} />
      </button>
    </div>
  );
}
