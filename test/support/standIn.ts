import type { Program } from '../../cli/src/platform/local/index.ts';

/** A pod for tests of the platform; see standInPod.mjs for what its environment makes it do. */
export const standIn: Program = [process.execPath, new URL('./standInPod.mjs', import.meta.url).pathname];
