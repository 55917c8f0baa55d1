// The link between page and relay: live, slow, half-open, cut, and back.
import { launch } from '../stage/browser.mjs';
import { test } from '../stage/cases.mjs';
import { Database } from '../stage/database.mjs';
import { figure } from '../stage/figures.mjs';
import { Screen } from '../stage/screen.mjs';
import { developmentSite } from '../stage/site.mjs';
import { equal, ok, pause, until } from '../stage/wait.mjs';

const HOUSE = 'House Blend Beans 1 kg';
const counters = (screen) => screen.ask(() => ({ ...globalThis.inventory.counters }));
const recovered = (screen) => screen.ask(() => globalThis.inventory.state.recovered);

test('1 a change on one screen is on the other at once', async (world) => {
  const maria = await world.screen();
  const olga = await world.screen({ as: 'Olga Operator' });
  await maria.sell('House Blend', 3);
  await olga.shows(HOUSE, 497);
  await maria.shows(HOUSE, 497);
  equal(await world.database.available('prod_123'), 497, 'in the database');
});

test('2 a link that is open and dead is noticed by the heartbeat', async (world) => {
  const maria = await world.screen();
  await maria.page.context().setOffline(true);
  await maria.notLive();
  await world.database.adjust('prod_123', -10);
  await maria.page.context().setOffline(false);
  await maria.live();
  await maria.shows(HOUSE, 490);
  world.proxy.halfOpen();
  await maria.notLive();
  await maria.live();
  await world.database.adjust('prod_123', -10);
  await maria.shows(HOUSE, 480);
});

test('3 after a restart of the relay the page resumes, without a gap or a duplicate', async (world) => {
  const screens = [await world.screen(), await world.screen({ as: 'Vera Viewer' })];
  await world.database.adjust('prod_123', -1);
  for (const screen of screens) await screen.shows(HOUSE, 499);
  await world.relay.stop();
  for (const screen of screens) await screen.notLive();
  for (let i = 0; i < 5; i++) await world.database.adjust('prod_123', -1);
  await world.relay.start();
  const began = Date.now();
  await Promise.all(screens.map((screen) => screen.live()));
  const took = Date.now() - began;
  for (const screen of screens) {
    await screen.shows(HOUSE, 494);
    // On a slow link the page asks for fewer frames, and one stands for several.
    const { gaps, resyncs, events, conflated } = await counters(screen);
    equal([gaps, resyncs, events + conflated], [0, 0, 6], 'gaps, resyncs, events');
  }
  ok(
    figure('reconnection after a relay restart', `${took} ms`, '≤ 5000 ms', took <= 5_000),
    `it took ${took} ms to be live again`,
  );
});

test('4 a page that has seen no event resumes, again and again', async (world) => {
  const maria = await world.screen();
  for (let i = 1; i <= 3; i++) {
    world.proxy.reset();
    await until('it is connected anew', async () => (await counters(maria)).reconnects === i);
    equal(await recovered(maria), true, `resumed after break ${i}`);
  }
  equal((await counters(maria)).resyncs, 0, 'resyncs');
});

test('5 a position that cannot be served leads to a snapshot', async (world) => {
  const maria = await world.screen();
  await world.database.adjust('prod_123', -1);
  await maria.shows(HOUSE, 499);
  // The same stock in a database with another history, as after a restore; up to that change it is one.
  const restored = await Database.create();
  world.onClose(() => restored.drop());
  await restored.adjust('prod_123', -123);
  await world.relay.stop();
  world.relay.database = restored;
  await world.relay.start();
  await maria.live();
  await maria.shows(HOUSE, 377);
  ok((await counters(maria)).resyncs >= 1, 'the page was told to forget its versions');
  equal((await restored.one('SELECT count(*) FROM inventory')) > 0, true, 'there is stock');
});

test(
  '13 a page that comes back from the back-forward cache is live again',
  async (world) => {
    const browser = await launch({ ignore: ['--disable-back-forward-cache'] });
    world.onClose(() => browser.close());
    const context = await browser.newContext();
    const page = await context.newPage();
    const screen = new Screen(page, world.proxy.url, world);
    await screen.open('Maria Manager');
    await screen.ask(() => {
      addEventListener('pageshow', (event) => {
        globalThis.wasCached = event.persisted;
      });
    });
    await page.goto(`${world.proxy.url}icon.svg`);
    await world.database.adjust('prod_123', -5);
    await page.goBack({ waitUntil: 'commit' });
    equal(await screen.ask(() => globalThis.wasCached), true, 'the page came from the cache');
    await screen.live();
    await screen.shows(HOUSE, 495);
  },
  { limitMs: 45_000 },
);

test('16 StrictMode mounts everything twice and opens one socket', async (world) => {
  // Only as built for development does StrictMode mount twice.
  await world.relay.serve(await developmentSite());
  const maria = await world.screen();
  await maria.page.getByRole('link', { name: HOUSE }).first().click();
  await maria.page.getByRole('heading', { name: HOUSE }).waitFor();
  await maria.page.getByRole('link', { name: 'All items' }).click();
  equal(maria.sockets.length, 1, 'sockets');
  // A page that renders without an end would complain.
  await maria.page.getByRole('searchbox').fill('nothing of this name');
  await maria.page.getByText('Nothing here matches.').waitFor();
  await maria.page.getByRole('searchbox').fill('');
  await maria.page.getByRole('link', { name: HOUSE }).first().waitFor();
});

