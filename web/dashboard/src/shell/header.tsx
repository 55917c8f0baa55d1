/*
 * header.tsx
 *   Always in sight: the link, the unsent, who else is here.
 */
import type { ReactElement } from 'react';
import { AlertsButton } from '../alerts/alerts-button';
import { SyncBadge } from '../changes/sync-badge';
import { PeopleHere } from '../people/people-here';
import { AccountMenu } from '../session/account-menu';
import { ConnectionIndicator } from './connection-indicator';
import { ThemeSwitch } from './theme-switch';
import './header.css';

export function Header(): ReactElement {
  return (
    <header className="header">
      <a className="header-brand" href="#/">
        <img src="icon.svg" alt="" width="28" height="28" />
        <span className="header-name">Inventory</span>
      </a>
      <ConnectionIndicator />
      <SyncBadge />
      <div className="header-end">
        <PeopleHere />
        <AlertsButton />
        <ThemeSwitch />
        <AccountMenu />
      </div>
    </header>
  );
}
