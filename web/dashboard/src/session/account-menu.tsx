/*
 * account-menu.tsx
 *   Who one is here, what one may do, and the way out.
 */
import { type ReactElement, useId, useRef } from 'react';
import { Avatar } from '../base/avatar';
import { Icon } from '../base/icons';
import { type Open, open } from '../shell/open';
import { ThemeSwitch } from '../shell/theme-switch';
import { useStock } from '../stock/stock-index';
import { useSession } from './context';
import { isManager, rightsOf } from './session';
import './account-menu.css';

export function AccountMenu(): ReactElement {
  const session = useSession();
  const { warehouses } = useStock();
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();
  const { user, organization } = session;

  function go(next: Open): void {
    menu.current?.hidePopover();
    open.set(next);
  }

  return (
    <>
      <button type="button" className="button plain account" popoverTarget={id} aria-label={`Account of ${user.name}`}>
        <Avatar name={user.name} id={user.id} />
      </button>
      <div ref={menu} id={id} className="account-menu" popover="auto">
        <p className="account-who">
          <strong>{user.name}</strong>
          <span className="quiet small">
            {rightsOf(session, (id) => warehouses.find((one) => one.id === id)?.name ?? id)}
            {organization !== '' && `, ${organization}`}
          </span>
        </p>
        {isManager(session) && (
          <button type="button" className="button plain" onClick={() => go({ name: 'add-item' })}>
            <Icon name="plus" /> Add an item
          </button>
        )}
        <ThemeSwitch hasWords />
        {session.source.kind !== 'application' && (
          <button type="button" className="button plain" onClick={() => go({ name: 'sign-out' })}>
            <Icon name="leave" /> Sign out
          </button>
        )}
      </div>
    </>
  );
}
