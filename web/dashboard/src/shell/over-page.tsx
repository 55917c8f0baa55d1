/*
 * over-page.tsx
 *   Draws what `open` says.
 */
import { itemKey } from 'inventory-client';
import { lazy, type ReactElement, Suspense } from 'react';
import { AlertsPanel } from '../alerts/alerts-panel';
import { useStore } from '../base/store';
import { AdjustDialog } from '../change/adjust-dialog';
import { ChangesPanel } from '../changes/changes-panel';
import { ConflictDialog } from '../conflicts/conflict-dialog';
import { EditItemDialog } from '../manage/edit-item-dialog';
import { RetireDialog } from '../manage/retire-dialog';
import { SignInAgain } from '../session/sign-in-again';
import { SignOutDialog } from '../session/sign-out-dialog';
import { open } from './open';

// The chart is a third of the page's weight, and looked at now and then.
const PerformancePanel = lazy(() => import('../performance/performance-panel'));

export function OverPage(): ReactElement | null {
  const now = useStore(open);
  switch (now?.name) {
    case undefined:
      return null;
    case 'adjust':
      return <AdjustDialog key={itemKey(now.item)} item={now.item} kind={now.kind} />;
    case 'changes':
      return <ChangesPanel />;
    case 'conflict':
      return <ConflictDialog first={now.id} />;
    case 'alerts':
      return <AlertsPanel />;
    case 'performance':
      return (
        <Suspense>
          <PerformancePanel />
        </Suspense>
      );
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
