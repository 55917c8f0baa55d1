/*
 * quantity.tsx
 *   A live number: it brightens for a moment when it changes.
 *
 * With less motion asked for, a small mark says "changed" instead.  The mark
 * is set on the element and not in React: at two hundred events a second this
 * is the part that must be cheap.
 */
import { type ReactElement, useEffect, useRef } from 'react';
import { count } from '../base/words';
import './quantity.css';

const MARK_MS = 1_600;

export function Quantity({ value, changeKey }: { value: number; changeKey: number }): ReactElement {
  const element = useRef<HTMLSpanElement>(null);
  const last = useRef(changeKey);

  useEffect(() => {
    const node = element.current;
    if (!node || last.current === changeKey) return;
    last.current = changeKey;
    node.dataset.changed = '';
    for (const animation of node.getAnimations()) {
      animation.cancel();
      animation.play();
    }
    const timer = setTimeout(() => delete node.dataset.changed, MARK_MS);
    return () => clearTimeout(timer);
  }, [changeKey]);

  return (
    <span ref={element} className="quantity number">
      {count(value)}
    </span>
  );
}
