// What one case happens in: a database, a relay, a bad link, and people at screens.
import { browser } from './browser.mjs';
import { Database } from './database.mjs';
import { Link } from './link.mjs';
import { Relay } from './relay.mjs';
import { Screen } from './screen.mjs';

export class World {
  #closers = [];
  complaints = [];
  pages = [];

  static async create({ products, seed, relayOptions } = {}) {
    const world = new World();
    world.database = await Database.create({ products, seed });
    world.relay = await Relay.create(world.database, relayOptions);
    world.proxy = await Link.create(world.relay.port);
    return world;
  }

  onClose(closer) {
    this.#closers.push(closer);
  }

  /** A person at a screen of their own. `as: null` stays at the sign-in. */
  async screen({ as = 'Maria Manager', through = this.proxy, ...options } = {}) {
    const context = await (await browser()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
    this.onClose(() => context.close());
    return this.tab(context, { as, through });
  }

  /** Another tab of the same device: its storage is shared, its session is its own. */
  async tab(context, { as = 'Maria Manager', through = this.proxy } = {}) {
    const page = await context.newPage();
    this.pages.push(page);
    const screen = new Screen(page, through?.url ?? `http://127.0.0.1:${this.relay.port}/`, this);
    await screen.open(as);
    return screen;
  }

  /** What the screens show, for who wants to know why a case failed. */
  async seen() {
    const texts = this.pages.map((page) =>
      Promise.race([
        page.evaluate(() => document.body.textContent.replaceAll(/\s+/g, ' ').slice(0, 400)),
        new Promise((resolve) => setTimeout(resolve, 5_000, 'no answer')),
      ]).catch(({ message }) => message.split('\n')[0]),
    );
    return (await Promise.all(texts)).map((text) => `screen: ${text}`);
  }

  async close() {
    for (const closer of this.#closers.reverse()) await closer().catch(() => {});
    this.proxy?.close();
    await this.relay?.close();
    await this.database?.drop().catch(() => {});
  }
}
