// Changes on their way: kept, in order, once, and never silently lost.
import { test } from '../stage/cases.mjs';
import { equal, ok, pause, until } from '../stage/wait.mjs';

const HOUSE = 'House Blend Beans 1 kg';
const SCALES = 'Cleaning Tablets, 10';

const ledger = (world, product = 'prod_123') =>
  world.database
    .sql(`SELECT reason FROM inventory_movement WHERE product_id = '${product}' AND warehouse_id = 'wh_456'
          AND movement_type IN ('in', 'out', 'adjustment', 'count') ORDER BY version`)
    .then((rows) => rows.map(([reason]) => reason));

/** Many changes of one item, one after the other, as fast as they are kept. */
const sellMany = (screen, from, to, productId = 'prod_123') =>
  screen.ask(
    async ([first, last, product]) => {
      for (let i = first; i <= last; i++) {
        await globalThis.inventory.adjust({
          productId: product,
          warehouseId: 'wh_456',
          quantity: 1,
          movementType: 'out',
          reason: `#${i}`,
        }).saved;
      }
    },
    [from, to, productId],
  );

const numbered = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `#${from + i}`);

test('6 twenty changes made offline survive a reload and arrive in order, once', async (world) => {
  const maria = await world.screen();
  world.proxy.cut();
  await maria.notLive();
  await sellMany(maria, 1, 20);
  await maria.shows(HOUSE, 480);
  await maria.page.reload();
  await maria.shows(HOUSE, 480);
  equal(await maria.waiting(), 20, 'waiting after the reload');
  equal((await ledger(world)).length, 0, 'in the ledger before');
  world.proxy.restore();
  await maria.settled();
  equal(await ledger(world), numbered(1, 20), 'the ledger');
  await maria.shows(HOUSE, 480);
});

test('7 a relay killed between COMMIT and its answer leads to one sale, not two', async (world) => {
  const maria = await world.screen();
  await maria.find('House Blend');
  await maria.page.getByRole('dialog').getByRole('textbox').first().fill('7');
  world.proxy.isMute = true;
  await maria.page.keyboard.press('Enter');
  await until('it is committed', async () => (await world.database.available('prod_123')) === 493);
  equal(await maria.waiting(), 1, 'without an answer');
  await world.relay.stop('SIGKILL');
  world.proxy.restore();
  await world.relay.start();
  await maria.settled();
  equal(await ledger(world), ['Sale'], 'the ledger');
  await maria.shows(HOUSE, 493);
});

test('8 two tabs of one person drain once, also when the draining one closes', async (world) => {
  const first = await world.screen();
  const second = await world.tab(first.page.context(), {});
  world.proxy.cut();
  await Promise.all([first.notLive(), second.notLive()]);
  await sellMany(first, 1, 15);
  await sellMany(second, 31, 45, 'prod_101');
  world.proxy.delayMs = 20;
  world.proxy.refuses = false;
  await until('some are sent', async () => (await ledger(world)).length > 3, 30_000);
  await first.page.close();
  await second.settled();
  equal(await ledger(world), numbered(1, 15), 'the ledger of one item');
  equal(await ledger(world, 'prod_101'), numbered(31, 45), 'the ledger of the other');
});

test('9 a tab that crashes in the middle of a drain loses nothing', async (world) => {
  const first = await world.screen();
  world.proxy.cut();
  await first.notLive();
  await sellMany(first, 1, 30);
  world.proxy.delayMs = 20;
  world.proxy.refuses = false;
  await until('some are sent', async () => (await ledger(world)).length > 3, 30_000);
  const crashed = new Promise((resolve) => first.page.once('crash', resolve));
  first.page.goto('chrome://crash').catch(() => {});
  await crashed;
  const second = await world.tab(first.page.context(), {});
  await second.settled();
  equal(await ledger(world), numbered(1, 30), 'the ledger');
});

test('10 a count on a row that moved is decided by keyboard, and becomes what was previewed', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  world.proxy.cut();
  await maria.notLive();
  await maria.change('Dark Chocolate', 'Count', 205);
  await world.database.adjust('prod_114', -4, { by: 'Till 2' });
  world.proxy.restore();
  await maria.live();
  await maria.say('needs review');
  await page.keyboard.press('Alt+r');
  const dialog = page.getByRole('dialog', { name: 'Changed by somebody else meanwhile' });
  await dialog.waitFor();
  equal(await dialog.locator('.side-number').allTextContents(), ['210', '205', '206'], 'before, mine, server');
  ok((await dialog.textContent()).includes('Till 2'), 'who changed it is said');
  // It goes on moving: what is decided on is what is shown.
  await world.database.adjust('prod_114', -2, { by: 'Till 3' });
  await dialog.getByText('It moved again: the server now has 204.').waitFor();
  equal(await dialog.locator('.side-number').allTextContents(), ['210', '205', '204'], 'before, mine, server, later');
  // From "keep the server's" two down: my difference on top of theirs.
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  equal(await page.evaluate(() => document.activeElement.value), 'rebase', 'chosen');
  const preview = await dialog.locator('.result strong').textContent();
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await maria.settled();
  equal(String(await world.database.available('prod_114')), preview, 'in the database, as previewed');
  equal(preview, '199', 'the preview');
});

