// A link that can be as bad as a link can be: between the browser and the relay.
//
// Playwright's setOffline leaves an open WebSocket open, and the browser's
// throttling does not delay its frames; so faults are made here, on TCP.  HTTP
// goes on where only WebSockets shall suffer: a connection whose first bytes
// ask for an upgrade is one.
import { connect, createServer } from 'node:net';

export class Link {
  #links = new Set();
  #server;
  /** One way, in milliseconds. */
  delayMs = 0;
  /** New WebSockets are reset. */
  refuses = false;
  /** So is everything else. */
  isDown = false;
  /** Bytes towards the browser are swallowed. */
  isMute = false;

  static async create(port) {
    const proxy = new Link();
    proxy.#server = createServer({ noDelay: true }, (client) => proxy.#accept(client, port));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Open WebSockets break with a reset. */
  reset() {
    for (const link of this.#links) if (link.isSocket) link.client.resetAndDestroy();
  }

  /** No link until restore(). */
  cut() {
    this.refuses = true;
    this.reset();
  }

  /** Open WebSockets stay open, and nothing comes through in either direction. */
  halfOpen() {
    for (const link of this.#links) if (link.isSocket) link.isDead = true;
  }

  restore() {
    this.refuses = false;
    this.isDown = false;
    this.isMute = false;
    this.delayMs = 0;
  }

  close() {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
  }

  #accept(client, port) {
    if (this.isDown) return client.resetAndDestroy();
    const server = connect({ port, host: '127.0.0.1', noDelay: true });
    const link = { client, server, isSocket: false, isDead: false };
    this.#links.add(link);
    const end = () => {
      this.#links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (data) => {
      if (/^GET [^\r]*\r\n[\s\S]*\r\nupgrade: *websocket/i.test(data.toString('latin1'))) {
        link.isSocket = true;
        if (this.refuses) return client.resetAndDestroy();
      }
      this.#pass(link, server, data);
    });
    server.on('data', (data) => {
      if (!(this.isMute && link.isSocket)) this.#pass(link, client, data);
    });
  }

  #pass(link, to, data) {
    if (link.isDead) return;
    const delay = link.isSocket ? this.delayMs : 0;
    const write = () => to.writable && to.write(data);
    if (delay > 0) setTimeout(write, delay);
    else write();
  }
}
