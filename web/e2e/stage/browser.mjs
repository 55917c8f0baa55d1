// Debian's Chromium, headless.
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

export function launch({ ignore = [], flags = [] } = {}) {
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags], ignoreDefaultArgs: ignore });
}

let shared = null;

/** One for most cases; contexts keep them apart. */
export function browser() {
  shared ??= launch();
  return shared;
}

export async function closeBrowser() {
  await (await shared)?.close();
}