test('Esc puts a conflict off and loses nothing', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  world.proxy.cut();
  await maria.notLive();
  await maria.change('Dark Chocolate', 'Count', 205);
  await world.database.adjust('prod_114', -4);
  world.proxy.restore();
  await maria.say('needs review');
  await page.keyboard.press('Alt+r');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  equal(await maria.ask(() => globalThis.inventory.conflicts.list().length), 1, 'it still waits');
  await maria.page.getByRole('button', { name: '1 needs review' }).waitFor();
  // The rest of the item goes on.
  await maria.sell('Dark Chocolate', 1);
  await until('the sale is saved', async () => (await world.database.available('prod_114')) === 205);
});

test('11 a sale that is short is taken back on screen and offers what to do', async (world) => {
  const olga = await world.screen({ as: 'Olga Operator' });
  const { page } = olga;
  await olga.sell('Cleaning Tablets', 9);
  await olga.say('needs review');
  await olga.shows(SCALES, 8);
  equal(await world.database.available('prod_118'), 8, 'in the database');
  await page.getByRole('button', { name: 'Review' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Not enough stock' });
  await dialog.getByRole('button', { name: 'Ask a manager' }).waitFor();
  equal(await dialog.getByRole('radio', { name: /Record it anyway/ }).count(), 0, 'force, for an operator');
  await dialog.getByRole('button', { name: 'Count the shelf' }).click();
  const count = page.getByRole('dialog', { name: SCALES });
  await count.getByRole('textbox').first().fill('12');
  await count.getByRole('textbox').first().press('Enter');
  await until('the count is saved', async () => (await world.database.available('prod_118')) === 12);
  await page.getByRole('button', { name: '1 needs review' }).click();
  await dialog.getByRole('radio', { name: /Apply my change again/ }).check();
  await dialog.getByRole('button', { name: 'Apply', exact: true }).click();
  await olga.settled();
  equal(await world.database.available('prod_118'), 3, 'after the sale');
});

test('a manager records a sale that is short', async (world) => {
  const maria = await world.screen();
  await maria.sell('Cleaning Tablets', 9);
  await maria.say('needs review');
  await maria.page.getByRole('button', { name: 'Review' }).first().click();
  const dialog = maria.page.getByRole('dialog', { name: 'Not enough stock' });
  await dialog.getByRole('radio', { name: /Record it anyway/ }).check();
  await dialog.getByText('below zero', { exact: true }).waitFor();
  await dialog.getByRole('button', { name: 'Apply', exact: true }).click();
  await maria.settled();
  equal(await world.database.available('prod_118'), -1, 'oversold');
  await maria.shows(SCALES, -1);
});

test('14 a token that ends in the middle of a drain is renewed, and nothing is lost', async (world) => {
  const seconds = 25;
  world.relay.writePeople(seconds);
  world.relay.reload();
  const endsAt = () =>
    world.relay
      .people()
      .then(([person]) => JSON.parse(Buffer.from(person.token.split('.')[1], 'base64url')).exp * 1000);
  await until('the people are new', async () => (await endsAt()) - Date.now() < 60_000);
  const ends = await endsAt();
  const maria = await world.screen();
  // The relay warns at once, and there is no newer token yet.
  await until('it has been warned', () => maria.sent.some((text) => text.includes('"auth"')));
  world.relay.writePeople(3600);
  world.relay.reload();
  let n = 0;
  while (Date.now() < ends + 2_000) {
    await sellMany(maria, ++n, n);
    await pause(150);
  }
  await maria.settled();
  await maria.live();
  ok(maria.sockets.length >= 2, 'the relay closed the link of the token that ended');
  equal(await ledger(world), numbered(1, n), 'the ledger');
});

test('a token that ends for good pauses the queue, says so, and goes on after signing in again', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  await page.evaluate((token) => sessionStorage.setItem('inventory.token', token), 'not a token');
  await page.evaluate(() => sessionStorage.setItem('inventory.person', ''));
  world.proxy.reset();
  await maria.say('Your session has ended.');
  await maria.sell('House Blend', 2);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign in again' });
  await dialog.getByRole('textbox').fill('still none');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByText('This is not a token.').waitFor();
  // Somebody else's is not taken, nor kept for when the link is tried again.
  await dialog
    .getByRole('textbox')
    .fill(world.relay.token({ sub: 'olga', name: 'Olga Operator', role: 'operator', warehouses: null }));
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByText('This is the token of Olga Operator.').waitFor();
  await maria.ask(() => globalThis.inventory.connect());
  await until('it was tried', () => maria.ask(() => globalThis.inventory.state.name !== 'connecting'));
  await dialog
    .getByRole('textbox')
    .fill(world.relay.token({ sub: 'maria', name: 'Maria Manager', role: 'manager', warehouses: null }));
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await maria.live();
  await maria.settled();
  equal(await world.database.available('prod_123'), 498, 'in the database');
  equal(
    await world.database.sql("SELECT performed_by FROM inventory_movement WHERE reason = 'Sale'"),
    [['maria']],
    'who sold',
  );
});

test('15 a full queue refuses the next change, says so, and drops none', async (world) => {
  const maria = await world.screen({ as: null });
  const { page } = maria;
  await page.evaluate(() => localStorage.setItem('inventory.maxChanges', '10'));
  await maria.signIn('Maria Manager');
  world.proxy.cut();
  await maria.notLive();
  await sellMany(maria, 1, 8);
  await page.locator('.sync-face').click();
  await page.getByText(/80 % of the room for changes is used/).waitFor();
  await page.keyboard.press('Escape');
  await sellMany(maria, 9, 10);
  await maria.sell('House Blend', 1);
  await maria.say('Not saved');
  equal(await maria.waiting(), 10, 'waiting');
  await maria.shows(HOUSE, 490);
  world.proxy.restore();
  await maria.settled();
  equal(await ledger(world), numbered(1, 10), 'the ledger');
});

test('18 changes that come together share a frame, the first goes at once', async (world) => {
  const maria = await world.screen();
  await maria.ask(() => {
    globalThis.sent = [];
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      globalThis.sent.push([performance.now(), String(data)]);
      return send.call(this, data);
    };
  });
  await maria.ask(async () => {
    const items = ['prod_123', 'prod_101', 'prod_105', 'prod_114'];
    const kept = [];
    for (let i = 0; i < 12; i++)
      kept.push(
        globalThis.inventory.adjust({ productId: items[i % 4], warehouseId: 'wh_456', quantity: -1, reason: `#${i}` })
          .saved,
      );
    await Promise.all(kept);
  });
  await maria.settled();
  const frames = (await maria.ask(() => globalThis.sent)).filter(([, text]) => /"adjust"/.test(text));
  const sizes = frames.map(([, text]) => JSON.parse(text).messages?.length ?? 1);
  equal(
    sizes.reduce((sum, n) => sum + n, 0),
    12,
    'changes sent',
  );
  ok(
    sizes.some((n) => n > 1),
    `frames with ${sizes.join(', ')} changes`,
  );
  ok(frames.length < 12, `${frames.length} frames`);
  ok(sizes[0] < 12, 'the first did not wait for the last');
});

