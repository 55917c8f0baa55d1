/*
 * session.ts
 *   Who looks at this page, and how the page proves it.
 *
 * The relay says in /config.json where tokens come from.  With a `tokenUrl`
 * the application around this page gives them; without one a person pastes
 * one, or picks one of the people the demo made.  Such a token lives in
 * sessionStorage: it goes with the tab, and two tabs can be two people.
 */
import { tab } from '../base/kept';

export type Role = 'viewer' | 'operator' | 'manager';

export interface Config {
  readonly tokenUrl: string | null;
  /** What one without a token may be. */
  readonly anonymous: Role | 'off';
}

export interface User {
  readonly id: string;
  readonly name: string;
  readonly picture: string | null;
}

export interface Session {
  readonly user: User;
  readonly organization: string;
  readonly role: Role;
  /** null: all. */
  readonly warehouses: readonly string[] | null;
  readonly source: TokenSource;
}

/** Asked for a token at each connection and request. */
export interface TokenSource {
  readonly kind: 'application' | 'given' | 'none';
  get(refresh: boolean): Promise<string | null>;
}

/** Somebody the demo made up, to sign in as. */
export interface DemoPerson {
  readonly name: string;
  readonly role: Role;
  readonly warehouses: readonly string[] | null;
  /** What these are called. */
  readonly places?: readonly string[];
  readonly token: string;
}

/** A link that is open and dead gives no answer at all, and no error either. */
const ANSWER_MS = 15_000;

/** The relay answered, and did not let us in. */
export class Refused extends Error {}

const TOKEN = 'inventory.token';
const PERSON = 'inventory.person';
const GUEST = 'inventory.guest';
const LAST = 'inventory.session';

export async function fetchConfig(): Promise<Config> {
  const { tokenUrl, anonymous } = await fetchJson<Partial<Config>>('config.json');
  return { tokenUrl: tokenUrl ?? null, anonymous: anonymous ?? 'off' };
}

/** Empty where this is not the demo. */
export async function fetchPeople(): Promise<readonly DemoPerson[]> {
  try {
    const people = await fetchJson<unknown>('people.json');
    return Array.isArray(people) ? (people as DemoPerson[]) : [];
  } catch {
    return [];
  }
}

/** Whose token it is, as it says itself; for a colour, and not to be trusted. */
export function subjectOf(token: string): string | null {
  try {
    const body = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { sub } = JSON.parse(atob(body)) as { sub?: unknown };
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;
  }
}

