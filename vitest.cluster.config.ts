import { defineConfig } from 'vitest/config';

/**
 * Tests against a real control plane, apart from `npm test` because its tools take minutes to build. One file at a time: each takes
 * a cluster of its own, in the network namespace that `npm run test:cluster` enters.
 */
export default defineConfig({
  test: {
    name: 'cluster',
    include: ['test/cluster/**/*.cluster.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    pool: 'forks',
    retry: process.env['CI'] ? 1 : 0, // as in vitest.config.ts, and named at the end of `.ci/run`
  },
});
