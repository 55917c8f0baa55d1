/*
 * over-page.tsx
 *   Draws what `open` says.
 */
import { itemKey } from 'inventory-client';
import { type ReactElement, useEffect } from 'react';
import { AlertsPanel } from '../alerts/alerts-panel';
import { Guard } from '../base/guard';
import { useStore } from '../base/store';
import { AdjustDialog } from '../change/adjust-dialog';
import { ChangesPanel } from '../changes/changes-panel';
import { ConflictDialog } from '../conflicts/conflict-dialog';
import { EditItemDialog } from '../manage/edit-item-dialog';
import { RetireDialog } from '../manage/retire-dialog';
import { notify } from '../notices/notices';
import { PerformanceLoader } from '../performance/performance-loader';
import { useSession } from '../session/context';
import { canWrite, isManager, type Session } from '../session/session';
import { SignInAgain } from '../session/sign-in-again';
import { SignOutDialog } from '../session/sign-out-dialog';
import { close, type Open, open } from './open';

export function OverPage(): ReactElement | null {
  const now = useStore(open);
  const session = useSession();
  const isAllowed = now === null || mayOpen(now, session);
  // Rights may go while one is in the middle of something.
  useEffect(() => {
    if (!isAllowed) close();
  }, [isAllowed]);
  if (!now || !isAllowed) return null;
  return (
    <Guard fallback={null} onFailure={giveUp}>
      {draw(now)}
    </Guard>
  );
}

function mayOpen({ name }: Open, session: Session): boolean {
  if (name === 'add-item' || name === 'edit-item' || name === 'retire') return isManager(session);
  return name !== 'adjust' || canWrite(session);
}

/** The page below goes on. */
function giveUp(error: unknown): void {
  close();
  notify({ tone: 'error', title: 'This cannot be shown', text: String(error), forMs: 12_000 });
}

function draw(now: Open): ReactElement {
  switch (now.name) {
    case 'adjust':
      return <AdjustDialog key={itemKey(now.item)} item={now.item} kind={now.kind} batch={now.batch} />;
    case 'changes':
      return <ChangesPanel />;
    case 'conflict':
      return <ConflictDialog first={now.id} />;
    case 'alerts':
      return <AlertsPanel />;
    case 'performance':
      return <PerformanceLoader />;
    case 'add-item':
      return <EditItemDialog item={null} />;
    case 'edit-item':
      return <EditItemDialog item={now.item} />;
    case 'retire':
      return <RetireDialog item={now.item} />;
    case 'sign-in-again':
      return <SignInAgain />;
    case 'sign-out':
      return <SignOutDialog />;
  }
}
