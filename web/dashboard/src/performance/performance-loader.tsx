/*
 * performance-loader.tsx
 *   The panel comes when it is looked at, or soon after the page.
 *
 * The chart is a third of the page's weight.  But one looks here when the
 * link is bad, and then it would not come any more.
 */
import { type ComponentType, type ReactElement, useEffect, useState } from 'react';
import { Dialog } from '../base/dialog';
import { close } from '../shell/open';

const SOON_MS = 5_000;

function load(): Promise<ComponentType> {
  return import('./performance-panel').then((module) => module.default);
}

/** Until the function it returns is called. */
export function loadPerformanceSoon(): () => void {
  const timer = setTimeout(() => load().catch(() => {}), SOON_MS);
  return () => clearTimeout(timer);
}

export function PerformanceLoader(): ReactElement | null {
  const [panel, setPanel] = useState<{ readonly Panel: ComponentType | null } | null>(null);
  useEffect(() => {
    load().then(
      (Panel) => setPanel({ Panel }),
      () => setPanel({ Panel: null }),
    );
  }, []);

  if (!panel) return null;
  if (panel.Panel) return <panel.Panel />;
  return (
    <Dialog kind="sheet" wide title="Performance" onClose={close}>
      <div className="dialog-body">
        <p className="empty" role="status">
          This panel is not here yet, and comes over the link. Look again when there is one.
        </p>
      </div>
    </Dialog>
  );
}
