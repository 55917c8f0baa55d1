/*
 * adjust-dialog.tsx
 *   Sell, receive, correct or count one item.
 *
 * The number has the focus; the letters of the four kinds choose one while it
 * has.  What the server does meanwhile is shown and never touches what is
 * being typed.  A count is made on the version one began with: if the item
 * moved since, somebody is asked, unless one takes the newer number as seen.
 */
import type { ItemKey } from 'inventory-client';
import { itemKey } from 'inventory-client';
import { useClient, useInventoryItem } from 'inventory-client/react';
import { type FormEvent, type KeyboardEvent, type ReactElement, useEffect, useRef, useState } from 'react';
import { Dialog } from '../base/dialog';
import { Icon } from '../base/icons';
import { Select } from '../base/select';
import { count } from '../base/words';
import { BeAt } from '../people/be-at';
import { useGone } from '../shell/gone';
import { close, openAdjust } from '../shell/open';
import { isCodeOf, itemText } from '../stock/item-text';
import { lastChangeOf } from '../stock/last-change';
import { StatusBadge } from '../stock/status-badge';
import { type Stock, useStock } from '../stock/stock-index';
import { itemHash } from '../stock/stock-row';
import { BatchField } from './batch-field';
import { useBatches } from './batches';
import {
  actionWords,
  availableAfter,
  type Batch,
  changeOf,
  doneWords,
  KINDS,
  type Kind,
  kindWords,
  needsBatch,
  quantityRule,
  readQuantity,
} from './kinds';
import { perform } from './perform';
import './adjust-dialog.css';

interface Props {
  readonly item: ItemKey;
  readonly kind?: Kind | undefined;
  readonly batch?: Batch | undefined;
}

