/*
 * row-focus.ts
 *   Up and down in the table, as one expects of a list.
 */
import type { KeyboardEvent } from 'react';

const TARGET = '[data-row-target]';

export function focusFirstRow(): void {
  document.querySelector<HTMLElement>(TARGET)?.focus();
}

/** For the body of the table. */
export function moveInRows(event: KeyboardEvent): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const targets = [...document.querySelectorAll<HTMLElement>(TARGET)];
  const row = (event.target as HTMLElement).closest('[role=row]');
  const at = targets.findIndex((target) => row?.contains(target));
  if (at < 0) return;
  event.preventDefault();
  const next = targets[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (next) next.focus();
  else if (event.key === 'ArrowUp') document.querySelector<HTMLElement>('.stock-search input')?.focus();
}