test('the records of an item come while it moves, and wait for a link', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  // Answers that take longer than the item stays as it is.
  let isSlow = true;
  await page.route('**/api/inventory/movements?*', async (route) => {
    if (isSlow) await pause(700);
    await route.continue().catch(() => {});
  });
  await page.getByRole('link', { name: HOUSE }).first().click();
  const panel = page.getByRole('tabpanel');
  let moves = 0;
  while ((await panel.locator('.records').count()) === 0) {
    ok(++moves < 30, `nothing is shown while the item moves ${moves} times`);
    await world.database.adjust('prod_123', 1);
    await pause(100);
  }
  isSlow = false;
  world.proxy.cut();
  await page.context().setOffline(true);
  await maria.notLive();
  await page.getByRole('tab', { name: 'Batches' }).click();
  await panel.getByText('Not available now').waitFor();
  equal(await panel.locator('tr').count(), 0, 'movements shown as batches');
  await page.context().setOffline(false);
  world.proxy.restore();
  await panel.getByText('This item has no batches.').waitFor({ timeout: 45_000 });
});

test('a relay that lost its database says so, until a link says better', async (world) => {
  const maria = await world.screen();
  const { database } = world;
  await database.close();
  const banner = maria.page.locator('.banner', { hasText: 'The relay has lost its database' });
  await banner.waitFor();
  // There is a link, and yet nothing is live, up to date, or being saved.
  await maria.page.locator('.link', { hasText: 'Updates paused' }).waitFor();
  await maria.say('Numbers may be old');
  equal(await maria.page.getByText('Up to date').count(), 0, 'numbers said to be of now');
  await maria.sell('House Blend', 1);
  await maria.say('saved on this device, until the database is back');
  await maria.page.getByRole('button', { name: '1 waiting' }).waitFor();
  const vera = await world.screen({ as: null });
  await vera.page.getByRole('button', { name: /Vera/ }).click();
  await vera.say(/The relay cannot help now: .* Try again./);
  await world.relay.stop();
  await maria.notLive();
  await database.open();
  await world.relay.start();
  await maria.live();
  await banner.waitFor({ state: 'detached' });
  await maria.settled();
  equal(await world.database.available('prod_123'), 499, 'in the database');
});

for (const [delayMs, colour, grades, look] of [
  [0, 'green', ['good', 'excellent'], 'live'],
  [100, 'yellow', ['fair'], 'slow'],
  [400, 'red', ['poor'], 'slow'],
]) {
  test(`17 with ${2 * delayMs} ms of latency the link is ${colour}`, async (world) => {
    world.proxy.delayMs = delayMs;
    const maria = await world.screen();
    await until('a round trip was measured', () => maria.ask(() => globalThis.inventory.quality.rttMs !== null));
    const quality = await maria.ask(() => globalThis.inventory.quality);
    equal(quality.colour, colour, 'colour');
    ok(grades.includes(quality.grade), `grade ${quality.grade} of ${grades.join(' or ')}`);
    // Who waits for a slow link is told why, and nobody else.
    if (colour === 'red') await maria.page.locator('.toast', { hasText: 'The link is slow' }).waitFor();
    else equal(await maria.page.locator('.toast').count(), 0, 'notices');
    await maria.page.locator(`.link[data-look=${look}]`).waitFor();
    const said = await maria.page.locator('.link-more').textContent();
    ok(Math.abs(Number.parseInt(said, 10) - quality.rttMs) < 2 * delayMs + 50, `the indicator says ${said}`);
  });
}

test('the indicator counts down at once, the banner waits five seconds', async (world) => {
  const maria = await world.screen({ as: null });
  await maria.page.route('**/performance-panel.js', (route) => route.abort());
  await maria.signIn('Maria Manager');
  world.proxy.cut();
  const cutAt = Date.now();
  await maria.page.locator('.link', { hasText: /Connecting\.\.\./ }).waitFor();
  await maria.page.getByRole('button', { name: 'Retry now' }).waitFor();
  equal(await maria.page.locator('.banner').count(), 0, 'banners at once');
  // What of the page has not come yet is missed, and no more than that.
  await maria.page.locator('.link-face').click();
  const panel = maria.page.getByRole('dialog', { name: 'Performance' });
  await panel.getByText('This panel is not here yet').waitFor();
  await maria.page.keyboard.press('Escape');
  await maria.say('Working offline - changes will sync when connected');
  ok(Date.now() - cutAt >= 4_500, 'the banner waited');
  for (const name of ['House Blend', 'Espresso', 'Earl Grey']) await maria.sell(name, 1);
  await maria.say('Working offline – 3 changes will sync when connected');
  await maria.say(/saved on this device, will sync when connected/);
  world.proxy.restore();
  await maria.page.getByRole('button', { name: 'Retry now' }).first().click();
  await maria.say('Back online, 3 changes synced');
  equal(await maria.page.locator('.toast', { hasText: 'will sync' }).count(), 0, 'notices of what is done');
  await maria.say('Live updates active');
  await maria.page.unroute('**/performance-panel.js');
  await maria.page.locator('.link-face').click();
  await panel.locator('canvas').waitFor();
  await maria.page.keyboard.press('Escape');
  await maria.settled();
  equal(await world.database.available('prod_123'), 499, 'in the database');
});
