/*
 * faces.tsx
 *   A few people side by side, and how many more there are.
 *
 * Without a link of one's own they are grey: they are as last known, and an
 * empty list would be a lie.
 */
import type { Person } from 'inventory-client';
import type { ReactElement } from 'react';
import { Avatar } from '../base/avatar';
import { doing, nameOf } from './words';
import './faces.css';

interface Props {
  readonly people: readonly Person[];
  readonly lastKnown: boolean;
  readonly most?: number;
  readonly size?: number;
}

export function Faces({ people, lastKnown, most = 3, size = 28 }: Props): ReactElement | null {
  if (people.length === 0) return null;
  const shown = people.slice(0, most);
  const more = people.length - shown.length;
  const words = `${people.map(doing).join(', ')}${lastKnown ? ' (last known)' : ''}`;
  return (
    <span className="faces" data-last-known={lastKnown || undefined} role="img" aria-label={words} title={words}>
      {shown.map((person) => (
        <span key={person.userId} className="face" data-status={person.status}>
          <Avatar name={nameOf(person)} id={person.userId} size={size} isEditing={person.status === 'editing'} />
          {person.status === 'editing' && <span className="face-pen" />}
        </span>
      ))}
      {more > 0 && <span className="faces-more small">+{more}</span>}
    </span>
  );
}
