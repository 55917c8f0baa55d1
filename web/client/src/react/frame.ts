/*
 * frame.ts
 *   Renders once per animation frame, however many events came in it.
 *
 * The store has each change at once; only the components wait.  A page that is
 * hidden has no frames: it renders when it is seen again, once.
 */

const waiting = new Set<() => void>();

function render(): void {
  const all = [...waiting];
  waiting.clear();
  for (const changed of all) changed();
}

/** A subscription whose listener hears of all changes of a frame together. */
export function framed(subscribe: (fn: () => void) => () => void): (changed: () => void) => () => void {
  return (changed) => {
    const off = subscribe(() => {
      const first = waiting.size === 0;
      waiting.add(changed);
      if (typeof requestAnimationFrame === 'undefined') render();
      else if (first) requestAnimationFrame(render);
    });
    return () => {
      waiting.delete(changed);
      off();
    };
  };
}
