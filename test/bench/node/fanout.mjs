/*
 * fanout.mjs
 *	  A WebSocket server that sends to every client what it is told to.
 *
 * The rival of the relay in the benchmark of deliveries: `ws`, as one would
 * write it.  Each line on the control port is the text of one message.  Node
 * sets TCP_NODELAY by itself; compression is off in ws by default.
 *
 *	node fanout.mjs PORT CONTROL_PORT
 */
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';

const [port, controlPort] = process.argv.slice(2).map(Number);
const wss = new WebSocketServer({ host: '127.0.0.1', port, path: '/ws', backlog: 4096 });

createServer((socket) => {
  createInterface({ input: socket }).on('line', (text) => {
    for (const client of wss.clients) client.send(text);
  });
}).listen(controlPort, '127.0.0.1');
