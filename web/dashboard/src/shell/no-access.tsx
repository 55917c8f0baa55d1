/*
 * no-access.tsx
 *   In the place of a page, for somebody who may see nothing here (any more).
 *
 * The header stays: unsent changes are there to be exported.  Rights come back
 * without a word, so it is tried again now and then.
 */
import { useConnection } from 'inventory-client/react';
import { type ReactElement, useEffect, useRef } from 'react';
import { say } from '../notices/announcer';
import './no-access.css';

/** One has no rights at all, and nothing is shown by former ones while it is tried again. */
export function useRefused(): boolean {
  const { state } = useConnection();
  const last = useRef(false);
  if (state.name === 'error' && state.code === 'forbidden') last.current = true;
  else if (state.name === 'connected') last.current = false;
  return last.current;
}

const AGAIN_MS = 30_000;
const WORDS = 'You have no access here any more.';

export function NoAccess(): ReactElement {
  const { connect } = useConnection();
  useEffect(() => {
    say(WORDS);
    const timer = setInterval(connect, AGAIN_MS);
    return () => clearInterval(timer);
  }, [connect]);
  return (
    <main className="nothing-here">
      <h1>{WORDS}</h1>
      <p className="quiet">Ask a manager. Changes you have not sent stay on this device.</p>
      <button type="button" className="button" onClick={connect}>
        Try again
      </button>
    </main>
  );
}