export function AdjustDialog({ item, kind: first = 'out', batch: firstBatch = {} }: Props): ReactElement | null {
  const client = useClient();
  const view = useInventoryItem(item);
  const stock = useStock();
  const row = view.value;
  const batches = useBatches(item, row);
  const field = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  // Arrows go from kind to kind, and must be able to go on.
  const isByKey = useRef(false);
  const [kind, setKind] = useState<Kind>(first);
  const [text, setText] = useState('');
  const [preset, setPreset] = useState(kindWords(first).reasons[0] ?? null);
  const [other, setOther] = useState('');
  const reason = preset ?? other;
  const [chosenBatch, setBatch] = useState<Batch>(firstBatch);
  const [isTried, setTried] = useState(false);
  const [scanned, setScanned] = useState<string | null>(null);
  const version = view.base ? view.base.version + view.pending : 0;
  const [seen, setSeen] = useState({ version, available: row?.quantityAvailable ?? 0 });

  useEffect(() => field.current?.focus(), []);
  useGone(row);

  if (!row) return null;
  const words = kindWords(kind);
  const name = itemText(row);
  const n = readQuantity(kind, text);
  const batch = batches === undefined ? null : chosenBatch;
  const isBatchNeeded = batch !== null && needsBatch(kind, n);
  const isBatchMissed = isTried && isBatchNeeded && batch.batchNumber === undefined;
  const inBatch = (Array.isArray(batches) ? batches : []).find(({ number }) => number === batch?.batchNumber)?.quantity;
  const after = n === null ? null : availableAfter(row, kind, n, batch);
  const state = after === null ? null : after <= 0 ? 'out' : after < row.minimumStock ? 'low' : 'ok';
  // A count is of its batch: what moves elsewhere does not touch it.
  const isCountOfBatch = kind === 'count' && batch !== null;
  const moved = isCountOfBatch
    ? inBatch !== undefined && batch.seen !== undefined && inBatch !== batch.seen
    : view.base !== null && version !== seen.version;
  const others = [...stock.byKey.values()].flatMap(({ value }) => (value?.productId === row.productId ? [value] : []));

  function choose(next: Kind, thenType = true): void {
    setKind(next);
    if (preset !== null || other === '') setPreset(kindWords(next).reasons[0] ?? null);
    if (thenType) field.current?.focus();
  }

  function takeTheirs(): void {
    if (isCountOfBatch && inBatch !== undefined) setBatch((now) => ({ ...now, seen: inBatch }));
    else if (row) setSeen({ version, available: row.quantityAvailable });
  }

  function step(by: number): void {
    const now = readQuantity('adjustment', text) ?? 0;
    const next = now + by;
    setText(String(kind === 'adjustment' ? next : Math.max(0, next)));
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = KINDS.find(({ letter }) => letter === event.key.toLowerCase());
    if (chosen) choose(chosen.kind);
    else if (event.key === 'ArrowUp') step(1);
    else if (event.key === 'ArrowDown') step(-1);
    else return;
    event.preventDefault();
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    setTried(true);
    if (n === null) {
      field.current?.focus();
      return;
    }
    const code = codeNamed(text, stock);
    setScanned(code);
    if (code !== null) {
      field.current?.select();
      return;
    }
    if (isBatchNeeded && batch.batchNumber === undefined) {
      form.current?.querySelector<HTMLElement>('[data-batch]')?.focus();
      return;
    }
    const change = changeOf(item, kind, n, reason.trim(), batch);
    // What was seen of a batch says it better than the version of the item, which other batches move.
    const isOnVersion = change.type === 'set' && view.base !== null && change.expectedQuantity === undefined;
    perform(client, isOnVersion ? { ...change, expectedVersion: seen.version } : change, {
      done: doneWords(kind, n, reason.trim(), name.name, batch),
      name: name.name,
    });
    close();
  }

  return (
    <Dialog
      title={name.name}
      subtitle={
        <>
          {name.sku ?? row.productId} ·{' '}
          <a className="adjust-history" href={itemHash(row)} onClick={close}>
            History
          </a>
        </>
      }
      onClose={close}
    >
      <BeAt item={item} status="editing" field="quantity" />
      <form ref={form} className="adjust" onSubmit={submit} noValidate>
        <div className="dialog-body">
          {others.length > 1 ? (
            <div className="field">
              <label className="label" htmlFor="adjust-warehouse">
                Warehouse
              </label>
              <Select
                id="adjust-warehouse"
                value={row.warehouseId}
                onChange={(event) => openAdjust({ productId: row.productId, warehouseId: event.target.value }, kind)}
              >
                {others.map((other) => (
                  <option key={other.warehouseId} value={other.warehouseId}>
                    {itemText(other).warehouse} ({count(other.quantityAvailable)})
                  </option>
                ))}
              </Select>
            </div>
          ) : (
            <p className="quiet">{name.warehouse}</p>
          )}

          <fieldset
            className="adjust-kinds"
            onKeyDown={() => {
              isByKey.current = true;
            }}
            onPointerDown={() => {
              isByKey.current = false;
            }}
          >
            <legend className="unseen">What happens</legend>
            {KINDS.map((one) => (
              <label key={one.kind} className="adjust-kind">
                <input
                  type="radio"
                  name="kind"
                  value={one.kind}
                  checked={kind === one.kind}
                  onChange={() => choose(one.kind, !isByKey.current)}
                />
                <span>
                  {one.word} <kbd>{one.letter.toUpperCase()}</kbd>
                </span>
              </label>
            ))}
          </fieldset>

          <div className="field">
            <label className="label" htmlFor="adjust-quantity">
              {isCountOfBatch ? 'How many of this batch are on the shelf' : words.hint}
            </label>
            <div className="adjust-number">
              <button type="button" className="button" aria-label="One less" onClick={() => step(-1)}>
                <Icon name="minus" />
              </button>
              <input
                ref={field}
                id="adjust-quantity"
                className="input number"
                inputMode={kind === 'adjustment' ? 'text' : 'numeric'}
                autoComplete="off"
                enterKeyHint="done"
                value={text}
                aria-invalid={scanned !== null || (isTried && n === null)}
                aria-describedby="adjust-result"
                onChange={(event) => {
                  setText(event.target.value);
                  setScanned(null);
                }}
                onKeyDown={onKeyDown}
              />
              <button type="button" className="button" aria-label="One more" onClick={() => step(1)}>
                <Icon name="plus" />
              </button>
            </div>
            <p id="adjust-result" className="adjust-result">
              {scanned !== null ? (
                <span className="error">This is the code of {scanned}, and no number</span>
              ) : isTried && n === null ? (
                <span className="error">{quantityRule(kind)}</span>
              ) : (
                <>
                  <span className="number">
                    Available {count(row.quantityAvailable)}
                    {after !== null && <strong> → {count(after)}</strong>}
                  </span>
                  {state && <StatusBadge state={state} />}
                  {after !== null && after < 0 && <span className="error">more than there is</span>}
                </>
              )}
            </p>
            {moved && (
              <p className="adjust-moved">
                <Icon name="warning" />
                <span>
                  {isCountOfBatch ? 'In the batch' : 'Server'}:{' '}
                  <strong className="number">{count(isCountOfBatch ? (inBatch ?? 0) : row.quantityAvailable)}</strong>{' '}
                  (was {count(isCountOfBatch ? (batch.seen ?? 0) : seen.available)})
                  {byWhom(lastChangeOf(client, itemKey(item))?.by)}
                </span>
                {kind === 'count' && (
                  <button type="button" className="button" onClick={takeTheirs}>
                    Take theirs
                  </button>
                )}
              </p>
            )}
          </div>

          {batches !== undefined && (
            <BatchField
              batches={batches}
              kind={kind}
              isNeeded={isBatchNeeded}
              isMissed={isBatchMissed}
              batch={chosenBatch}
              onBatch={setBatch}
            />
          )}

          <div className="field">
            <label className="label" htmlFor="adjust-reason">
              Reason
            </label>
            <div className="adjust-reasons">
              {words.reasons.map((word) => (
                <button
                  key={word}
                  type="button"
                  className="button adjust-preset"
                  aria-pressed={preset === word}
                  onClick={() => setPreset(word)}
                >
                  {word}
                </button>
              ))}
              <input
                id="adjust-reason"
                className="input"
                placeholder="Other"
                maxLength={100}
                value={preset === null ? other : ''}
                onChange={(event) => {
                  setPreset(null);
                  setOther(event.target.value);
                }}
              />
            </div>
          </div>
        </div>
        <footer className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button primary">
            {actionWords(kind, n, reason)}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Somebody scanned the next item before this dialog was done: the name of what has this code. */
function codeNamed(text: string, stock: Stock): string | null {
  if (text.trim().length < CODE_LENGTH) return null;
  for (const { value } of stock.byKey.values())
    if (value && isCodeOf(itemText(value), value, text)) return itemText(value).name;
  return null;
}

/** Shorter ones may well be numbers. */
const CODE_LENGTH = 6;

function byWhom(name: string | null | undefined): string {
  return name ? `, by ${name}` : '';
}
