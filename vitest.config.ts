import { defineConfig } from 'vitest/config';

/** A shared CI machine can stall for seconds: one more try there, named at the end of `.ci/run`, and none at a desk. */
const retriesInCi = process.env['CI'] ? 1 : 0;

/**
 * The tier is in the file name: `.unit` needs nothing, `.int` real servers, `.e2e` the built commands. One tier after the
 * other: side by side they would take each other's two cores, and waits that are facts on a quiet machine become chance.
 * A timeout only ends what hangs: tests of 13 s have taken 60 where their machine was shared.
 */
const tier = (name: string, groupOrder: number, testTimeout: number, maxWorkers: number) => ({
  test: {
    name,
    include: [`test/**/*.${name}.test.ts`],
    testTimeout,
    hookTimeout: Math.max(60_000, testTimeout),
    maxWorkers,
    sequence: { groupOrder },
    retry: name === 'unit' ? 0 : retriesInCi,
    pool: 'forks' as const,
  },
});

export default defineConfig({
  test: {
    projects: [tier('unit', 0, 10_000, 2), tier('int', 1, 180_000, 2), tier('e2e', 2, 240_000, 2)],
  },
});
