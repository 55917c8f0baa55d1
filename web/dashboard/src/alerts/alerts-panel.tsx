/*
 * alerts-panel.tsx
 *   The alerts as a list, newest first, and whether they still hold.
 */
import { useClient } from 'inventory-client/react';
import { type ReactElement, useEffect } from 'react';
import { Dialog } from '../base/dialog';
import { useNow } from '../base/hooks';
import { Icon } from '../base/icons';
import { useStore } from '../base/store';
import { ago, clockTime } from '../base/words';
import { isMuted } from '../notices/announcer';
import { dismissAlerts } from '../notices/notices';
import { useSession } from '../session/context';
import { canWrite } from '../session/session';
import { close, openAdjust } from '../shell/open';
import { itemText } from '../stock/item-text';
import { StatusBadge } from '../stock/status-badge';
import { useStock } from '../stock/stock-index';
import { type Alert, alerts, clearAlerts, unseenAlerts } from './alerts';
import './alerts.css';

export function AlertsPanel(): ReactElement {
  const list = useStore(alerts);
  const muted = useStore(isMuted);
  const now = useNow(10_000);
  useEffect(() => {
    unseenAlerts.set(0);
    dismissAlerts();
    return () => unseenAlerts.set(0);
  }, []);

  return (
    <Dialog kind="sheet" title="Alerts" subtitle="Since this page was opened, newest first" onClose={close}>
      <div className="dialog-body">
        {list.length === 0 ? (
          <p className="empty">Nothing ran low or out since.</p>
        ) : (
          <ol className="alerts">
            {list.map((alert) => (
              <AlertRow key={alert.id} alert={alert} now={now} />
            ))}
          </ol>
        )}
      </div>
      <footer className="dialog-actions">
        <button
          type="button"
          className="button"
          aria-pressed={muted}
          title="Whether a screen reader hears summaries"
          onClick={() => isMuted.set(!muted)}
        >
          <Icon name={muted ? 'mute' : 'sound'} /> {muted ? 'Spoken summaries off' : 'Spoken summaries on'}
        </button>
        <button type="button" className="button" disabled={list.length === 0} onClick={clearAlerts}>
          Clear
        </button>
      </footer>
    </Dialog>
  );
}

function AlertRow({ alert, now }: { alert: Alert; now: number }): ReactElement {
  const client = useClient();
  const { byKey } = useStock();
  const mayWrite = canWrite(useSession());
  const row = alert.key === null ? null : (byKey.get(alert.key)?.value ?? client.inventory.get(alert.key).value);
  return (
    <li className="alert" data-tone={alert.tone}>
      <Icon name={alert.tone === 'good' ? 'check' : alert.tone === 'plain' ? 'clock' : 'warning'} />
      <div className="alert-text">
        <p>
          <strong>{alert.title}</strong> – {alert.text}
        </p>
        <p className="quiet small">
          {row && `${itemText(row).warehouse} · `}
          <time dateTime={new Date(alert.at).toISOString()} title={clockTime(alert.at)}>
            {ago(alert.at, now)}
          </time>
        </p>
        {row && (
          <p className="alert-now small">
            now <span className="number">{row.quantityAvailable}</span> <StatusBadge state={row.alertState} />
          </p>
        )}
      </div>
      {row && mayWrite && (
        <button type="button" className="button" onClick={() => openAdjust(row, 'in')}>
          Receive
        </button>
      )}
    </li>
  );
}
