/*
 * words.ts
 *   What somebody is doing, as a sentence.
 */
import type { Person } from 'inventory-client';

/** Who brings no token is somebody all the same. */
export function nameOf({ name, userId }: Person): string {
  return userId === 'anonymous' && name === userId ? 'Guest' : name;
}

export function doing(person: Person): string {
  const name = nameOf(person);
  const field = typeof person.metadata.field === 'string' ? person.metadata.field : null;
  const tabs = person.connections > 1 ? ` (${person.connections} windows)` : '';
  if (person.status === 'editing') return `${name} is editing${field === null ? '' : ` ${field}`}${tabs}`;
  return person.status === 'idle' ? `${name} is idle${tabs}` : `${name} is here${tabs}`;
}
