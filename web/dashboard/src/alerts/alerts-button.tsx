/*
 * alerts-button.tsx
 *   In the header: how many alerts came since one looked.
 */
import type { ReactElement } from 'react';
import { Icon } from '../base/icons';
import { useStore } from '../base/store';
import { counted } from '../base/words';
import { open } from '../shell/open';
import { unseenAlerts } from './alerts';
import './alerts.css';

export function AlertsButton(): ReactElement {
  const unseen = useStore(unseenAlerts);
  const words = unseen > 0 ? `Alerts, ${counted(unseen, 'new one', 'new ones')}` : 'Alerts';
  return (
    <button
      type="button"
      className="button plain alerts-button"
      aria-label={words}
      title={words}
      onClick={() => open.set({ name: 'alerts' })}
    >
      <Icon name="alert" />
      {unseen > 0 && <span className="alerts-count number">{unseen > 99 ? '99+' : unseen}</span>}
    </button>
  );
}