export function applicationSource(tokenUrl: string): TokenSource {
  return {
    kind: 'application',
    async get() {
      const response = await fetch(tokenUrl, {
        credentials: 'include',
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (response.status === 401 || response.status === 403)
        throw new Refused('The application did not give a token: sign in there first.');
      if (!response.ok) throw new Error(`${tokenUrl} answered ${response.status}`);
      const text = (await response.text()).trim();
      if (!text.startsWith('{') && !text.startsWith('"')) return text;
      const value = JSON.parse(text) as string | { token?: string };
      return typeof value === 'string' ? value : (value.token ?? null);
    },
  };
}

/** What was chosen in this tab before; null: nothing yet. */
export function keptSource(): TokenSource | null {
  if (tab.get(GUEST)) return guestSource;
  return tab.get(TOKEN) === null ? null : givenSource;
}

export function keepToken(token: string, person = ''): TokenSource {
  forgetSource();
  tab.set(TOKEN, token);
  tab.set(PERSON, person);
  return givenSource;
}

export function keepGuest(): TokenSource {
  forgetSource();
  tab.set(GUEST, 'yes');
  return guestSource;
}

export function forgetSource(): void {
  for (const name of [TOKEN, PERSON, GUEST, LAST]) tab.remove(name);
}

export const guestSource: TokenSource = { kind: 'none', get: async () => null };

const givenSource: TokenSource = {
  kind: 'given',
  async get(refresh) {
    const name = tab.get(PERSON);
    if (refresh && name) {
      // The demo makes new tokens before the old ones end.
      const again = (await fetchPeople()).find((person) => person.name === name);
      if (again) tab.set(TOKEN, again.token);
    }
    return tab.get(TOKEN);
  },
};

/** Asks the relay who one is.  Without a link: who one was, in this tab. */
export async function openSession(source: TokenSource): Promise<Session> {
  let said: SessionAnswer;
  try {
    said = await fetchSession(await source.get(false));
    tab.set(LAST, JSON.stringify(said));
  } catch (error) {
    const last = tab.get(LAST);
    if (error instanceof Refused || last === null) throw error;
    said = JSON.parse(last) as SessionAnswer;
  }
  const session = sessionOf(said, source);
  return source.kind === 'application' ? { ...session, source: ofOnePerson(session) } : session;
}

/** With what the relay says of one's rights now; the same, if it is nothing new. */
export function withRights(session: Session, said: Pick<SessionAnswer, 'scope'>): Session {
  const { role, warehouses } = sessionOf({ user: { id: session.user.id }, ...said }, session.source);
  if (role === session.role && JSON.stringify(warehouses) === JSON.stringify(session.warehouses)) return session;
  const { user, organization } = session;
  // What one is, without a link after a reload.
  tab.set(LAST, JSON.stringify({ user, scope: { organization, role, warehouses } }));
  return { ...session, role, warehouses };
}

const ROLES: Readonly<Record<Role, string>> = {
  viewer: 'Viewer',
  operator: 'Operator',
  manager: 'Manager',
};

/** "Operator in Shop Old Town". */
export function rightsOf(
  { role, warehouses }: Pick<Session, 'role' | 'warehouses'>,
  nameOf = (warehouse: string) => warehouse,
): string {
  if (warehouses === null) return ROLES[role];
  return `${ROLES[role]} in ${warehouses.length === 0 ? 'no warehouse' : warehouses.map(nameOf).join(', ')}`;
}

/** A new token in the place of one that has ended.  Nothing is kept of one that is somebody else's. */
export async function renewToken(session: Session, token: string): Promise<void> {
  const said = await fetchSession(token);
  const other = sessionOf(said, session.source);
  if (!isSamePerson(other, session))
    throw new Error(`This is the token of ${other.user.name}. Sign out first to change who works here.`);
  keepToken(token);
  tab.set(LAST, JSON.stringify(said));
}

/** Another person may sign in to the application meanwhile: what was changed here must not go out in their name. */
function ofOnePerson(session: Session): TokenSource {
  const { source } = session;
  let known: string | null | undefined;
  return {
    kind: source.kind,
    async get(refresh) {
      const token = await source.get(refresh);
      if (token === known && !refresh) return token;
      const other = sessionOf(await fetchSession(token), source);
      if (!isSamePerson(other, session))
        throw new Refused(
          `${other.user.name} is signed in to your application now, and this page is of ${session.user.name}.`,
        );
      known = token;
      return token;
    },
  };
}

function isSamePerson(a: Session, b: Session): boolean {
  return a.user.id === b.user.id && a.organization === b.organization;
}

function sessionOf({ user, scope }: SessionAnswer, source: TokenSource): Session {
  return {
    user: {
      id: user.id,
      name: user.name ?? (source.kind === 'none' ? 'Guest' : user.id),
      picture: user.picture ?? null,
    },
    organization: scope.organization ?? '',
    role: scope.role,
    warehouses: Array.isArray(scope.warehouses) ? scope.warehouses : null,
    source,
  };
}

export interface SessionAnswer {
  readonly user: { id: string; name?: string; picture?: string };
  readonly scope: { organization?: string; role: Role; warehouses?: readonly string[] | null };
}

async function fetchSession(token: string | null): Promise<SessionAnswer> {
  return fetchJson<SessionAnswer>('api/session', token);
}

/** Why nothing came of it, for somebody who wants to sign in: there is no relay, or it says why. */
export function whyNot(error: unknown): string {
  // What fetch itself throws is about the network, and worded by the browser.
  const isAnswer = error instanceof Error && !(error instanceof TypeError) && error.name === 'Error';
  return isAnswer ? `The relay cannot help now: ${error.message}.` : 'The relay cannot be reached.';
}

/** GET from the relay.  What it refuses is a Refused, a link that fails any other error. */
export async function fetchJson<T>(path: string, token: string | null = null): Promise<T> {
  const response = await fetch(path, {
    cache: 'no-store',
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: token === null ? {} : { Authorization: `Bearer ${token}` },
  });
  if (response.ok) return (await response.json()) as T;
  const said = (await response.json().catch(() => ({}))) as { error?: string; code?: string };
  const text = said.error ?? `the relay answered ${response.status}`;
  if (response.status === 401 || response.status === 403) throw new Refused(REASONS[said.code ?? ''] ?? `${text}.`);
  throw new Error(text);
}

const REASONS: Readonly<Record<string, string>> = {
  malformed: 'This is not a token.',
  token_expired: 'This token has ended.',
  not_yet_valid: 'This token is not valid yet.',
  bad_signature: 'This token was not made for this relay.',
  unknown_key: 'This token was not made for this relay.',
  wrong_algorithm: 'This token was not made for this relay.',
  wrong_audience: 'This token is for somebody else.',
  wrong_issuer: 'This token is of another issuer.',
  bad_claims: 'This token does not say who you are.',
  forbidden: 'You have no access here.',
};

export function canWrite(session: Session): boolean {
  return session.role !== 'viewer';
}

export function isManager(session: Session): boolean {
  return session.role === 'manager';
}
