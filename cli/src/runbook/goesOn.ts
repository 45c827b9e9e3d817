import type { RunDocument } from '../saga/runDocument.ts';

/** What to type where a run of that kind is open. */
export const GOES_ON: Readonly<Record<RunDocument['command'], string>> = {
  migrate: 'aa-ops migrate --resume goes on, aa-ops rollback turns it round',
  rollback: 'aa-ops rollback goes on',
  replace: 'aa-ops migrate --resume goes on',
  apply: 'aa-ops apply goes on',
};
