// The dashboard as a person sees it: by the words on it.
import { ok, until } from './wait.mjs';

export class Screen {
  constructor(page, url, world) {
    this.page = page;
    this.url = url;
    page.setDefaultTimeout(90_000);
    this.sockets = [];
    this.errors = [];
    /** What the page said on its sockets. */
    this.sent = [];
    page.on('websocket', (socket) => {
      this.sockets.push(socket);
      socket.on('framesent', ({ payload }) => this.sent.push(String(payload)));
    });
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      // A link that is cut is what these tests are about; anything else is not.
      if (message.type() === 'error' && !/WebSocket connection|Failed to load resource|net::ERR/.test(message.text()))
        this.errors.push(message.text());
    });
    world.complaints.push(this.errors);
  }

  async open(as) {
    await this.page.goto(this.url);
    if (as === null) return;
    await this.signIn(as);
  }

  async signIn(as) {
    const name = as === 'guest' ? 'Continue without signing in' : new RegExp(as);
    await this.page.getByRole('button', { name }).click();
    await this.live();
    await until('the stock is there', async () => (await this.page.locator('.stock-row, .item-page').count()) > 0);
  }

  /** Until the indicator says so. */
  async live(limitMs = 30_000) {
    await this.page.locator('.link[data-look=live], .link[data-look=slow]').waitFor({ timeout: limitMs });
  }

  async notLive(limitMs = 40_000) {
    await until('the link is seen to be lost', async () => !(await this.isLive()), limitMs);
  }

  async isLive() {
    return (await this.page.locator('.link').getAttribute('data-look')) === 'live';
  }

  row(name, warehouse = 'Central Warehouse') {
    return this.page
      .locator('.stock-row')
      .filter({ has: this.page.getByText(name, { exact: true }) })
      .filter({ hasText: warehouse });
  }

  async shown(name, warehouse) {
    const text = await this.row(name, warehouse).locator('.quantity').textContent();
    return Number(text.replace('−', '-').replaceAll(',', ''));
  }

  async shows(name, quantity, { warehouse, limitMs = 30_000 } = {}) {
    await until(
      `${name} is shown as ${quantity}`,
      async () => (await this.shown(name, warehouse)) === quantity,
      limitMs,
    );
  }

  /** Opens the dialog of an item by typing its name and Enter. */
  async find(text) {
    const { page } = this;
    await page.getByRole('searchbox').fill(text);
    await page.getByRole('searchbox').press('Enter');
    await page.getByRole('dialog').waitFor();
  }

  /** By the dialog: kind is Out, In, Adjust or Count. */
  async change(text, kind, quantity) {
    await this.find(text);
    const dialog = this.page.getByRole('dialog');
    if (kind !== 'Out') await dialog.getByRole('radio', { name: kind }).check({ force: true });
    await dialog.getByRole('textbox').first().fill(String(quantity));
    await dialog.getByRole('textbox').first().press('Enter');
    await dialog.waitFor({ state: 'detached' });
  }

  sell(text, quantity) {
    return this.change(text, 'Out', quantity);
  }

  /** A question to the client behind the page, which the page puts into the console as `inventory`. */
  ask(fn, argument) {
    return this.page.evaluate(fn, argument);
  }

  async waiting() {
    return this.ask(() => globalThis.inventory.queue.status.size);
  }

  async settled(limitMs = 60_000) {
    await until('all changes are saved', async () => (await this.waiting()) === 0, limitMs);
  }

  async say(text, limitMs = 30_000) {
    await this.page.getByText(text).first().waitFor({ timeout: limitMs });
  }

  check() {
    ok(this.errors.length === 0, `the page complained: ${this.errors.join('; ')}`);
  }
}
