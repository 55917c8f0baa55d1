/*
 * faces.tsx
 *   A few people side by side, and how many more there are.
 *
 * Without a link of one's own they are grey: they are as last known, and an
 * empty list would be a lie.  Who leaves fades: a face that is gone at a stroke
 * leaves one wondering whose it was.
 */
import type { Person } from 'inventory-client';
import { type ReactElement, useEffect, useRef, useState } from 'react';
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
  const leaving = useLeaving(people);
  if (people.length + leaving.length === 0) return null;
  const shown = people.slice(0, most);
  const more = people.length - shown.length;
  const words = `${people.map(doing).join(', ')}${lastKnown ? ' (last known)' : ''}`;
  return (
    <span
      className="faces"
      data-last-known={lastKnown || undefined}
      aria-hidden={people.length === 0}
      role="img"
      aria-label={words}
      title={words}
    >
      {shown.map((person) => (
        <span key={person.userId} className="face" data-status={person.status}>
          <Avatar name={nameOf(person)} id={person.userId} size={size} isEditing={person.status === 'editing'} />
          {person.status === 'editing' && <span className="face-pen" />}
        </span>
      ))}
      {leaving.map((person) => (
        <span key={`left ${person.userId}`} className="face" data-leaving>
          <Avatar name={nameOf(person)} id={person.userId} size={size} />
        </span>
      ))}
      {more > 0 && <span className="faces-more small">+{more}</span>}
    </span>
  );
}

const FADE_MS = 200;

/** Those who were there a moment ago. */
function useLeaving(people: readonly Person[]): readonly Person[] {
  const before = useRef(people);
  const [leaving, setLeaving] = useState<readonly Person[]>([]);
  useEffect(() => {
    const left = before.current.filter(({ userId }) => !people.some((person) => person.userId === userId));
    before.current = people;
    if (left.length === 0) return;
    setLeaving(left);
    // A next one who leaves takes the place of this: it is a matter of looks.
    const timer = setTimeout(() => setLeaving((now) => (now === left ? [] : now)), FADE_MS);
    return () => clearTimeout(timer);
  }, [people]);
  return leaving;
}
