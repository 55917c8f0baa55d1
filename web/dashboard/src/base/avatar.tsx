/*
 * avatar.tsx
 *   A person as initials in a ring of their own colour, or as a picture.
 */
import type { ReactElement } from 'react';
import './avatar.css';

interface Props {
  readonly name: string;
  readonly id: string;
  readonly size?: number;
  readonly isEditing?: boolean;
}

export function Avatar({ name, id, size = 28, isEditing = false }: Props): ReactElement {
  return (
    <span
      className="avatar"
      data-editing={isEditing || undefined}
      style={{ width: size, height: size, fontSize: Math.round(size * 0.38), ['--hue' as string]: hueOf(id) }}
      data-initials={initialsOf(name)}
      aria-hidden="true"
    />
  );
}

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? '')][0] ?? '?';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** The same person has the same colour on every screen; ids that differ a little have colours that differ much. */
function hueOf(id: string): number {
  let hash = 0;
  for (const letter of id) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0xaa66d131);
  return Math.floor((((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32) * 24) * 15;
}
