import { defineConfig } from 'vitest/config';

/** The tier is in the file name: `.unit` needs nothing, `.int` real servers, `.e2e` the built commands. */
const tier = (name: string, testTimeout: number, maxWorkers: number) => ({
  test: {
    name,
    include: [`test/**/*.${name}.test.ts`],
    testTimeout,
    hookTimeout: Math.max(60_000, testTimeout),
    maxWorkers,
    pool: 'forks' as const,
  },
});

export default defineConfig({
  test: {
    projects: [tier('unit', 10_000, 2), tier('int', 60_000, 2), tier('e2e', 120_000, 2)],
  },
});
