import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/*.test.ts', 'test/*.test.tsx', ...(process.env.INVENTORY_STAGE ? ['test/real/*.test.mjs'] : [])],
    environment: 'node',
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