test('a change is undone: before it is sent it is taken back, afterwards it is answered by another', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  await maria.sell('House Blend', 5);
  await until('it is saved', async () => (await world.database.available('prod_123')) === 495);
  await page.getByRole('button', { name: 'Undo' }).first().click();
  await until('it is undone', async () => (await world.database.available('prod_123')) === 500);
  await maria.shows(HOUSE, 500);
  await maria.change('Earl Grey', 'Count', 100);
  await until('it is counted', async () => (await world.database.available('prod_105')) === 100);
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await until('the count is undone', async () => (await world.database.available('prod_105')) === 110);
  world.proxy.cut();
  await maria.notLive();
  await maria.sell('Espresso', 5);
  await maria.shows('Espresso Beans 1 kg', 135);
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await maria.say('Taken back');
  await maria.shows('Espresso Beans 1 kg', 140);
  equal(await maria.waiting(), 0, 'waiting');
});

test('an item kept by batch is counted batch by batch, and what comes in says which', async (world) => {
  const { database } = world;
  await database.sql(`SELECT version FROM inventory_define('milk', 'wh_456', track_batches => true, minimum_stock => 2,
    attributes => '{"name": "Whole Milk", "warehouseName": "Central Warehouse"}')`);
  for (const [number, quantity, expires] of [
    ['L1', 4, '2098-01-10T00:00:00Z'],
    ['L2', 8, '2098-01-20T00:00:00Z'],
  ])
    await database.sql(`SELECT version FROM inventory_adjust('milk', 'wh_456', ${quantity}, 'in',
      batch_number => '${number}', expires_at => '${expires}')`);
  const batches = async () =>
    Object.fromEntries(
      await database.sql("SELECT batch_number, quantity FROM inventory_batch WHERE product_id = 'milk' ORDER BY 1"),
    );
  const maria = await world.screen();
  const { page } = maria;
  const dialog = page.getByRole('dialog', { name: 'Whole Milk' });
  const batch = dialog.getByRole('combobox', { name: 'Batch', exact: true });
  const field = dialog.getByRole('textbox').first();

  // From the page of the item: the batch is chosen with it.
  await maria.row('Whole Milk').getByRole('link').click();
  await page.getByRole('tab', { name: 'Batches' }).click();
  await page.getByRole('row', { name: /^L2 8/ }).getByRole('button', { name: 'Count' }).click();
  await field.fill('5');
  await dialog.getByText('Available 12 → 9').waitFor();
  await page.keyboard.press('Enter');
  await maria.say('Counted 5 × Whole Milk, batch L2');
  await until('the batch is counted', async () => (await batches()).L2 === '5');
  equal(await database.available('milk'), 9, 'of the item');
  await page.getByRole('row', { name: /^L2 5/ }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await until('the count is undone', async () => (await batches()).L2 === '8');

  // A sale takes what expires first, and cannot be undone without a word of where it goes back to.
  await page.getByRole('button', { name: 'Adjust' }).click();
  equal(await batch.evaluate((list) => list.selectedOptions[0].text), 'First to expire', 'what is sold');
  await field.fill('3');
  await page.keyboard.press('Enter');
  await until('it is sold', async () => (await batches()).L1 === '1');
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await page.getByRole('button', { name: 'Put back' }).click();
  await field.fill('3');
  await page.keyboard.press('Enter');
  await dialog.getByText('Which batch is it?').waitFor();
  await batch.selectOption({ label: 'L1 · 1 · expires 10 Jan 2098' });
  await field.press('Enter');
  await until('it is put back', async () => (await batches()).L1 === '4');

  // A delivery of a new one.
  await page.getByRole('link', { name: 'All items' }).click();
  await maria.find('milk');
  await dialog.getByRole('radio', { name: 'In' }).check({ force: true });
  await field.fill('6');
  await batch.selectOption({ label: 'Another batch…' });
  await dialog.getByLabel('Batch number').fill('L3');
  await dialog.getByLabel('Expires').fill('2098-02-01');
  await dialog.getByRole('button', { name: 'Receive 6' }).click();
  await until('it is there', async () => (await batches()).L3 === '6');
  await maria.shows('Whole Milk', 18);

  // It moves while one counts: that is said, and asked when one goes on all the same.
  await maria.find('milk');
  await dialog.getByRole('radio', { name: 'Count' }).check({ force: true });
  await batch.selectOption({ label: 'L2 · 8 · expires 20 Jan 2098' });
  await database.sql("SELECT version FROM inventory_adjust('milk', 'wh_456', 1, 'out', batch_number => 'L2')");
  await dialog.getByText('In the batch: 7 (was 8)').waitFor();
  await field.fill('6');
  await field.press('Enter');
  await maria.say('needs review');
  await page.keyboard.press('Alt+r');
  const conflict = page.getByRole('dialog', { name: 'Changed by somebody else meanwhile' });
  equal(await conflict.getByRole('radio').count(), 3, 'ways out');
  await conflict.getByRole('radio', { name: /Use my count, 6/ }).check();
  await conflict.getByText('6 in batch L2').waitFor();
  await conflict.getByRole('button', { name: 'Apply', exact: true }).click();
  await until('it is decided', async () => (await batches()).L2 === '6');

  // Without a link which batches there are is not known; their numbers are on the shelf.
  world.proxy.cut();
  await page.context().setOffline(true);
  await maria.notLive();
  await maria.find('milk');
  await dialog.getByRole('radio', { name: 'Count' }).check({ force: true });
  await field.fill('4');
  await dialog.getByLabel('Batch number').fill('L1');
  await field.press('Enter');
  await maria.say('saved on this device');
  await page.context().setOffline(false);
  world.proxy.restore();
  await maria.settled();
  equal(await batches(), { L1: '4', L2: '6', L3: '6' }, 'in the end');
});
