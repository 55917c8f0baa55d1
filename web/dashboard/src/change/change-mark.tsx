/*
 * change-mark.tsx
 *   Beside a number: is a change of it on its way, done, refused, or waiting for a person?
 */
import type { ItemView } from 'inventory-client';
import { type ReactElement, useCallback, useSyncExternalStore } from 'react';
import { Icon, type IconName } from '../base/icons';
import { counted } from '../base/words';
import { type Outcome, outcomes } from './perform';
import './change-mark.css';

export function useOutcome(key: string): Outcome | null {
  return useSyncExternalStore(
    outcomes.subscribe,
    useCallback(() => outcomes.get().get(key) ?? null, [key]),
  );
}

interface Props {
  readonly view: ItemView;
  readonly outcome: Outcome | null;
}

export function ChangeMark({ view, outcome }: Props): ReactElement | null {
  const mark = markOf(view, outcome);
  if (!mark) return null;
  return (
    <span className="change-mark" data-state={mark.state} title={mark.words}>
      <Icon name={mark.icon} />
      <span className="unseen">{mark.words}</span>
    </span>
  );
}

function markOf(view: ItemView, outcome: Outcome | null): { state: string; icon: IconName; words: string } | null {
  if (view.conflict) return { state: 'review', icon: 'warning', words: 'Needs review' };
  if (view.pending > 0)
    return { state: 'pending', icon: 'clock', words: `${counted(view.pending, 'change')} not saved yet` };
  if (outcome === 'failed') return { state: 'failed', icon: 'close', words: 'Not done' };
  return outcome === 'done' ? { state: 'done', icon: 'check', words: 'Saved' } : null;
}
