/*
 * IndexedDB for real (an implementation in memory): waits are for its own
 * promises, not for time.
 */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeAll, expect, test } from 'vitest';
import { IndexedDbStorage, itemKey, type NewOperation, type Row } from '../src/index.js';
import { P, stage } from './stage.js';

beforeAll(() => {
  globalThis.IDBKeyRange = IDBKeyRange;
});

const operation = (key: string): NewOperation => ({
  key,
  message: { type: 'adjust', ...P, quantity: -1 },
  effects: [],
  lanes: ['x'],
  status: 'queued',
  createdAt: 1,
  attempts: 0,
  uncertain: false,
  deferred: false,
  reviewed: false,
  base: null,
  bytes: 1,
});
const row: Row = {
  ...P,
  quantityAvailable: 1,
  quantityReserved: 0,
  quantityOnHand: 1,
  minimumStock: 0,
  version: 1,
  alertState: 'ok',
};

test('what was added is there in order when opened again', async () => {
  const factory = new IDBFactory();
  const storage = new IndexedDbStorage('t', factory);
  const seqs = await Promise.all(['a', 'b', 'c'].map((key) => storage.add(operation(key))));
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  await storage.saveRows([[itemKey(row), row]]);
  storage.close();
  const again = new IndexedDbStorage('t', factory);
  expect((await again.operations()).map((op) => op.key)).toEqual(['a', 'b', 'c']);
  expect(await again.rows()).toEqual([row]);
});

test('a change is added with strict durability', async () => {
  const factory = new IDBFactory();
  const asked: unknown[] = [];
  const storage = new IndexedDbStorage(
    't',
    spy(factory, (mode, options) => void asked.push([mode, options])),
  );
  await storage.add(operation('a'));
  expect(asked).toEqual([['readwrite', { durability: 'strict' }]]);
});

test('an operation removed meanwhile is not brought back by a late write', async () => {
  const storage = new IndexedDbStorage('t', new IDBFactory());
  const seq = await storage.add(operation('a'));
  await storage.remove([seq]);
  const other = await storage.add(operation('b'));
  expect(
    await storage.put([
      { ...operation('a'), seq },
      { ...operation('b'), seq: other },
    ]),
  ).toEqual([seq]);
  await storage.remove([other]);
  expect(await storage.operations()).toEqual([]);
});

test('replacing is one step', async () => {
  const storage = new IndexedDbStorage('t', new IDBFactory());
  const seq = await storage.add(operation('a'));
  expect(await storage.swap(seq, (op) => op?.key === 'x', operation('b'))).toBe(false);
  expect(await storage.swap(seq, (op) => op?.key === 'a', operation('b'))).toBe(true);
  expect((await storage.operations()).map((op) => [op.seq, op.key])).toEqual([[seq, 'b']]);
  expect(await storage.swap(seq, () => true, null)).toBe(true);
  expect(await storage.operations()).toEqual([]);
});

test('a database closed behind one’s back is opened again', async () => {
  let kill: IDBDatabase | undefined;
  const factory = new IDBFactory();
  const storage = new IndexedDbStorage(
    't',
    spy(factory, (_mode, _options, db) => {
      kill = db;
    }),
  );
  await storage.add(operation('a'));
  kill?.close();
  await storage.add(operation('b'));
  expect((await storage.operations()).map((op) => op.key)).toEqual(['a', 'b']);
});

test('without IndexedDB every call rejects, and the client goes on in memory and says so', async () => {
  const storage = new IndexedDbStorage('t', {
    open: () => {
      throw new DOMException('denied', 'SecurityError');
    },
  } as unknown as IDBFactory);
  await expect(storage.add(operation('a'))).rejects.toMatchObject({ name: 'SecurityError' });
  const { client, errors } = stage({ client: { storage } });
  const change = client.adjust({ ...P, quantity: -1 });
  await change.saved;
  expect(change).toMatchObject({ status: 'queued', durable: false });
  expect(client.queue.status.durable).toBe(false);
  expect(errors.filter((error) => error.code === 'STORAGE_UNAVAILABLE')).toHaveLength(1);
});

test('the client drains a queue kept in IndexedDB after a reload', async () => {
  const factory = new IDBFactory();
  const first = stage({ client: { storage: new IndexedDbStorage('t', factory) } });
  await first.client.adjust({ ...P, quantity: -3 }).saved;
  await first.client.close();
  const second = first.tab({ storage: new IndexedDbStorage('t', factory) });
  await second.client.queue.ready;
  expect(second.client.queue.status).toMatchObject({ size: 1, durable: true });
  await first.up(second.client);
  // IndexedDB answers in its own time: step the clock until the work is done.
  for (let i = 0; i < 500 && second.client.queue.status.size > 0; i++) await first.clock.advance(10);
  expect(first.database.row('p', 'w')?.quantityAvailable).toBe(97);
});

/** The factory, telling of each transaction. */
function spy(factory: IDBFactory, tell: (mode: unknown, options: unknown, db: IDBDatabase) => void): IDBFactory {
  return {
    open(name: string, version?: number) {
      const opening = factory.open(name, version);
      opening.addEventListener('success', () => {
        const db = opening.result;
        const original = db.transaction.bind(db);
        db.transaction = (
          stores: string | Iterable<string>,
          mode?: IDBTransactionMode,
          options?: IDBTransactionOptions,
        ) => {
          tell(mode, options, db);
          return original(stores as string[], mode, options);
        };
      });
      return opening;
    },
  } as unknown as IDBFactory;
}
