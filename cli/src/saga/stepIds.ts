/** Step ids in their order (contract.md). A file of its own: the help names them without loading anything. */
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

export type StepId = (typeof STEP_IDS)[number];
