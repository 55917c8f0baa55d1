/*
 * app.ts
 *   From an empty page to one that somebody is signed in to, and back.
 *
 * The client is made here, outside of React, and lives as long as the session.
 */
import { createClient, type InventoryClient } from 'inventory-client';
import { device } from '../base/kept';
import { createStore } from '../base/store';
import { sayNow } from '../notices/announcer';
import { notify } from '../notices/notices';
import {
  applicationSource,
  type Config,
  type DemoPerson,
  fetchConfig,
  fetchPeople,
  forgetSource,
  guestSource,
  keepGuest,
  keepToken,
  keptSource,
  openSession,
  Refused,
  rightsOf,
  type Session,
  type SessionAnswer,
  type TokenSource,
  whyNot,
  withRights,
} from './session';

export type App =
  | { readonly name: 'starting' }
  | { readonly name: 'unreachable'; readonly message: string }
  | {
      readonly name: 'signed-out';
      readonly config: Config;
      readonly people: readonly DemoPerson[];
      readonly message: string | null;
    }
  | { readonly name: 'signed-in'; readonly session: Session; readonly client: InventoryClient };

export const app = createStore<App>({ name: 'starting' });

const RETRY_MS = 2_000;

/** Finds out what the relay wants and signs in with what there is. */
export async function start(): Promise<void> {
  try {
    const config = await fetchConfig();
    const people = config.tokenUrl === null ? await fetchPeople() : [];
    const source = sourceFor(config, people);
    if (source) await enter(source, config, people);
    else app.set({ name: 'signed-out', config, people, message: null });
  } catch (error) {
    const kept = keptSource();
    if (kept && (await enterOffline(kept))) return;
    unreachable(error, start);
  }
}

export function signInWithToken(token: string, person?: string): Promise<void> {
  return signInWith(keepToken(token, person));
}

export function signInAsGuest(): Promise<void> {
  return signInWith(keepGuest());
}

/** Ends the session here.  Changes not sent stay on the device, or are discarded. */
export async function signOut(discard: boolean): Promise<void> {
  const now = app.get();
  if (now.name !== 'signed-in') return;
  if (discard) for (const operation of now.client.queue.list()) await now.client.queue.discard(operation.key);
  await now.client.close();
  forgetSource();
  app.set({ name: 'starting' });
  location.hash = '';
  await askWhoIsNext();
}

async function askWhoIsNext(): Promise<void> {
  try {
    const config = await fetchConfig();
    app.set({ name: 'signed-out', config, people: await fetchPeople(), message: null });
  } catch (error) {
    unreachable(error, askWhoIsNext);
  }
}

function unreachable(error: unknown, again: () => Promise<void>): void {
  app.set({ name: 'unreachable', message: whyNot(error) });
  setTimeout(() => app.get().name === 'unreachable' && void again(), RETRY_MS);
}

function sourceFor(config: Config, people: readonly DemoPerson[]): TokenSource | null {
  if (config.tokenUrl !== null) return applicationSource(config.tokenUrl);
  return keptSource() ?? (config.anonymous !== 'off' && people.length === 0 ? guestSource : null);
}

async function signInWith(source: TokenSource): Promise<void> {
  const now = app.get();
  if (now.name === 'signed-out') await enter(source, now.config, now.people);
}

async function enter(source: TokenSource, config: Config, people: readonly DemoPerson[]): Promise<void> {
  try {
    signedIn(await openSession(source));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    forgetSource();
    app.set({ name: 'signed-out', config, people, message: error.message });
  }
}

async function enterOffline(source: TokenSource): Promise<boolean> {
  try {
    signedIn(await openSession(source));
    return true;
  } catch {
    return false;
  }
}

/** For devices with little room: most changes kept, set in localStorage by who runs them. */
function maxChanges(): number {
  const n = Number(device.get('inventory.maxChanges'));
  return Number.isSafeInteger(n) && n > 0 ? n : 0;
}

/** The link is tried again all the same: the application may have another token soon. */
function tellRefused(error: unknown): never {
  if (error instanceof Refused)
    notify({ id: 'refused', tone: 'warning', title: 'No token', text: error.message, forMs: 15_000 });
  throw error;
}

function signedIn(session: Session): void {
  const url = new URL('ws', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  const client = createClient({
    url: url.href,
    getToken: ({ refresh }) => session.source.get(refresh).catch(tellRefused),
    userId: `${session.organization}/${session.user.id}`,
    client: { name: 'dashboard', version: '1.0.0' },
    // More often than the link needs: the latency shown is then of now.
    heartbeat: { intervalMs: 5_000, timeoutMs: 5_000 },
    ...(maxChanges() && { queue: { maxOps: maxChanges() } }),
    autoConnect: true,
  });
  // For whoever opens the console.
  (globalThis as { inventory?: InventoryClient }).inventory = client;
  app.set({ name: 'signed-in', session, client });
  client.on('state', ({ name }) => name === 'connected' && followRights(client));
}

/** Rights that change end the connection; the next one says what they are now. */
function followRights(client: InventoryClient): void {
  const now = app.get();
  const { scope } = client.connection.welcome;
  if (now.name !== 'signed-in' || now.client !== client || scope === null) return;
  const session = withRights(now.session, { scope: scope as unknown as SessionAnswer['scope'] });
  if (session === now.session) return;
  app.set({ ...now, session });
  const text = `You are now: ${rightsOf(session)}`;
  notify({ id: 'rights', tone: 'plain', title: 'Your rights have changed', text, forMs: 12_000 });
  sayNow(`Your rights have changed. ${text}`);
}
