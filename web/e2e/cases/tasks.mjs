// What a stranger is asked to do, with the address and nothing else; and the acceptance tests of the system.
//
// An interaction is a key that is not typing, or a tap.  Three are allowed.
import { test } from '../stage/cases.mjs';
import { equal, ok, until } from '../stage/wait.mjs';

const HOUSE = 'House Blend Beans 1 kg';
const MOST = 3;

/** Somebody at a keyboard: text is typed, keys are counted. */
class Keyboard {
  constructor(page) {
    this.page = page;
    this.count = 0;
  }

  async type(text) {
    await this.page.keyboard.type(text);
  }

  async press(key) {
    this.count++;
    await this.page.keyboard.press(key);
  }
}

/** Somebody at a telephone: taps are counted, and what is tapped must be large enough. */
class Finger {
  constructor(page) {
    this.page = page;
    this.count = 0;
  }

  async type(text) {
    await this.page.keyboard.type(text);
  }

  async tap(target) {
    this.count++;
    await target.waitFor();
    const { width, height } = await target.boundingBox();
    ok(width >= 44 && height >= 43.5, `${await target.textContent()}: ${width} by ${height} is small for a finger`);
    await target.tap();
  }
}

const NARROW = { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true };

const hands = [
  ['by keyboard', {}, Keyboard],
  ['by touch at 375 px', NARROW, Finger],
];

for (const [how, options, Hand] of hands) {
  const isTouch = Hand === Finger;

  test(`a stranger finds an item and sells three, ${how}`, async (world) => {
    const screen = await world.screen(options);
    const { page } = screen;
    const hand = new Hand(page);
    if (isTouch) await hand.tap(page.getByRole('searchbox'));
    await hand.type('house blend');
    if (isTouch) await hand.tap(screen.row(HOUSE).getByRole('button', { name: /^Adjust/ }));
    else await hand.press('Enter');
    await page.getByRole('dialog', { name: HOUSE }).waitFor();
    ok(hand.count <= MOST, `found in ${hand.count}`);
    hand.count = isTouch ? 2 : 1;
    await hand.type('3');
    if (isTouch) await hand.tap(page.getByRole('button', { name: 'Sell 3' }));
    else await hand.press('Enter');
    ok(hand.count <= MOST, `sold in ${hand.count}`);
    await until('it is sold', async () => (await world.database.available('prod_123')) === 497);
    await screen.say('Sold 3 × House Blend Beans 1 kg');
  });

  test(`a stranger counts a shelf, ${how}`, async (world) => {
    const screen = await world.screen(options);
    const { page } = screen;
    const hand = new Hand(page);
    // A scanner, or fingers: the code goes into the search.
    if (isTouch) await page.getByRole('searchbox').focus();
    await hand.type('2000000001050');
    if (isTouch) {
      await hand.tap(screen.row('Earl Grey Tea, 20 Bags').getByRole('button', { name: /^Adjust/ }));
      await hand.tap(page.getByRole('dialog').locator('label', { hasText: 'Count' }));
      await hand.type('104');
      await hand.tap(page.getByRole('button', { name: 'Set to 104' }));
    } else {
      await hand.press('Enter');
      await page.getByRole('dialog').waitFor();
      await hand.press('c');
      await hand.type('104');
      await hand.press('Enter');
    }
    ok(hand.count <= MOST, `counted in ${hand.count}`);
    await until('it is counted', async () => (await world.database.available('prod_105')) === 104);
  });

  test(`a stranger resolves a conflict, ${how}`, async (world) => {
    const screen = await world.screen(options);
    const { page } = screen;
    world.proxy.cut();
    await screen.notLive();
    await screen.change('Dark Chocolate', 'Count', 205);
    await world.database.adjust('prod_114', -4);
    world.proxy.restore();
    await screen.say('needs review');
    const hand = new Hand(page);
    const dialog = page.getByRole('dialog', { name: 'Changed by somebody else meanwhile' });
    if (isTouch) {
      await hand.tap(page.getByRole('button', { name: 'Review' }).first());
      await hand.tap(dialog.locator('label', { hasText: 'Use my count' }));
      await hand.tap(dialog.getByRole('button', { name: 'Apply', exact: true }));
    } else {
      await hand.press('Alt+r');
      await dialog.waitFor();
      await hand.press('ArrowDown');
      await hand.press('Enter');
    }
    ok(hand.count <= MOST, `resolved in ${hand.count}`);
    await dialog.waitFor({ state: 'detached' });
    await until('it is decided', async () => (await world.database.available('prod_114')) === 205);
  });

  test(`a stranger says what is low, ${how}`, async (world) => {
    const screen = await world.screen(options);
    const { page } = screen;
    const hand = new Hand(page);
    const tile = page.getByRole('button', { name: /^\d+ ?Low$/ });
    // Said without doing anything; one tap shows which.
    equal(await tile.locator('.tile-number').textContent(), '2', 'low');
    if (isTouch) await hand.tap(tile);
    else {
      await page.getByRole('searchbox').press('Shift+Tab');
      await hand.press('Shift+Tab');
      await hand.press('Shift+Tab');
      await hand.press('Enter');
    }
    ok(hand.count <= MOST, `said in ${hand.count}`);
    await until('the low ones', async () => (await page.locator('.stock-row').count()) === 2);
    equal(new Set(await page.locator('.item-name').allTextContents()), new Set(['Cleaning Tablets, 10']), 'which');
  });
}

