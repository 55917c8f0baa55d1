// Who is here, who may do what, and how one comes and goes.
import { test } from '../stage/cases.mjs';
import { equal, ok, until } from '../stage/wait.mjs';

const HOUSE = 'House Blend Beans 1 kg';

test('12 two tabs of one person are one face, which goes some seconds after the last of them', async (world) => {
  const maria = await world.screen();
  const olga = await world.screen({ as: 'Olga Operator' });
  const again = await world.tab(olga.page.context(), { as: 'Olga Operator' });
  const here = maria.page.getByRole('button', { name: '1 other person here' });
  await here.waitFor();
  await here.click();
  await maria.say('Olga Operator is here (2 windows)');
  await again.page.close();
  await maria.say('Olga Operator is here');
  const closedAt = Date.now();
  await olga.page.context().close();
  await here.waitFor({ state: 'detached', timeout: 15_000 });
  ok(Date.now() - closedAt > 3_000, 'with a grace');
});

test('who edits an item is seen on its row, and who reloads is not seen to leave', async (world) => {
  const maria = await world.screen();
  const olga = await world.screen({ as: 'Olga Operator' });
  await olga.find('House Blend');
  await maria
    .row(HOUSE)
    .getByRole('img', { name: /Olga Operator is editing quantity/ })
    .waitFor();
  equal(await maria.row(HOUSE, 'Shop Old Town').getByRole('img').count(), 0, 'faces on the other warehouse');
  await olga.page.keyboard.press('Escape');
  await maria.row(HOUSE).getByRole('img', { name: /Olga/ }).waitFor({ state: 'detached', timeout: 15_000 });
  let gone = false;
  const watch = setInterval(async () => {
    gone ||= (await maria.page.getByRole('button', { name: '1 other person here' }).count()) === 0;
  }, 100);
  await olga.page.reload();
  await olga.live();
  await olga.page.locator('.stock-row').first().waitFor();
  clearInterval(watch);
  equal(gone, false, 'she was seen to leave');
});

test('without a link the others stay, grey, as last known', async (world) => {
  const maria = await world.screen();
  await world.screen({ as: 'Olga Operator', through: null });
  await maria.page.getByRole('button', { name: '1 other person here' }).waitFor();
  world.proxy.cut();
  await maria.notLive();
  await maria.page.getByRole('img', { name: /Olga Operator is here \(last known\)/ }).waitFor();
});

test('an operator of one warehouse sees that one, a viewer changes nothing', async (world) => {
  const otto = await world.screen({ as: 'Otto Operator' });
  await until('his rows', async () => (await otto.page.locator('.stock-row').count()) === 6);
  equal(await otto.row(HOUSE, 'Central Warehouse').count(), 0, 'rows of the other warehouse');
  const vera = await world.screen({ as: 'Vera Viewer' });
  equal(await vera.page.getByRole('button', { name: /^Adjust/ }).count(), 0, 'buttons to adjust');
  await vera.page.getByRole('searchbox').fill('House Blend');
  await vera.page.getByRole('searchbox').press('Enter');
  await vera.page.getByRole('heading', { name: HOUSE }).waitFor();
  equal(await vera.page.getByRole('button', { name: 'Adjust' }).count(), 0, 'buttons on the page of an item');
  await vera.page.getByRole('button', { name: /Account/ }).click();
  equal(await vera.page.getByRole('button', { name: 'Add an item' }).count(), 0, 'tools of a manager');
});

/** Who is in it by a row, with what it says. */
const setMember = (world, sub, role, warehouses = null) =>
  world.database.sql(`INSERT INTO inventory_member (organization_id, subject, role, warehouses)
    VALUES ('', '${sub}', '${role}', ${warehouses === null ? 'NULL' : `'{${warehouses.join(',')}}'`})
    ON CONFLICT (organization_id, subject) DO UPDATE SET role = excluded.role, warehouses = excluded.warehouses`);

