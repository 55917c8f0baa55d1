// Can everybody use it?  Every state under axe, in forced colours, with less motion.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from '../stage/cases.mjs';
import { developmentSite } from '../stage/site.mjs';
import { story } from '../stage/story.mjs';
import { equal, ok, until } from '../stage/wait.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const NARROW = { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true };

async function audit(page) {
  // What moves is judged when it has arrived.
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .map((a) => (a.effect?.getComputedTiming().iterations === Infinity ? null : a.finished.catch(() => null))),
    ),
  );
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

for (const [how, options] of [
  ['in light', { colorScheme: 'light' }],
  ['in dark', { colorScheme: 'dark' }],
  ['at 375 px', NARROW],
]) {
  test(
    `19 axe finds nothing in any state, ${how}`,
    async (world) => {
      // Once as built for development, where React complains of what it does not like.
      if (how === 'in light') await world.relay.serve(await developmentSite());
      // Codes that are one long word, as some are.
      await world.database.sql(
        `SELECT count(*) FROM inventory AS i, inventory_define(i.product_id, i.warehouse_id, attributes => i.attributes ||
           jsonb_build_object('sku', repeat('S', 80), 'category', repeat('c', 80))) WHERE i.product_id = 'prod_123'`,
      );
      const found = [];
      const seen = [];
      for await (const [name, page] of story(world, options)) {
        seen.push(name);
        for (const violation of await audit(page)) found.push(`${name}: ${violation}`);
        const clipped = await page.evaluate(overflowing, page.viewportSize().width);
        for (const what of clipped) found.push(`${name}: wider than the window: ${what}`);
        for (const what of await page.evaluate(overlapping)) found.push(`${name}: over each other: ${what}`);
        for (const what of await page.evaluate(tooNarrow)) found.push(`${name}: too narrow for its words: ${what}`);
      }
      equal(found, [], 'violations');
      ok(seen.length >= 15, `${seen.length} states`);
    },
    { limitMs: 240_000 },
  );
}

test('19 what a viewer has instead of tools fits a telephone', async (world) => {
  const { page } = await world.screen({ as: 'Vera Viewer', ...NARROW });
  await page
    .getByRole('link', { name: /^History of/ })
    .first()
    .waitFor();
  equal(await page.evaluate(tooNarrow), [], 'too narrow for their words');
  equal(await audit(page), [], 'violations');
});

/** In the page: what of the header lies over its neighbour. */
function overlapping() {
  const parts = [...document.querySelectorAll('.header > :not(.header-end), .header-end > *')]
    .filter((part) => !part.matches('[popover]') && part.getBoundingClientRect().width > 0)
    .map((part) => [part.className, part.getBoundingClientRect()]);
  return parts.flatMap(([name, a], i) =>
    parts
      .slice(i + 1)
      .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
      .map(([other]) => `${name} and ${other}`),
  );
}

/** In the page: buttons and badges whose words do not fit into them, or that do not fit into what they are in. */
function tooNarrow() {
  const inner = ({ left, right }, by) => [left + by, right - by];
  const sticksOut = (part) => {
    const words = document.createRange();
    words.selectNodeContents(part);
    const [from, to] = inner(part.getBoundingClientRect(), part.matches('.button') ? 3 : 0);
    const { left, right } = words.getBoundingClientRect();
    const style = getComputedStyle(part.parentElement);
    const within = part.parentElement.getBoundingClientRect().right - Number.parseFloat(style.paddingRight);
    return left < from - 1 || right > to + 1 || part.getBoundingClientRect().right > within + 1;
  };
  return [...document.querySelectorAll('.button:not(:has(.alerts-count)), .status-badge, .tile, .adjust-kind')]
    .filter((part) => part.checkVisibility() && part.clientWidth > 1 && sticksOut(part))
    .map((part) => part.textContent || part.ariaLabel);
}

/** In the page: what sticks out to the side.  A telephone makes its window as wide as that, so the width is said. */
function overflowing(width) {
  const wide = [...document.querySelectorAll('html, dialog[open]')].find(
    (box) => box.scrollWidth > Math.min(box.clientWidth, width) + 1,
  );
  if (!wide) return [];
  return [...wide.querySelectorAll('*')]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .slice(0, 3)
    .map((element) => element.className || element.tagName);
}

