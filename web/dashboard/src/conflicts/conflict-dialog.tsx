/*
 * conflict-dialog.tsx
 *   Two truths about one item: what I saw, what I wanted, what the server has.
 *
 * Nothing is decided by looking: Esc means later.  The choice that loses
 * nothing is chosen to begin with, arrows change it, Enter applies it, and
 * what it leads to is shown before.  If the item moves again meanwhile, the
 * dialog stays, says so, and asks again.
 */
import type { Conflict, ConflictChoice, Row } from 'inventory-client';
import { useClient, useConflicts } from 'inventory-client/react';
import {
  type FormEvent,
  type KeyboardEvent,
  type ReactElement,
  useCallback,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { Dialog } from '../base/dialog';
import { Icon } from '../base/icons';
import { count, counted, dateTime } from '../base/words';
import { describe } from '../change/describe';
import { reviewNotice } from '../change/perform';
import { say } from '../notices/announcer';
import { dismiss, notify } from '../notices/notices';
import { useSession } from '../session/context';
import { isManager } from '../session/session';
import { close, openAdjust } from '../shell/open';
import { itemText } from '../stock/item-text';
import { lastChangeOf } from '../stock/last-change';
import { StatusBadge } from '../stock/status-badge';
import { useStock } from '../stock/stock-index';
import { choicesOf } from './choices';
import { ResultPreview } from './result-preview';
import './conflict-dialog.css';

export function ConflictDialog({ first }: { first?: string | undefined }): ReactElement | null {
  const { conflicts } = useConflicts();
  const [id, setId] = useState(first);
  const at = Math.max(
    0,
    conflicts.findIndex((conflict) => conflict.id === id),
  );
  const conflict = conflicts[at];

  const isNone = conflict === undefined;
  useEffect(() => {
    if (isNone) close();
  }, [isNone]);
  if (!conflict) return null;

  return (
    <ConflictForm
      key={conflict.id}
      conflict={conflict}
      at={at}
      of={conflicts.length}
      onGo={(by) => setId(conflicts[(at + by + conflicts.length) % conflicts.length]?.id)}
    />
  );
}

const TITLES: Readonly<Record<Conflict['code'], string>> = {
  insufficient_stock: 'Not enough stock',
  version_conflict: 'Changed by somebody else meanwhile',
  STALE_OPERATION: 'Made long ago, and not sent since',
};

interface Props {
  readonly conflict: Conflict;
  readonly at: number;
  readonly of: number;
  readonly onGo: (by: number) => void;
}

function ConflictForm({ conflict: known, at, of, onGo }: Props): ReactElement {
  const client = useClient();
  // The item moves without one's own changes; what is decided is decided on what is shown.
  useSyncExternalStore(
    useCallback((changed) => client.inventory.subscribe(known.key, changed), [client, known.key]),
    () => client.inventory.get(known.key),
  );
  const conflict = client.conflicts.get(known.id) ?? known;
  const { byKey } = useStock();
  const { conflicts, resolve, preview } = useConflicts();
  const manager = isManager(useSession());
  const choices = choicesOf(conflict, manager);
  const [choice, setChoice] = useState<ConflictChoice>(
    choices.some((one) => one.choice === conflict.suggested) ? conflict.suggested : 'server',
  );
  const [value, setValue] = useState('');
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const shown = useRef(conflict.theirs?.version);
  const [hasMoved, setMoved] = useState(false);

  useEffect(() => {
    form.current?.querySelector<HTMLInputElement>('input:checked')?.focus();
    // It asks for what is being done here.
    dismiss(reviewNotice(known.id));
  }, [known.id]);
  useEffect(() => {
    if (shown.current !== conflict.theirs?.version) setMoved(true);
    shown.current = conflict.theirs?.version;
  }, [conflict.theirs?.version]);

  const number = /^\d{1,12}$/.test(value.trim()) ? Number(value.trim()) : undefined;
  const result = preview(conflict.id, choice, number);
  const canApply = choice === 'server' || (result?.change ?? null) !== null;
  const row = conflict.theirs ?? conflict.base;
  const name = row ? itemText(byKey.get(conflict.key)?.value ?? row) : null;
  const { what } = describe(conflict.operation.message, byKey);
  const alike = conflicts.filter((other) => other.code === conflict.code && other.suggested === conflict.suggested);

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (canApply && !isBusy) void apply([conflict.id]);
  }

  async function apply(ids: readonly string[]): Promise<void> {
    setBusy(true);
    try {
      for (const id of ids)
        await resolve(id, { choice, ...(choice === 'merge' && number !== undefined && { value: number }) });
    } catch (error) {
      notify({ tone: 'error', title: 'Not decided', text: error instanceof Error ? error.message : String(error) });
      return;
    } finally {
      setBusy(false);
    }
    say(ids.length > 1 ? `${ids.length} decided` : 'Decided');
    if (client.conflicts.list().length === 0) close();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if ((event.target as HTMLElement).matches('input:not([type=radio])') || of < 2) return;
    if (event.key === ']') onGo(1);
    else if (event.key === '[') onGo(-1);
  }

  async function later(): Promise<void> {
    await client.conflicts.defer(conflict.id);
    close();
  }

  async function askManager(): Promise<void> {
    const text = `${what} at ${name?.warehouse ?? ''}: only ${count(row?.quantityAvailable ?? 0)} on record. Please record it or count the shelf.`;
    try {
      await (navigator.share ? navigator.share({ text }) : navigator.clipboard.writeText(text));
      notify({ tone: 'plain', title: 'Question copied', text: 'hand it to a manager; the sale waits here' });
    } catch {
      // Pages that do not come over https may do neither.
      notify({ tone: 'plain', title: 'Tell a manager', text, forMs: 30_000 });
    }
    await later();
  }

  async function countShelf(): Promise<void> {
    await client.conflicts.defer(conflict.id);
    if (row) openAdjust(row, 'count');
  }

  return (
    <Dialog
      wide
      title={TITLES[conflict.code]}
      subtitle={
        <>
          {what}
          {name && `, ${name.warehouse}`}
          {of > 1 && (
            <>
              {' · '}
              <span className="number conflict-at">
                {at + 1} of {of}
              </span>
            </>
          )}
        </>
      }
      onClose={() => void later()}
    >
      <form ref={form} onSubmit={submit} onKeyDown={onKeyDown}>
        <div className="dialog-body">
          <div className="sides">
            <Side title="Before" row={conflict.base} note="what you saw" />
            <Side title="Mine" row={conflict.mine} note={dateTime(conflict.operation.createdAt)} tone="mine" />
            <Side title="Server" row={conflict.theirs} note={whoAndWhen()} tone="theirs" />
          </div>
          {hasMoved && (
            <p className="conflict-moved" role="status">
              It moved again: the server now has {count(conflict.theirs?.quantityAvailable ?? 0)}.
            </p>
          )}
          <fieldset className="choices">
            <legend className="label">What shall it be?</legend>
            {choices.map((one) => (
              <label key={one.choice} className="choice">
                <input
                  type="radio"
                  name="choice"
                  value={one.choice}
                  checked={choice === one.choice}
                  onChange={() => setChoice(one.choice)}
                />
                <span className="choice-words">
                  <strong>{one.word}</strong>
                  <span className="quiet small">{one.hint}</span>
                </span>
                {one.choice === 'merge' && choice === 'merge' && (
                  <input
                    className="input number choice-number"
                    inputMode="numeric"
                    aria-label="On the shelf"
                    autoFocus
                    value={value}
                    onChange={(event) => setValue(event.target.value)}
                  />
                )}
              </label>
            ))}
          </fieldset>
          <ResultPreview theirs={conflict.theirs} preview={result} />
          {conflict.code === 'insufficient_stock' && (
            <div className="conflict-help">
              <button type="button" className="button" onClick={() => void countShelf()}>
                Count the shelf
              </button>
              {!manager && (
                <button type="button" className="button" onClick={() => void askManager()}>
                  Ask a manager
                </button>
              )}
            </div>
          )}
        </div>
        <footer className="dialog-actions">
          {of > 1 && (
            <span className="conflict-go">
              <button
                type="button"
                className="button"
                aria-label="Previous"
                title="Previous: ["
                onClick={() => onGo(-1)}
              >
                <Icon name="back" />
              </button>
              <button type="button" className="button" aria-label="Next" title="Next: ]" onClick={() => onGo(1)}>
                <Icon name="forth" />
              </button>
            </span>
          )}
          <button type="button" className="button" onClick={() => void later()}>
            Decide later
          </button>
          {alike.length > 1 && choice !== 'merge' && (
            <button
              type="button"
              className="button"
              disabled={isBusy || !canApply}
              onClick={() => void apply(alike.map((other) => other.id))}
            >
              Apply to {counted(alike.length, 'like this', 'like this')}
            </button>
          )}
          <button type="submit" className="button primary" disabled={isBusy || !canApply}>
            Apply
          </button>
        </footer>
      </form>
    </Dialog>
  );

  function whoAndWhen(): string {
    const last = lastChangeOf(client, conflict.key);
    if (!last || !conflict.theirs || last.version !== conflict.theirs.version) {
      const at = Date.parse(conflict.theirs?.timestamp ?? '');
      return Number.isNaN(at) ? 'now' : dateTime(at);
    }
    return last.by === null ? dateTime(last.at) : `${last.by}, ${dateTime(last.at)}`;
  }
}

interface SideProps {
  readonly title: string;
  readonly row: Row | null;
  readonly note: string;
  readonly tone?: 'mine' | 'theirs';
}

function Side({ title, row, note, tone }: SideProps): ReactElement {
  return (
    <section className="side" data-tone={tone}>
      <h3>{title}</h3>
      <p className="side-number number">{row ? count(row.quantityAvailable) : '–'}</p>
      {row && <StatusBadge state={row.alertState} />}
      <p className="quiet small">{note}</p>
      {row && row.quantityReserved > 0 && (
        <p className="quiet small number">
          on hand {count(row.quantityOnHand)}, reserved {count(row.quantityReserved)}
        </p>
      )}
    </section>
  );
}
