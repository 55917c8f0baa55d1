/*
 * sign-in-again.tsx
 *   The token has ended: a new one, without losing the page or the changes.
 */
import { useClient } from 'inventory-client/react';
import { type FormEvent, type ReactElement, useState } from 'react';
import { Dialog } from '../base/dialog';
import { close } from '../shell/open';
import { useSession } from './context';
import { renewToken } from './session';

export function SignInAgain(): ReactElement {
  const client = useClient();
  const session = useSession();
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const isGiven = session.source.kind !== 'application';

  async function enter(): Promise<void> {
    if (isGiven) await renewToken(session, token.trim());
    client.setToken(await session.source.get(true));
    client.connect();
    close();
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    enter().catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
  }

  return (
    <Dialog title="Sign in again" subtitle={`As ${session.user.name}. Your changes are kept.`} onClose={close}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          {problem && (
            <p className="error" role="alert">
              {problem}
            </p>
          )}
          {isGiven ? (
            <label className="field">
              <span>Token</span>
              <textarea
                className="input"
                rows={4}
                value={token}
                spellCheck={false}
                onChange={(event) => setToken(event.target.value)}
              />
            </label>
          ) : (
            <p>Sign in to your application in another tab, then go on here.</p>
          )}
        </div>
        <footer className="dialog-actions">
          <button type="submit" className="button primary" disabled={isGiven && token.trim() === ''}>
            {isGiven ? 'Sign in' : 'Go on'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
