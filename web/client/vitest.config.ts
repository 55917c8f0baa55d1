import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/*.test.ts', 'test/*.test.tsx', ...(process.env.INVENTORY_STAGE ? ['test/real/*.test.mjs'] : [])],
    environment: 'node',
    pool: 'threads',
    maxWorkers: 2,
    // Long, for a machine with much else to do.
    testTimeout: 120_000,
  },
});
