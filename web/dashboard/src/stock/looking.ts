/*
 * looking.ts
 *   What one looks for in the list: words, and which rows.
 *
 * It stays while one looks at the page of an item, and is there on the way back.
 */
import { createStore } from '../base/store';
import type { Segment } from './order';

/** The address of the list. */
export const LIST = '#/';

export const search = createStore('');
export const segment = createStore<Segment>('all');

export function lookAtAll(): void {
  search.set('');
  segment.set('all');
}
