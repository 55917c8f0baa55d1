/*
 * status-badge.tsx
 *   How much there is: a shape, a word and a colour, each enough by itself.
 */
import type { Row } from 'inventory-client';
import type { ReactElement } from 'react';
import './status-badge.css';

export const STATUS_WORDS = { ok: 'In stock', low: 'Low', out: 'Out of stock' } as const;

type State = Row['alertState'];

export function StatusMark({ state, size = 10 }: { state: State; size?: number }): ReactElement {
  return (
    <svg className="status-mark" data-state={state} width={size} height={size} viewBox="0 0 10 10" aria-hidden="true">
      {state === 'ok' && <circle cx="5" cy="5" r="4" />}
      {state === 'low' && <path d="M5 .8 9.7 9.2H.3z" />}
      {state === 'out' && <rect x="1" y="1" width="8" height="8" rx="1" />}
    </svg>
  );
}

export function StatusBadge({ state }: { state: State }): ReactElement {
  return (
    <span className="status-badge" data-state={state}>
      <StatusMark state={state} />
      {STATUS_WORDS[state]}
    </span>
  );
}
