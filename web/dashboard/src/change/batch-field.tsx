/*
 * batch-field.tsx
 *   Which batch of an item comes in, goes out or is counted.
 *
 * One is chosen of those there are, with how many are in it, or a new one is
 * named.  Where it is not known which there are, the number on the box is typed.
 */
import { type ReactElement, useEffect, useId, useState } from 'react';
import { Select } from '../base/select';
import { type Batches, batchWords, type KnownBatch } from './batches';
import type { Batch, Kind } from './kinds';

interface Props {
  readonly batches: NonNullable<Batches> | null;
  readonly kind: Kind;
  /** One has to be named. */
  readonly isNeeded: boolean;
  /** Somebody tried without one. */
  readonly isMissed: boolean;
  readonly batch: Batch;
  readonly onBatch: (batch: Batch) => void;
}

/** No batch is called so: an id has no control characters. */
const ANOTHER = '\n';

export function BatchField({ batches, kind, isNeeded, isMissed, batch, onBatch }: Props): ReactElement {
  const id = useId();
  const [isNamed, setNamed] = useState(false);
  const known = batches === 'coming' ? null : batches;
  const offered = (known ?? []).filter((one) => kind !== 'out' || one.quantity > 0);
  const isOffered = offered.some(({ number }) => number === batch.batchNumber);
  const only = isNeeded && offered.length === 1 && batch.batchNumber === undefined && !isNamed ? offered[0] : undefined;
  useEffect(() => {
    if (only) onBatch(chosen(only));
  }, [only, onBatch]);

  // One that was typed while there was no list stays typed.
  const isTyped = batches === null || isNamed || (known !== null && batch.batchNumber !== undefined && !isOffered);
  const problem = isMissed && (
    <span id={`${id}-problem`} className="error">
      Which batch is it?
    </span>
  );
  return (
    <>
      {batches !== null && (
        <div className="field">
          <label className="label" htmlFor={`${id}-one`}>
            Batch
          </label>
          <Select
            id={`${id}-one`}
            aria-describedby={`${id}-problem`}
            value={isTyped ? ANOTHER : (batch.batchNumber ?? '')}
            aria-invalid={isMissed && !isTyped}
            data-batch
            onChange={({ target: { value } }) => {
              const one = offered.find(({ number }) => number === value);
              setNamed(value === ANOTHER);
              onBatch(one ? chosen(one) : {});
            }}
          >
            {isNeeded ? (
              <option value="" disabled>
                Choose one
              </option>
            ) : (
              <option value="">First to expire</option>
            )}
            {known === null && batch.batchNumber !== undefined && (
              <option value={batch.batchNumber}>{batch.batchNumber}</option>
            )}
            {offered.map((one) => (
              <option key={one.number} value={one.number}>
                {batchWords(one)}
              </option>
            ))}
            <option value={ANOTHER}>Another batch…</option>
          </Select>
          {!isTyped && problem}
        </div>
      )}
      {isTyped && (
        <div className="adjust-batch">
          <div className="field">
            <label className="label" htmlFor={`${id}-number`}>
              Batch number
            </label>
            <input
              id={`${id}-number`}
              className="input"
              aria-describedby={`${id}-problem`}
              value={batch.batchNumber ?? ''}
              autoComplete="off"
              placeholder={isNeeded ? '' : 'First to expire'}
              aria-invalid={isMissed}
              data-batch
              onChange={({ target: { value } }) => onBatch(named(value, batch.expiresAt, known))}
            />
            {problem}
          </div>
          {isNeeded && (
            <label className="field">
              <span>Expires</span>
              <input
                className="input"
                type="date"
                value={batch.expiresAt?.slice(0, 10) ?? ''}
                onChange={({ target: { value } }) =>
                  onBatch(named(batch.batchNumber ?? '', value === '' ? undefined : `${value}T00:00:00Z`, known))
                }
              />
            </label>
          )}
        </div>
      )}
    </>
  );
}

function chosen({ number, quantity }: KnownBatch): Batch {
  return { batchNumber: number, seen: quantity };
}

/** One that is typed may be there already; of one that is not, none has been seen. */
function named(number: string, expiresAt: string | undefined, known: readonly KnownBatch[] | null): Batch {
  const trimmed = number.trim();
  const one = known?.find((other) => other.number === trimmed);
  return {
    ...(trimmed !== '' && { batchNumber: trimmed }),
    // Its expiry is known then, and another one would be a contradiction.
    ...(expiresAt !== undefined && !one && { expiresAt }),
    ...(known !== null && { seen: one?.quantity ?? 0 }),
  };
}
