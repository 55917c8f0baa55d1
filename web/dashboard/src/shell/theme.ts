/*
 * theme.ts
 *   Light, dark, or as the device has it; kept on the device.
 */
import { createStore } from '../base/store';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'inventory.theme';
const kept = localStorage.getItem(KEY);

export const theme = createStore<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system');

export function applyTheme(): void {
  const now = theme.get();
  if (now === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = now;
}

theme.subscribe(() => {
  const now = theme.get();
  if (now === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, now);
  applyTheme();
});
