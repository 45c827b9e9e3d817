import type { ErrorKind } from '@aa-ops/topology';

/** What each kind of error ends with, as README.md has it under "Commands". 0, and `plan`'s 2, come from a command's result. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  failed: 1,
  refused: 3,
  partial: 4,
  unequal: 5,
  locked: 6,
  usage: 64,
  interrupted: 130,
};
