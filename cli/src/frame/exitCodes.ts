import type { ErrorKind } from '@aa-ops/topology';

/** contract.md, "Exit codes": what each kind of error ends with. 0, and `plan`'s 2, come from a command's result. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  failed: 1,
  refused: 3,
  partial: 4,
  unequal: 5,
  locked: 6,
  usage: 64,
  interrupted: 130,
};
