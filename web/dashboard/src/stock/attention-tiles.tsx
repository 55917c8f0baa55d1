/*
 * attention-tiles.tsx
 *   What needs somebody, in numbers; each is a filter of the table.
 */
import type { ReactElement } from 'react';
import { count } from '../base/words';
import type { Segment } from './order';
import { StatusMark } from './status-badge';
import type { Stock } from './stock-index';
import './attention-tiles.css';

interface Props {
  readonly stock: Stock;
  readonly segment: Segment;
  readonly onSegment: (segment: Segment) => void;
}

export function AttentionTiles({ stock, segment, onSegment }: Props): ReactElement {
  const tile = (name: Segment, n: number, word: string, mark: ReactElement) => (
    <button
      type="button"
      className="tile"
      data-tone={n > 0 ? name : undefined}
      aria-pressed={segment === name}
      onClick={() => onSegment(segment === name ? 'all' : name)}
    >
      <span className="tile-number number">{count(n)}</span>
      <span className="tile-word">
        {mark}
        {word}
      </span>
    </button>
  );
  return (
    <fieldset className="tiles">
      <legend className="unseen">Show only</legend>
      {tile('out', stock.out, 'Out of stock', <StatusMark state="out" />)}
      {tile('low', stock.low, 'Low', <StatusMark state="low" />)}
      {tile('unsent', stock.unsent, 'Unsent', <span className="tile-dot" />)}
      {tile('all', stock.byKey.size, 'All items', <StatusMark state="ok" />)}
    </fieldset>
  );
}