test('A11 two adjustments at the same moment both apply', async (world) => {
  const url = `http://127.0.0.1:${world.relay.port}/api/inventory/adjust`;
  const sell = (quantity, reason) =>
    fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ productId: 'prod_123', warehouseId: 'wh_456', quantity, movementType: 'out', reason }),
    });
  const answers = await Promise.all([sell(-10, 'Sale from Terminal 1'), sell(-5, 'Sale from Terminal 2')]);
  equal(
    answers.map((answer) => answer.status),
    [200, 200],
    'answers',
  );
  equal(await world.database.available('prod_123'), 485, 'in the database');
  const five = await Promise.all([1, 2, 3, 4, 5].map((n) => sell(-1, `Concurrent sale ${n}`)));
  ok(
    five.every((answer) => answer.status === 200),
    'five answers',
  );
  equal(await world.database.available('prod_123'), 480, 'after five concurrent sales');
});

test('A11 the console of a browser follows a product', async (world) => {
  const screen = await world.screen({ as: null, through: null });
  await screen.ask(() => {
    globalThis.heard = [];
    const ws = new WebSocket(`ws://${location.host}/ws`);
    ws.onmessage = (message) => globalThis.heard.push(JSON.parse(message.data));
    ws.onopen = () => ws.send('{"type":"subscribe","channel":"product:prod_123"}');
  });
  await until('it is subscribed', () => screen.ask(() => globalThis.heard.some(({ type }) => type === 'subscribed')));
  await world.database.adjust('prod_123', -1);
  await until('the event', () =>
    screen.ask(() =>
      globalThis.heard.some(({ type, data }) => type === 'inventory.updated' && data.quantityAvailable === 499),
    ),
  );
});

