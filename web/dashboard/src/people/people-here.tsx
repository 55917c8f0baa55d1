/*
 * people-here.tsx
 *   In the header: who else looks at the stock, and a list of what they do.
 */
import type { Person } from 'inventory-client';
import { channel } from 'inventory-client';
import { useInventoryPresence } from 'inventory-client/react';
import { type ReactElement, useId } from 'react';
import { Avatar } from '../base/avatar';
import { counted } from '../base/words';
import { useSession } from '../session/context';
import { useActivity } from './activity';
import { Faces } from './faces';
import { useHasPresence } from './presence-context';
import { doing, nameOf } from './words';
import './people-here.css';

export function PeopleHere(): ReactElement | null {
  return useHasPresence() ? <Others /> : null;
}

function Others(): ReactElement | null {
  const { user } = useSession();
  const status = useActivity();
  const { people, lastKnown } = useInventoryPresence(channel.presenceList, { status });
  const id = useId();
  const others = people.filter((person) => person.userId !== user.id);
  if (others.length === 0) return null;
  return (
    <>
      <button
        type="button"
        className="button plain people"
        popoverTarget={id}
        aria-label={`${counted(others.length, 'other person', 'other people')} here`}
      >
        <Faces people={others} lastKnown={lastKnown} />
      </button>
      <div id={id} className="people-list" popover="auto">
        <h2>{lastKnown ? 'Last known here' : 'Here now'}</h2>
        <ul>
          {others.slice(0, SHOWN).map((person) => (
            <PersonRow key={person.userId} person={person} />
          ))}
        </ul>
        {others.length > SHOWN && <p className="quiet small">and {others.length - SHOWN} more</p>}
      </div>
    </>
  );
}

const SHOWN = 30;

function PersonRow({ person }: { person: Person }): ReactElement {
  return (
    <li className="person">
      <Avatar name={nameOf(person)} id={person.userId} isEditing={person.status === 'editing'} />
      <span>{doing(person)}</span>
    </li>
  );
}
