// What a page downloads: one module, minified.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The code of a module that exports `names` ('*' for all) of a source file. */
export async function bundle(file, names, external = []) {
  const entry = 'entry';
  const bundled = await rolldown({
    input: entry,
    external,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? entry : null),
        load: (id) =>
          id === entry
            ? `export ${names === '*' ? '*' : `{ ${names} }`} from ${JSON.stringify(join(root, file))};`
            : null,
      },
    ],
  });
  const { output } = await bundled.generate({ format: 'esm', minify: true });
  await bundled.close();
  // Notes to bundlers; this is what comes out of one.
  return output[0].code.replaceAll('/* @__PURE__ */ ', '');
}
