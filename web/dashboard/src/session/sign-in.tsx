/*
 * sign-in.tsx
 *   Choose one of the demo's people, paste a token, or look as a guest.
 */
import { type FormEvent, type ReactElement, useState } from 'react';
import { Avatar } from '../base/avatar';
import { Icon } from '../base/icons';
import { signInAsGuest, signInWithToken } from './app';
import { type Config, type DemoPerson, type Role, subjectOf, whyNot } from './session';
import './sign-in.css';

const MAY: Readonly<Record<Role, string>> = {
  manager: 'Changes everything, in every warehouse',
  operator: 'Counts, sells and receives',
  viewer: 'Looks, and changes nothing',
};

interface Props {
  readonly config: Config;
  readonly people: readonly DemoPerson[];
  readonly message: string | null;
}

export function SignIn({ config, people, message }: Props): ReactElement {
  const [token, setToken] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState(message);

  function enter(signIn: () => Promise<void>): void {
    setBusy(true);
    setProblem(null);
    signIn()
      .catch((error: unknown) => setProblem(`${whyNot(error)} Try again.`))
      .finally(() => setBusy(false));
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (token.trim() !== '') enter(() => signInWithToken(token.trim()));
  }

  return (
    <main className="sign-in">
      <img className="sign-in-mark" src="icon.svg" alt="" width="40" height="40" />
      <h1>{people.length > 0 ? 'Who is working?' : 'Sign in'}</h1>
      <p className="quiet">
        {people.length > 0
          ? 'The demo made three people. Open a second window as another one, and watch them meet.'
          : 'Paste the token your application gave you. It is kept in this tab only.'}
      </p>
      {(problem ?? message) && (
        <p className="sign-in-problem" role="alert">
          {problem ?? message}
        </p>
      )}
      {people.length > 0 && (
        <ul className="sign-in-people">
          {people.map((person) => (
            <li key={person.name}>
              <button
                type="button"
                className="sign-in-person"
                disabled={isBusy}
                onClick={() => enter(() => signInWithToken(person.token, person.name))}
              >
                <Avatar name={person.name} id={subjectOf(person.token) ?? person.name} size={40} />
                <span className="sign-in-who">
                  <strong>{person.name}</strong>
                  <span className="quiet small">
                    {MAY[person.role]}
                    {person.warehouses && `, in ${(person.places ?? person.warehouses).join(', ')}`}
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {config.anonymous !== 'off' && (
        <button type="button" className="button" disabled={isBusy} onClick={() => enter(signInAsGuest)}>
          Continue without signing in
        </button>
      )}
      <details className="sign-in-token" open={people.length === 0}>
        <summary>
          Use a token <Icon name="chevron" />
        </summary>
        <form onSubmit={submit}>
          <label className="field">
            <span>Token</span>
            <textarea
              className="input"
              rows={4}
              value={token}
              spellCheck={false}
              autoComplete="off"
              onChange={(event) => setToken(event.target.value)}
            />
          </label>
          <button type="submit" className="button primary" disabled={isBusy || token.trim() === ''}>
            Sign in
          </button>
        </form>
      </details>
    </main>
  );
}