test('what one may do changes on the open page, and who may do nothing is told so', async (world) => {
  for (const sub of ['maria', 'olga']) await setMember(world, sub, 'manager');
  const maria = await world.screen();
  const { page } = maria;
  const account = page.getByRole('button', { name: /^Account/ });
  // In the middle of what only a manager may do.
  await maria.row(HOUSE).getByRole('link').click();
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('dialog', { name: 'Edit item' }).waitFor();
  await setMember(world, 'maria', 'operator');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await maria.say('You are now: Operator');
  equal(await page.getByRole('button', { name: 'Retire' }).count(), 0, 'tools of a manager');
  await page.getByRole('button', { name: 'Adjust' }).waitFor();
  await setMember(world, 'maria', 'viewer');
  await page.getByRole('button', { name: 'Adjust' }).waitFor({ state: 'detached' });
  // Of one warehouse only, and not the one that is looked at.
  await setMember(world, 'maria', 'manager', ['wh_457']);
  await page.getByRole('heading', { name: 'Not here for you' }).waitFor();
  await page.getByRole('link', { name: 'All items' }).first().click();
  await until('one warehouse is left', async () => (await page.locator('.stock-row').count()) === 6);
  await account.click();
  await page.getByText('Manager in Shop Old Town', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Add an item' }).waitFor();
  await page.keyboard.press('Escape');
  // None at all.
  await setMember(world, 'maria', 'viewer', []);
  await maria.say('There is no warehouse here that you may see.');
  await world.database.sql("DELETE FROM inventory_member WHERE subject = 'maria'");
  await maria.say('You have no access here any more.');
  equal(await page.locator('.stock-row').count(), 0, 'rows');
  await page.locator('.link', { hasText: 'No access' }).waitFor();
  equal(await page.locator('.banner').count(), 0, 'banners of another reason');
  // Nor is anything shown while it is tried again.
  await maria.ask(() => {
    globalThis.listsSeen = 0;
    new MutationObserver(() => {
      globalThis.listsSeen += document.querySelectorAll('.stock-page').length;
    }).observe(document.body, { childList: true, subtree: true });
  });
  const tried = maria.sockets.length;
  await page.getByRole('button', { name: 'Try again' }).click();
  await until(
    'it is refused again',
    async () => maria.sockets.length > tried && (await maria.ask(() => globalThis.inventory.state.name === 'error')),
  );
  equal(await maria.ask(() => globalThis.listsSeen), 0, 'lists while trying');
  await setMember(world, 'maria', 'operator');
  await page.getByRole('button', { name: 'Try again' }).click();
  await until('all is there', async () => (await page.locator('.stock-row').count()) === 12);
});

test('an address of what is not there, or not for one, says so and leads back', async (world) => {
  const otto = await world.screen({ as: 'Otto Operator' });
  const { page } = otto;
  for (const item of ['no_such/wh_457', 'prod_123/wh_456']) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/item/${item}`);
    await page.getByRole('heading', { name: 'Not here for you' }).waitFor();
    await page.getByText(`${item.split('/')[0]} in `).waitFor();
    await page.getByRole('main').getByRole('link', { name: 'All items' }).first().click();
    await otto.row(HOUSE, 'Shop Old Town').waitFor();
  }
  // With nothing at all to be seen, and from the start.
  const token = world.relay.token({ sub: 'nils', name: 'Nils Nowhere', role: 'operator', warehouses: [] });
  const nils = await world.screen({ as: null });
  await nils.page.getByText('Use a token').click();
  await nils.page.getByLabel('Token').fill(token);
  await nils.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await nils.say('There is no warehouse here that you may see.');
  await nils.page.goto(`${nils.url}#/item/prod_123/wh_456`);
  await nils.page.getByRole('heading', { name: 'Not here for you' }).waitFor();
  await nils.page.reload();
  await nils.page.getByRole('heading', { name: 'Not here for you' }).waitFor();
});

test('an empty stock says what to do next', async (world) => {
  await world.database.sql('DROP EXTENSION pg_inventory CASCADE');
  await world.database.sql('CREATE EXTENSION pg_inventory');
  await world.database.sql(
    "SELECT inventory_grant(level, 'inventory_relay') FROM unnest(ARRAY['relay', 'backend']) AS level",
  );
  const vera = await world.screen({ as: null });
  await vera.page.getByRole('button', { name: /Vera/ }).click();
  await vera.say('No items yet.');
  equal(await vera.page.getByRole('button', { name: 'Add the first item' }).count(), 0, "a manager's tool");
  const maria = await world.screen({ as: null });
  await maria.page.getByRole('button', { name: /Maria/ }).click();
  await maria.page.getByRole('button', { name: 'Add the first item' }).click();
  const dialog = maria.page.getByRole('dialog', { name: 'Add an item' });
  await dialog.getByLabel('Product id').fill('one');
  await dialog.getByLabel('Warehouse').fill('here');
  await dialog.getByRole('button', { name: 'Add item' }).click();
  await vera.page.getByRole('link', { name: 'one', exact: true }).waitFor();
});

test('a manager adds an item, changes its minimum, and retires it; others find it at once', async (world) => {
  const maria = await world.screen();
  const olga = await world.screen({ as: 'Olga Operator' });
  const { page } = maria;
  await page.getByRole('button', { name: /Account/ }).click();
  await page.getByRole('button', { name: 'Add an item' }).click();
  const add = page.getByRole('dialog', { name: 'Add an item' });
  await add.getByRole('button', { name: 'Add item' }).click();
  await add.getByText('A product id is needed.').waitFor();
  // What is kept by batch comes in batch by batch.
  await add.getByLabel('Kept by batch').check();
  equal(await add.getByLabel('In stock now').count(), 0, 'stock of no batch');
  await add.getByLabel('Kept by batch').uncheck();
  await add.getByLabel('Product id').fill('prod_900');
  await add.getByLabel('Warehouse').fill('wh_456');
  await add.getByLabel('Name').fill('Tea Towel');
  await add.getByLabel('SKU').fill('TOW-1');
  await add.getByLabel('Minimum stock').fill('3');
  await add.getByLabel('In stock now').fill('0');
  await add.getByRole('button', { name: 'Add item' }).click();
  await olga.page.getByRole('searchbox').fill('Tea Towel');
  await olga.row('Tea Towel').waitFor();
  // The dialog follows the item, whose snapshot is of a version that is known already.
  await maria.ask(() => {
    globalThis.snapshots = 0;
    globalThis.inventory.on('snapshot', () => globalThis.snapshots++);
  });
  await maria.find('TOW-1');
  await until('the snapshot came', () => maria.ask(() => globalThis.snapshots > 0));
  await page.keyboard.press('Escape');
  await world.database.adjust('prod_900', 1);
  await maria.shows('Tea Towel', 1);
  await world.database.adjust('prod_900', -1);
  await page.getByRole('link', { name: 'Tea Towel' }).click();
  await page.getByRole('button', { name: 'Edit' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit item' });
  equal(await edit.getByLabel('SKU').inputValue(), 'TOW-1', 'the code, to be edited');
  await edit.getByLabel('Minimum stock').fill('9');
  await olga.row('Tea Towel').getByRole('img', { name: 'Maria Manager is editing minimum stock' }).waitFor();
  await edit.getByRole('button', { name: 'Save' }).click();
  await until(
    'the minimum is set',
    async () => (await world.database.one("SELECT minimum_stock FROM inventory WHERE product_id = 'prod_900'")) === '9',
  );
  equal(
    await world.database.one("SELECT attributes ->> 'sku' FROM inventory WHERE product_id = 'prod_900'"),
    'TOW-1',
    'its code',
  );
  // With stock it cannot go.
  await world.database.adjust('prod_900', 2);
  await page.getByRole('button', { name: 'Retire' }).click();
  const retire = page.getByRole('dialog', { name: 'Retire Tea Towel?' });
  await retire.getByText('There are still 2 pieces on the books').waitFor();
  equal(await retire.getByRole('button', { name: 'Retire' }).isDisabled(), true, 'retiring what is there');
  await world.database.adjust('prod_900', -2);
  await retire.getByRole('button', { name: 'Retire' }).click();
  await olga.row('Tea Towel').waitFor({ state: 'detached' });
});

test('signing out with unsent work asks, and what is kept syncs when one is back', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  await page.getByRole('button', { name: 'Hold numbers' }).click();
  await world.database.adjust('prod_101', -140);
  await maria.say('Product out of stock');
  world.proxy.cut();
  await maria.notLive();
  await maria.sell('House Blend', 4);
  await page.getByRole('button', { name: /Account/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  const dialog = page.getByRole('dialog', { name: '1 change not saved yet' });
  equal(await dialog.getByRole('button', { name: 'Sync and sign out' }).isDisabled(), true, 'sync, without a link');
  const download = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Export' }).click();
  ok((await download).suggestedFilename().startsWith('inventory-changes-'), 'the export has a name');
  // Without any link the page waits for one, and is then there for the next.
  await page.context().setOffline(true);
  await dialog.getByRole('button', { name: 'Keep and sign out' }).click();
  await maria.say('The relay cannot be reached');
  await page.context().setOffline(false);
  world.proxy.restore();
  await maria.signIn('Olga Operator');
  await page.getByRole('button', { name: 'Alerts', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Hold numbers' }).waitFor();
  equal(await page.locator('.toast').count(), 0, "another person's notices");
  equal(await maria.waiting(), 0, "another person's changes");
  equal(await world.database.available('prod_123'), 500, 'before');
  await page.getByRole('button', { name: /Account/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('dialog', { name: 'Sign out?' }).getByRole('button', { name: 'Sign out' }).click();
  await maria.signIn('Maria Manager');
  await until('it is sold', async () => (await world.database.available('prod_123')) === 496);
});

test('a pasted token signs in, a bad one says why, and a guest may look in', async (world) => {
  const guest = await world.screen({ as: null });
  const { page } = guest;
  await page.getByText('Use a token').click();
  await page.getByLabel('Token').fill('abc');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await guest.say('This is not a token.');
  await page.getByText('Use a token').click();
  await page.getByLabel('Token').fill(world.relay.token({ sub: 'nora', name: 'Nora New', role: 'viewer' }));
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('button', { name: 'Account of Nora New' }).waitFor();
  equal(await page.evaluate(() => localStorage.length), 0, 'things kept beyond the tab');
  const other = await world.screen({ as: 'guest' });
  await other.page.getByRole('button', { name: 'Account of Guest' }).waitFor();
});

test(
  'whoever else signs in to the application, changes go out as made by who made them',
  async (world) => {
    const token = (sub, name) => world.relay.token({ sub, name, role: 'operator' });
    const maria = await world.screen({ as: null });
    const { page } = maria;
    let given = token('maria', 'Maria Manager');
    await page.route('**/token', (route) => route.fulfill({ body: given }));
    await page.reload();
    await page.getByRole('button', { name: 'Account of Maria Manager' }).waitFor();
    await maria.shows(HOUSE, 500);
    world.proxy.cut();
    await maria.notLive();
    await maria.sell('House Blend', 3);
    given = token('olga', 'Olga Operator');
    world.proxy.restore();
    await page.getByRole('button', { name: 'Retry now' }).first().click();
    await maria.say('Olga Operator is signed in to your application now');
    equal(await maria.waiting(), 1, 'waiting');
    given = token('maria', 'Maria Manager');
    await maria.settled();
    equal(
      await world.database.sql("SELECT performed_by FROM inventory_movement WHERE reason = 'Sale'"),
      [['maria']],
      'who sold',
    );
  },
  { world: { relayOptions: ['--token-url', '/token'] } },
);

test('a browser that keeps nothing for a page shows it all the same, and says what is not kept', async (world) => {
  const maria = await world.screen({ as: null });
  const { page } = maria;
  await page.addInitScript(() => {
    const refuse = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: refuse });
    IDBFactory.prototype.open = refuse;
    LockManager.prototype.request = async () => refuse();
  });
  await page.reload();
  await maria.signIn('Maria Manager');
  world.proxy.cut();
  await maria.notLive();
  await maria.sell('House Blend', 1);
  await page.getByRole('button', { name: '1 not saved on this device' }).waitFor();
  world.proxy.restore();
  await maria.settled();
  equal(await world.database.available('prod_123'), 499, 'in the database');
});
