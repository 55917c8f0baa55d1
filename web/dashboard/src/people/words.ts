/*
 * words.ts
 *   What somebody is doing, as a sentence.
 */
import type { Person } from 'inventory-client';

export function doing(person: Person): string {
  const field = typeof person.metadata.field === 'string' ? person.metadata.field : null;
  const tabs = person.connections > 1 ? ` (${person.connections} windows)` : '';
  if (person.status === 'editing') return `${person.name} is editing${field === null ? '' : ` ${field}`}${tabs}`;
  return person.status === 'idle' ? `${person.name} is idle${tabs}` : `${person.name} is here${tabs}`;
}
