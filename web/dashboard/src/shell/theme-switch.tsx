/*
 * theme-switch.tsx
 *   Goes round: as the device, light, dark.
 */
import type { ReactElement } from 'react';
import { Icon } from '../base/icons';
import { useStore } from '../base/store';
import { type Theme, theme } from './theme';

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const WORDS: Readonly<Record<Theme, string>> = { system: 'as the device', light: 'light', dark: 'dark' };

export function ThemeSwitch({ hasWords = false }: { hasWords?: boolean }): ReactElement {
  const now = useStore(theme);
  const words = `Theme: ${WORDS[now]}. Change to ${WORDS[NEXT[now]]}`;
  return (
    <button
      type="button"
      className="button plain theme-switch"
      aria-label={hasWords ? undefined : words}
      title={words}
      onClick={() => theme.set(NEXT[now])}
    >
      <Icon name={now === 'system' ? 'half' : now === 'light' ? 'sun' : 'moon'} />
      {hasWords && `Theme: ${WORDS[now]}`}
    </button>
  );
}
