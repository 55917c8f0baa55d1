/*
 * change-mark.tsx
 *   Beside a number: is a change of it on its way, done, refused, or waiting for a person?
 */
import type { ItemView } from 'inventory-client';
import type { ReactElement } from 'react';
import { Icon } from '../base/icons';
import { counted } from '../base/words';
import './change-mark.css';

export function ChangeMark({ view }: { view: ItemView }): ReactElement | null {
  if (view.conflict) {
    return (
      <span className="change-mark" data-state="review" title="Needs review">
        <Icon name="warning" />
        <span className="unseen">Needs review</span>
      </span>
    );
  }
  if (view.pending > 0) {
    const words = `${counted(view.pending, 'change')} not saved yet`;
    return (
      <span className="change-mark" data-state="pending" title={words}>
        <Icon name="clock" />
        <span className="unseen">{words}</span>
      </span>
    );
  }
  return null;
}