test('A11 a change by curl is on the page at once, with a toast where due and a green light', async (world) => {
  const maria = await world.screen();
  const adjust = (quantity) =>
    fetch(`http://127.0.0.1:${world.relay.port}/api/inventory/adjust`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        productId: 'prod_123',
        warehouseId: 'wh_456',
        quantity,
        movementType: 'out',
        reason: 'Testing real-time update',
      }),
    });
  await adjust(-20);
  await maria.shows(HOUSE, 480);
  await adjust(-440);
  await maria.say('Low stock alert');
  await maria.say(`${HOUSE} is running low`);
  await adjust(-40);
  await maria.say('Product out of stock');
  await maria.say(`${HOUSE} is now out of stock`);
  await maria.shows(HOUSE, 0);
  ok(await maria.isLive(), 'the light is green');
  const colour = await maria.page.locator('.link-mark').evaluate((mark) => getComputedStyle(mark).backgroundColor);
  equal(colour, 'rgb(0, 115, 90)', 'its colour');
  await maria.page.getByRole('button', { name: /^Alerts/ }).click();
  await maria.page.getByRole('dialog', { name: 'Alerts' }).getByText('Product out of stock').waitFor();
});

test('a scanner and clumsy hands do no harm', async (world) => {
  const odd = { productId: 'a/b %2F#?', name: '<b>שקית</b> 🛍️ & "co"', warehouseId: 'wh_456' };
  await world.database.sql(
    `SELECT version FROM inventory_define('${odd.productId}', '${odd.warehouseId}', track_batches => true,
       attributes => jsonb_build_object('name', '${odd.name}', 'barcode', '123456'))`,
  );
  await world.database.sql(
    `SELECT version FROM inventory_adjust('${odd.productId}', '${odd.warehouseId}', 5, 'in',
       batch_number => 'L2', expires_at => '2098-03-01T00:00:00Z')`,
  );
  const maria = await world.screen({ as: null, timezoneId: 'America/New_York' });
  const { page } = maria;
  // A device whose clock is ahead hears of alerts all the same.
  await page.addInitScript(() => {
    const { now } = Date;
    Date.now = () => now() + 300_000;
  });
  await page.reload();
  await maria.signIn('Maria Manager');
  const dialog = page.getByRole('dialog');
  const field = dialog.getByRole('textbox').first();

  // The focus is somewhere else; the code goes into the search all the same.
  await page.getByRole('button', { name: /All items/ }).click();
  await page.keyboard.type('2000000001050');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Earl Grey' }).waitFor();
  // The next one is scanned before this one is done.
  await page.keyboard.press('c');
  await page.keyboard.type('123456');
  await page.keyboard.press('Enter');
  await dialog.getByText(`This is the code of ${odd.name}, and no number`).waitFor();
  await page.keyboard.press('o');

  for (const [kind, text, rule] of [
    ['o', '-3', 'A whole number, 1 or more'],
    ['a', '0', 'A whole number other than 0'],
    ['c', '1.5', 'A whole number, 0 or more'],
  ]) {
    await page.keyboard.press(kind);
    await field.fill(text);
    await page.keyboard.press('Enter');
    await dialog.getByText(rule).waitFor();
  }

  // Arrows go on from kind to kind, where a finger would want to type next.
  await dialog.getByRole('radio', { name: 'Out' }).focus();
  for (const kind of ['In', 'Adjust', 'Count', 'Out']) {
    await page.keyboard.press('ArrowRight');
    equal(await dialog.getByRole('radio', { name: kind }).isChecked(), true, `${kind} by arrows`);
  }

  // Marking the number, and letting go beside the dialog.
  await field.fill('2');
  const box = await field.boundingBox();
  await page.mouse.move(box.x + box.width - 5, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(5, box.y, { steps: 4 });
  await page.mouse.up();
  equal(await field.inputValue(), '2', 'the number that was marked');

  // A reason that begins like one of those to choose from.
  await dialog.getByLabel('Reason').fill('');
  await dialog.getByLabel('Reason').pressSequentially('Damaged by water');
  await page.keyboard.press('Enter');
  await until(
    'it is written with its reason',
    async () =>
      (await world.database.one(
        "SELECT reason FROM inventory_movement WHERE product_id = 'prod_105' AND movement_type = 'out'",
      )) === 'Damaged by water',
  );

  // What is not here may be elsewhere.
  await page.getByRole('button', { name: /Unsent/ }).click();
  await page.getByRole('searchbox').fill('house blend');
  await page.getByRole('button', { name: 'Look in all items' }).click();
  await maria.row(HOUSE).waitFor();
  await page.getByRole('searchbox').fill('nothing like it');
  await page.getByRole('button', { name: 'Show all items' }).click();
  await until('all are there', async () => (await page.locator('.stock-row').count()) > 10);

  // Which warehouse one works in stays so, whatever one looks at.
  const where = page.getByRole('combobox', { name: 'Warehouse' });
  await where.selectOption('wh_457');
  await page.getByRole('searchbox').fill('');
  await maria.row('House Blend Beans 1 kg', 'Shop Old Town').getByRole('link').click();
  await page.getByRole('link', { name: 'All items' }).click();
  await maria.find('2000000001050');
  equal(await dialog.getByRole('combobox').inputValue(), 'wh_457', 'where it was found');
  await page.keyboard.press('Escape');
  await where.selectOption('');

  // The page of an item takes a scan, too: the dialog opens, with the page of what was scanned behind it.
  await page.getByRole('searchbox').fill('');
  await maria.row('House Blend Beans 1 kg', 'Shop Old Town').getByRole('link').click();
  await page.getByRole('tab', { name: 'Batches' }).click();
  await page.keyboard.type('2000000001050');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Earl Grey' }).waitFor();
  equal(await dialog.getByRole('combobox').inputValue(), 'wh_457', 'the place one looks at');
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Earl Grey' }).waitFor();
  // What is no code is searched for in the list, and is still there when one comes back to it.
  await page.keyboard.type('dark choc');
  await page.keyboard.press('Enter');
  await until('it is found', async () => (await page.locator('.stock-row').count()) === 2);
  equal(await page.getByRole('searchbox').inputValue(), 'dark choc', 'the search');
  await page.locator('.item-name').first().click();
  await page.getByRole('heading', { name: 'Dark Chocolate' }).waitFor();
  await page.goBack();
  await until('it is found again', async () => (await page.locator('.stock-row').count()) === 2);
  await page.locator('.item-name').first().click();
  await page.getByRole('link', { name: 'All items' }).click();
  equal(await page.getByRole('searchbox').inputValue(), '', 'the search among all items');

  // Ids that mean something in an address, and addresses that mean nothing.
  await page.getByRole('searchbox').fill('');
  await maria.row(odd.name, 'wh_456').getByRole('link').click();
  await page.getByRole('heading', { name: odd.name }).waitFor();
  await page.getByRole('tabpanel').locator('.records').waitFor();
  await page.getByRole('tab', { name: 'Batches' }).click();
  await page.getByRole('cell', { name: '1 Mar 2098', exact: true }).waitFor();
  await page.evaluate(() => {
    location.hash = '#/item/%/%zz';
  });
  await page.getByRole('searchbox').waitFor();

  await until('alerts are live', () => maria.ask(() => Date.now() - globalThis.inventory.state.since > 5_000));
  await world.database.adjust('prod_101', -140);
  await page.locator('.toast', { hasText: 'Product out of stock' }).waitFor();

  // What is retired under a dialog takes the dialog with it, and nothing stays in the way of the next.
  await maria.find('French Press');
  await world.database.sql("SELECT version FROM inventory_retire('prod_126', 'wh_456')");
  await dialog.waitFor({ state: 'detached' });
  await maria.say('Not here any more');
  // Saved, an edit would take it into use again.
  await page.evaluate(() => {
    location.hash = '#/item/prod_126/wh_457';
  });
  await page.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Minimum stock').fill('7');
  await world.database.sql("SELECT version FROM inventory_retire('prod_126', 'wh_457')");
  await dialog.waitFor({ state: 'detached', timeout: 10_000 });
  await page.getByRole('link', { name: 'All items' }).click();
  await maria.sell('House Blend', 1);
  await until('it is sold', async () => (await world.database.available('prod_123')) === 499);
});
