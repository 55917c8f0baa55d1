/*
 * theme.ts
 *   Light, dark, or as the device has it; kept on the device.
 */
import { device } from '../base/kept';
import { createStore } from '../base/store';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'inventory.theme';
const kept = device.get(KEY);

export const theme = createStore<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system');

export function applyTheme(): void {
  const now = theme.get();
  if (now === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = now;
}

theme.subscribe(() => {
  const now = theme.get();
  if (now === 'system') device.remove(KEY);
  else device.set(KEY, now);
  applyTheme();
});
