/*
 * icons.tsx
 *   Line drawings of 16 by 16, in the colour of the text around them.
 *
 * They stand beside words, so none of them is read aloud.
 */
import type { ReactElement } from 'react';

const PATHS = {
  alert:
    'M8 2.5a3.5 3.5 0 0 0-3.5 3.5c0 3.5-1.5 4.5-1.5 4.5h10s-1.5-1-1.5-4.5A3.5 3.5 0 0 0 8 2.5ZM6.8 13.2a1.4 1.4 0 0 0 2.4 0',
  back: 'm9.5 4.5-3.5 3.5 3.5 3.5',
  forth: 'm6.5 4.5 3.5 3.5-3.5 3.5',
  arrowLeft: 'M13 8H3m0 0 4-4M3 8l4 4',
  check: 'm3 8.5 3.2 3.2L13 4.8',
  chevron: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6',
  close: 'm4 4 8 8m0-8-8 8',
  cloud: 'M4.5 12.5a3 3 0 0 1-.3-6 4 4 0 0 1 7.7.6 2.7 2.7 0 0 1-.4 5.4Z',
  download: 'M8 2.5v7.5m0 0L5 7m3 3 3-3M3 13h10',
  gauge: 'M2.5 11.5a6 6 0 1 1 11 0M8 10.5l2.6-3.6',
  half: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12',
  leave: 'M9.5 3H4v10h5.5M7 8h7m0 0-2.5-2.5M14 8l-2.5 2.5',
  minus: 'M3.5 8h9',
  moon: 'M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6Z',
  pencil: 'm10.5 3 2.5 2.5L6 12.5l-3 .5.5-3z',
  plus: 'M8 3.5v9M3.5 8h9',
  retry: 'M13 8a5 5 0 1 1-1.5-3.6M13 2.5v2.7h-2.7',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14',
  sound: 'M3 6.5v3h2l3 2.5V4L5 6.5Zm7.5-.5a3 3 0 0 1 0 4',
  mute: 'M3 6.5v3h2l3 2.5V4L5 6.5Zm7.5.2 3 2.8m0-2.8-3 2.8',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5V3m0 10v1.5M1.5 8H3m10 0h1.5M3.4 3.4l1 1m7.2 7.2 1 1m0-9.2-1 1m-7.2 7.2-1 1',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5',
  undo: 'M6 5H10a3.2 3.2 0 0 1 0 6.5H6M6 5l2-2M6 5l2 2',
  upload: 'M8 11V3.5m0 0-3 3m3-3 3 3M3 13h10',
  user: 'M8 8.2a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2ZM3 13.5a5 5 0 0 1 10 0',
  warning: 'M8 2.8 14 13H2ZM8 6.8v2.8m0 1.6v.1',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): ReactElement {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
