import { expect, test } from 'vitest';
import table from './README.md?raw';

test('every test named in the table exists', () => {
  const sources = Object.values(
    import.meta.glob(['./*.test.{ts,tsx}', './real/*.test.mjs'], { query: '?raw', eager: true, import: 'default' }),
  ).join('\n');
  const rows =
    table
      .split('## Complaints')[1]
      ?.split('\n')
      .filter((line) => line.startsWith('| ') && line.includes('`')) ?? [];
  const named = rows.flatMap((line) =>
    [...(line.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
  );
  expect(rows.length).toBeGreaterThan(28);
  expect(named.filter((title) => !sources.includes(title))).toEqual([]);
});
