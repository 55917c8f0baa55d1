/*
 * header.tsx
 *   Always in sight: the link, the unsent, who else is here.
 */
import type { ReactElement } from 'react';
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
      <div className="header-end">
        <ThemeSwitch />
      </div>
    </header>
  );
}
