/*
 * search-field.tsx
 *   Words or a code, by fingers or by a scanner.
 *
 * A scanner types wherever the focus was left, so that letters which nothing
 * else wants are taken for its own.
 */
import { type KeyboardEvent, type ReactElement, useEffect, useId, useRef } from 'react';
import { Icon } from '../base/icons';
import { open } from '../shell/open';
import './search-field.css';

interface Props {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onEnter: () => void;
  /** To what stands below. */
  readonly onDown?: () => void;
  /** What Enter does. */
  readonly hint: string;
  /** The page is there for it. */
  readonly hasFocus?: boolean;
}

export function SearchField({ text, onText, onEnter, onDown, hint, hasFocus = false }: Props): ReactElement {
  const field = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => {
    // A finger asks for the keyboard itself.
    if (hasFocus && matchMedia('(pointer: fine)').matches) field.current?.focus({ preventScroll: true });
    const onKey = (event: globalThis.KeyboardEvent) => {
      const at = event.target as HTMLElement | null;
      if (at?.closest('input, textarea, select, dialog') || open.get() !== null) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      // A space presses buttons and scrolls.
      if (event.key.length > 1 || event.key === ' ') return;
      if (event.key === '/') event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [hasFocus]);

  function clear(): void {
    onText('');
    field.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Enter') onEnter();
    else if (event.key === 'ArrowDown' && onDown) onDown();
    else if (event.key === 'Escape') onText('');
    else return;
    event.preventDefault();
  }

  return (
    <div className="stock-search">
      <label className="unseen" htmlFor={id}>
        Search items by name, SKU or barcode
      </label>
      <Icon name="search" />
      <input
        ref={field}
        id={id}
        className="input"
        type="search"
        enterKeyHint="go"
        autoComplete="off"
        spellCheck={false}
        placeholder="Search or scan"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onFocus={(event) => event.target.select()}
        onKeyDown={onKeyDown}
      />
      {text === '' ? <kbd title="Press / to search">/</kbd> : <kbd title={hint}>Enter</kbd>}
      {text !== '' && (
        <button type="button" className="button plain search-clear" aria-label="Clear the search" onClick={clear}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
