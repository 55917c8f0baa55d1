/*
 * result-preview.tsx
 *   What a choice leads to, before it is made.
 */
import type { ConflictPreview, Row } from 'inventory-client';
import type { ReactElement } from 'react';
import { count } from '../base/words';
import { StatusBadge } from '../stock/status-badge';

interface Props {
  readonly theirs: Row | null;
  readonly preview: ConflictPreview | null;
}

export function ResultPreview({ theirs, preview }: Props): ReactElement {
  const after = preview?.quantityAvailable ?? null;
  const isOpen = preview?.choice === 'merge' && preview.change === null;
  const { batchNumber, quantity } = preview?.change ?? {};
  return (
    <p className="result" role="status">
      <span className="quiet">Result</span>
      {after === null || isOpen ? (
        <span>
          {isOpen
            ? 'Type what is on the shelf'
            : typeof batchNumber === 'string' && typeof quantity === 'number'
              ? `${count(quantity)} in batch ${batchNumber}`
              : 'not known here'}
        </span>
      ) : (
        <>
          <span className="number">
            available {theirs && <>{count(theirs.quantityAvailable)} → </>}
            <strong>{count(after)}</strong>
          </span>
          {preview?.alertState && <StatusBadge state={preview.alertState} />}
          {preview?.belowZero ? (
            <span className="error">
              {preview.choice === 'rebase' ? 'short again: it will be refused' : 'below zero'}
            </span>
          ) : (
            preview?.belowMinimum &&
            theirs && <span className="result-note">below minimum {count(theirs.minimumStock)}</span>
          )}
        </>
      )}
    </p>
  );
}
