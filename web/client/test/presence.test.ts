import { expect, test } from 'vitest';
import { P, stage } from './stage.js';

const LIST = 'presence:inventory_list';
const tokens = () =>
  new Map([
    ['m1', { sub: 'mina', name: 'Mina' }],
    ['t1', { sub: 'tom', name: 'Tom' }],
  ]);

async function people() {
  const all = stage({ relay: { tokens: tokens() }, client: { getToken: () => 'm1' } });
  const second = all.tab();
  const tom = all.tab({ getToken: () => 't1' });
  const views = [all.client, second.client, tom.client].map((client) => client.presence(LIST));
  for (const view of views) view.track('viewing');
  for (const client of [all.client, second.client, tom.client]) await all.up(client);
  const names = () => views[2]?.value.people.map((person) => `${person.name}/${person.connections}/${person.status}`);
  return { ...all, second, tom, views, names };
}

test('two tabs of one person are one avatar, and closing one of them changes nothing', async () => {
  const { clock, second, names, views } = await people();
  expect(names()).toEqual(['Mina/2/viewing', 'Tom/1/viewing']);
  views[0]?.update({ status: 'editing', metadata: { field: 'quantity' } });
  await clock.advance(1_000);
  expect(names()).toEqual(['Mina/2/editing', 'Tom/1/viewing']);
  await second.client.close();
  await clock.advance(10_000);
  expect(names()).toEqual(['Mina/1/editing', 'Tom/1/viewing']);
});

test('somebody who reloads is not seen to leave; somebody who goes is, after the grace', async () => {
  const { clock, client, second, tab, names, up } = await people();
  await second.client.close();
  await client.close();
  await clock.advance(4_000);
  // The relay keeps who went for five seconds: most come back.
  expect(names()).toEqual(['Mina/2/viewing', 'Tom/1/viewing']);
  const again = tab({ getToken: () => 'm1' });
  again.client.presence(LIST).track();
  await up(again.client);
  await clock.advance(10_000);
  expect(names()).toEqual(['Mina/1/viewing', 'Tom/1/viewing']);
  await again.client.close();
  await clock.advance(6_000);
  expect(names()).toEqual(['Tom/1/viewing']);
});

test('with the own link lost the others stay, marked as last known, and one is tracked again after', async () => {
  const { clock, relay, tom, views, names } = await people();
  relay.stop();
  await clock.advance(1_000);
  expect(views[2]?.value.lastKnown).toBe(true);
  expect(names()).toHaveLength(2);
  relay.start();
  await clock.until(() => tom.client.state.name === 'connected');
  await clock.advance(60_000);
  expect(views[2]?.value.lastKnown).toBe(false);
  expect(names()).toEqual(['Mina/2/viewing', 'Tom/1/viewing']);
});

test('updates are throttled, and the last one is what others see', async () => {
  const { clock, relay, names, views } = await people();
  const before = relay.received.length;
  for (let i = 0; i < 50; i++) {
    views[0]?.update({ status: i % 2 ? 'editing' : 'idle' });
    await clock.advance(10);
  }
  await clock.advance(1_000);
  expect(relay.received.slice(before).filter((m) => m.type === 'presence.update').length).toBeLessThanOrEqual(4);
  expect(names()?.[0]).toBe('Mina/2/editing');
});

test('an avatar that is not https is not shown, and odd members do no harm', async () => {
  const { clock, client, relay, up } = stage();
  const presence = client.presence(LIST);
  await up();
  const members = [
    { connectionId: 'x', userId: 'x', avatar: 'javascript:alert(1)' },
    null,
    3,
    { userId: 'no connection' },
  ];
  relay.broadcast({ type: 'presence.state', channel: LIST, members });
  await clock.advance(100);
  expect(presence.value.members).toMatchObject([{ connectionId: 'x', name: 'x', avatar: null }]);
});

test('a presence nobody holds any more is left, a moment later', async () => {
  const { clock, client, relay, up } = stage();
  client.presence(LIST).track();
  client.presence(LIST);
  await up();
  client.releasePresence(LIST);
  await clock.advance(5_000);
  expect(relay.received.some((m) => m.type === 'presence.leave')).toBe(false);
  client.releasePresence(LIST);
  await clock.advance(5_000);
  expect(relay.received.slice(-2)).toMatchObject([{ type: 'presence.leave' }, { type: 'unsubscribe' }]);
  expect(client.get(P).value).not.toBeNull();
});

test('a state comes in pages and replaces what was known, and the channel is named as the relay spells it', async () => {
  const { clock, client, relay, up } = stage();
  const view = client.presence('presence:inventory_item:a%3a%20b');
  await up();
  const channel = 'presence:inventory_item:a%3A b';
  expect(view.channel).toBe(channel);
  const member = (n: number) => ({ connectionId: `c${n}`, userId: `u${n}`, name: `N${n}` });
  const told: number[] = [];
  view.subscribe(() => void told.push(view.value.members.length));
  relay.broadcast({ type: 'presence.state', channel, members: [member(1), member(2)], more: true });
  relay.broadcast({ type: 'presence.state', channel, members: [member(3)] });
  await clock.advance(50);
  relay.broadcast({ type: 'presence.state', channel, members: [member(4)] });
  await clock.advance(50);
  relay.broadcast({
    type: 'presence.diff',
    channel,
    joins: [member(5)],
    updates: [],
    leaves: [{ connectionId: 'c4' }],
  });
  await clock.advance(50);
  expect(told).toEqual([3, 1, 1]);
  expect(view.value.people.map(({ name }) => name)).toEqual(['N5']);
});
