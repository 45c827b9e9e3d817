/** What is counted: everything that a command changes on a server, documents of the state bucket included, or its journal entries alone. */
export type Counted = 'change' | 'entry';

/** The environment in which a command ends itself with SIGKILL right behind its n-th change, or entry, from 1: it is sent, and no answer is read. */
export const killBehind = (what: Counted, n: number): Record<string, string> => ({
  NODE_OPTIONS: `--import=${new URL('./killBehind.mjs', import.meta.url).href}`,
  AA_TEST_KILL_BEHIND: `${what}:${n}`,
});