test('19 with forced colours everything that has a state still shows it', async (world) => {
  const maria = await world.screen({ forcedColors: 'active' });
  const { page } = maria;
  const edge = (selector) =>
    page
      .locator(selector)
      .first()
      .evaluate((node) => getComputedStyle(node).borderTopStyle);
  equal(await edge('.link-face'), 'solid', 'edge of the indicator');
  equal(await edge('.status-badge'), 'solid', 'edge of a badge');
  equal(await audit(page), [], 'violations');
  await maria.find('House Blend');
  const outline = await page
    .locator('.adjust-kind :checked + span')
    .evaluate((node) => getComputedStyle(node).outlineStyle);
  equal(outline, 'solid', 'outline of the chosen kind');
  equal(await audit(page), [], 'violations in the dialog');
});

test('19 where less motion is wanted nothing moves, and a change says "changed"', async (world) => {
  const maria = await world.screen({ reducedMotion: 'reduce' });
  const { page } = maria;
  await world.database.adjust('prod_123', -1);
  await page.locator('.quantity[data-changed]').first().waitFor();
  const words = await page
    .locator('.quantity[data-changed]')
    .first()
    .evaluate((node) => getComputedStyle(node, '::after').content);
  equal(words, '"changed"', 'mark');
  world.proxy.cut();
  await maria.notLive();
  equal(await page.evaluate(() => document.getAnimations().length), 0, 'animations');
});

test('screen readers hear answers and summaries, and never each number', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  equal(await page.locator('.stock-table [aria-live], .stock-table [role=status]').count(), 0, 'live cells');
  const status = page.locator('.unseen[role=status]');
  await maria.sell('House Blend', 1);
  await page.waitForFunction((node) => /Sold 1/.test(node.textContent), await status.elementHandle());
  await world.database.adjust('prod_123', -460);
  await world.database.adjust('prod_101', -140);
  await page.waitForFunction(
    (node) => /items? changed, .*(running low|out of stock)/.test(node.textContent),
    await status.elementHandle(),
    { timeout: 12_000 },
  );
  await page.getByRole('button', { name: /^Alerts/ }).click();
  await page.getByRole('button', { name: 'Spoken summaries on' }).click();
  await page.getByRole('button', { name: 'Spoken summaries off' }).waitFor();
});

test("numbers can be held while one reads them out, and one's own changes are shown all the same", async (world) => {
  const maria = await world.screen();
  const hold = maria.page.getByRole('button', { name: 'Hold numbers' });
  await hold.click();
  await world.database.adjust('prod_123', -7);
  await until('it was heard', () => maria.ask(() => globalThis.inventory.counters.events >= 1));
  equal(await maria.shown('House Blend Beans 1 kg'), 500, 'held');
  await maria.sell('Espresso', 1);
  await maria.shows('Espresso Beans 1 kg', 139);
  await maria.page.getByRole('searchbox').fill('');
  equal(await maria.shown('House Blend Beans 1 kg'), 500, 'still held');
  await maria.page.getByRole('button', { name: 'Let numbers go on' }).click();
  await maria.shows('House Blend Beans 1 kg', 493);
});

test('rows do not jump while one reads: a new order waits to be taken', async (world) => {
  const maria = await world.screen();
  const { page } = maria;
  await page.mouse.wheel(0, 50);
  const names = () => page.locator('.item-name').allTextContents();
  const before = await names();
  await world.database.adjust('prod_101', -140);
  const refresh = page.getByRole('button', { name: '1 update, refresh order' });
  await refresh.waitFor();
  equal(await names(), before, 'the order');
  await refresh.click();
  await refresh.waitFor({ state: 'detached' });
  ok((await names()).indexOf('Espresso Beans 1 kg') < 3, 'what is out stands first');
});

test(
  'ten thousand items scroll, and only what is seen is drawn',
  async (world) => {
    const maria = await world.screen();
    const { page } = maria;
    const drawn = () => page.locator('.stock-row').count();
    ok((await drawn()) < 60, `${await drawn()} rows are drawn`);
    await page.getByRole('searchbox').fill('bulk item 9999');
    await maria.row('Bulk item 9999', '').waitFor();
    await page.getByRole('searchbox').fill('');
    await page.getByText('Bulk item 1', { exact: true }).waitFor();
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await page.getByText('Bulk item 10000', { exact: true }).waitFor();
    ok((await drawn()) < 60, `${await drawn()} rows are drawn at the end`);
  },
  { world: { products: 10_000 } },
);
