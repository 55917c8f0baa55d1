// The whole system as people use it: real PostgreSQL, real relay, real browser.
//
//   node run.mjs [WORD]...      cases whose names contain one of the words
//
//   PGHOST             a server with the extension (test/run starts one)
//   INVENTORY_STAGE    where the relay and its pages are installed
//   E2E_SOAK_S         seconds of the soak; 20 by default, `npm run soak` takes 300
//   E2E_LANES          cases at a time, 2 by default
import { closeBrowser } from './stage/browser.mjs';
import { runCases } from './stage/cases.mjs';
import { dropTemplate } from './stage/database.mjs';
import { printFigures } from './stage/figures.mjs';

for (const name of ['links', 'changes', 'people', 'tasks', 'looks', 'measured']) await import(`./cases/${name}.mjs`);

const words = process.argv.slice(2);
const counts = await runCases({ lanes: Number(process.env.E2E_LANES ?? 2), words });
await closeBrowser();
dropTemplate();
printFigures();
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
