/*
 * The build the relay serves at `/`.
 *
 * Everything is a file of its own beside index.html: the relay's content
 * policy allows nothing inline and nothing foreign, so nothing is inlined.
 * For work on the page, `npm run dev -w inventory-dashboard` serves it with
 * the demo's relay behind it.
 */
import { defineConfig } from 'vite';

const relay = process.env.RELAY_URL ?? 'http://127.0.0.1:8792';

export default defineConfig({
  base: './',
  build: {
    outDir: 'dist',
    assetsDir: '.',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    // The same names each time: what is installed over an older one replaces it, and the relay's ETags say what is new.
    rolldownOptions: {
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' },
    },
  },
  server: {
    proxy: {
      '/ws': { target: relay, ws: true },
      '/api': relay,
      '/config.json': relay,
      '/people.json': relay,
    },
  },
});
