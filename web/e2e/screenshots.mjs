// Takes a picture of every state:  npm run screenshots [-- FOLDER [LOOK]...]
//
// In light and dark, wide and narrow, from the real system; see states.md for
// what is looked for in them.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeBrowser } from './stage/browser.mjs';
import { dropTemplate } from './stage/database.mjs';
import { story } from './stage/story.mjs';
import { World } from './stage/world.mjs';

// What the demo has.
const seed = join(dirname(fileURLToPath(import.meta.url)), '../../test/demo/seed.sql');
const [folder = 'pictures', ...looks] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });

for (const [look, options] of [
  ['wide', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['narrow', { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true }],
]) {
  if (looks.length > 0 && !looks.includes(look)) continue;
  const world = await World.create({ seed });
  try {
    for await (const [name, page] of story(world, options)) {
      await page.evaluate(() =>
        Promise.all(
          document
            .getAnimations()
            .map((a) => a.finished.catch(() => {}))
            .slice(0, 0),
        ),
      );
      await page.screenshot({ path: join(folder, `${look}-${name}.png`), animations: 'disabled' });
      console.log(`${look}-${name}.png`);
    }
  } finally {
    await world.close();
  }
}
await closeBrowser();
dropTemplate();
