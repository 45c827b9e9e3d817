/** Step ids in their order; they never change. A file of its own: the help names them without loading anything. */
export const STEP_IDS = [
  'preflight',
  'backup',
  'plan',
  'expand',
  'consumers',
  'config',
  'restart-consumers',
  'restart-producers',
  'checks',
  'handover',
  'verify',
] as const;

/** Those of a run that makes a stream or a durable anew (`apply --replace`). */
export const REPLACE_STEP_IDS = [
  'plan',
  'stand-in',
  'hand-out',
  'recreate',
  'hand-back',
  'clean-up',
] as const;

export type StepId = (typeof STEP_IDS)[number] | (typeof REPLACE_STEP_IDS)[number];
