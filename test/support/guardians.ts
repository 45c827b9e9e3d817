import { readdirSync, readFileSync } from 'node:fs';

/** The guardians that a process has started and that still run; Linux only. */
export const guardiansOf = (parent: number): number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const isChild = Number(/\) \S (\d+) /.exec(stat)?.[1]) === parent;
        return isChild && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('guardian');
      } catch {
        return false; // it ended meanwhile
      }
    });

/** Where in a window parents/operator.ts dies. */
export const DEATHS = [
  'before-release',
  'after-release',
  'between-takes',
  'after-take',
  'letting-go',
] as const;
/** Where it stands still: also with a request on its lips. */
export const STOPS = [...DEATHS, 'before-take'] as const;
export type Death = (typeof STOPS)[number];
