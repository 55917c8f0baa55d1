/*
 * virtual-rows.ts
 *   Which rows of a long table the window shows.
 *
 * Rows have one height, so where each stands is arithmetic.  The window
 * scrolls, not the table: on a phone the bars of the browser then give way.
 */
import { type RefObject, useEffect, useState } from 'react';

export interface Range {
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
}

const SPARE = 6;

export function useVirtualRows(body: RefObject<HTMLElement | null>, count: number, height: number): Range {
  const [range, setRange] = useState<Range>({ first: 0, end: 30 });

  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height) - SPARE);
      const end = Math.min(count, Math.ceil((innerHeight - top) / height) + SPARE);
      setRange((now) => (now.first === first && now.end === end ? now : { first, end }));
    };
    const later = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    const resized = new ResizeObserver(later);
    resized.observe(document.body);
    return () => {
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
      resized.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [body, count, height]);

  return { first: Math.min(range.first, count), end: Math.min(range.end, count) };
}
