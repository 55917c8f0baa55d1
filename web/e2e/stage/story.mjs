// Every state of the dashboard, one after the other, as a day at work goes.
//
// For whoever wants to look: the check of accessibility, the pictures.  Yields
// the name of the state and the page that is in it.
import { until } from './wait.mjs';

export async function* story(world, options = {}) {
  const { database, proxy } = world;
  const maria = await world.screen({ ...options, as: null });
  const { page } = maria;
  const dialog = page.getByRole('dialog');
  const closeDialog = async () => {
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  };

  await page.getByRole('heading', { name: 'Who is working?' }).waitFor();
  yield ['sign-in', page];

  await maria.signIn('Maria Manager');
  const olga = await world.screen({ as: 'Olga Operator', through: null });
  await olga.find('Cleaning Tablets');
  await page.locator('.link-more').waitFor({ state: 'attached' });
  await page.locator('.stock-row .face').first().waitFor();
  yield ['live', page];

  await maria.find('House Blend');
  await dialog.getByRole('textbox').first().fill('3');
  yield ['adjust', page];
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  await until('it is saved', async () => (await database.available('prod_123')) === 497);
  yield ['sold', page];

  await page.getByRole('searchbox').fill('');
  await database.adjust('prod_101', -120, { reason: 'Web shop' });
  await database.adjust('prod_105', -110, { reason: 'Mobile app' });
  await page.getByText('Product out of stock').first().waitFor();
  yield ['alerts', page];
  await page.getByRole('button', { name: /^Alerts/ }).click();
  await dialog.getByText('Low stock alert').first().waitFor();
  yield ['alerts-panel', page];
  await closeDialog();

  for (let i = 0; i < 4; i++) {
    await database.adjust('prod_114', -1, { warehouseId: 'wh_457', reason: 'Till 1' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  await page.locator('.link-face').click();
  await dialog.locator('canvas').waitFor();
  yield ['performance', page];
  await closeDialog();

  await page.getByRole('searchbox').fill('House Blend');
  await maria.row('House Blend Beans 1 kg').getByRole('link').click();
  await page.getByRole('tabpanel').locator('.records, .empty').waitFor();
  yield ['item', page];
  await page.getByRole('button', { name: 'Edit' }).click();
  yield ['edit-item', page];
  await closeDialog();
  await page.evaluate(() => {
    location.hash = '#/item/none/wh_456';
  });
  await page.getByRole('heading', { name: 'Not here for you' }).waitFor();
  yield ['not-here', page];
  await database.sql(`SELECT version FROM inventory_define('milk', 'wh_456', track_batches => true,
    attributes => '{"name": "Whole Milk", "warehouseName": "Central Warehouse"}')`);
  for (const [number, expires] of [
    ['L-1041', '2098-01-10'],
    ['L-1042', '2098-01-20'],
  ])
    await database.sql(`SELECT version FROM inventory_adjust('milk', 'wh_456', 12, 'in',
      batch_number => '${number}', expires_at => '${expires}T00:00:00Z')`);
  await page.evaluate(() => {
    location.hash = '#/item/milk/wh_456';
  });
  await page.getByRole('tab', { name: 'Batches' }).click();
  await page.getByRole('button', { name: 'Count batch L-1041' }).waitFor();
  yield ['batches', page];
  await page.getByRole('button', { name: 'Count batch L-1041' }).click();
  await dialog.getByRole('combobox', { name: 'Batch' }).waitFor();
  await dialog.getByRole('textbox').first().fill('11');
  yield ['batch-count', page];
  await dialog.getByRole('combobox', { name: 'Batch' }).selectOption({ label: 'Another batch…' });
  await dialog.getByRole('button', { name: 'Set to 11' }).click();
  await dialog.getByText('Which batch is it?').waitFor();
  yield ['batch-new', page];
  await closeDialog();
  await page.getByRole('link', { name: 'All items' }).click();

  proxy.cut();
  await maria.notLive();
  yield ['reconnecting', page];
  await maria.change('Dark Chocolate', 'Count', 205);
  await maria.sell('House Blend', 2);
  await maria.sell('Cleaning', 9);
  await maria.say(/Working offline – 3 changes/);
  await page.getByRole('searchbox').fill('');
  yield ['offline', page];
  await page.locator('.sync-face').click();
  await dialog.waitFor();
  yield ['changes', page];
  await closeDialog();
  await page.getByRole('button', { name: /^Account/ }).click();
  yield ['account', page];
  await page.getByRole('button', { name: 'Sign out' }).click();
  await dialog.waitFor();
  yield ['sign-out', page];
  await closeDialog();

  await database.adjust('prod_114', -4, { by: 'Till 2' });
  proxy.restore();
  await page.getByRole('button', { name: 'Retry now' }).first().click();
  await until('both need review', () => maria.ask(() => globalThis.inventory.conflicts.list().length === 2));
  await page.keyboard.press('Alt+r');
  await dialog.getByText(/Use my count/).waitFor();
  yield ['conflict', page];
  await closeDialog();
  await until('one is put off', () => maria.ask(() => globalThis.inventory.conflicts.list().some((c) => c.deferred)));
  await page.keyboard.press('Alt+r');
  await dialog.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('dialog', { name: 'Not enough stock' }).waitFor();
  yield ['shortage', page];
  await closeDialog();
}
