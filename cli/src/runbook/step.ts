import type { RunContext } from './context.ts';
import type { StepId } from '../saga/runDocument.ts';

export interface StepOutcome {
  /** `already`: it was so before · `skipped`: there is nothing of the kind here. Absent: `done`. */
  status?: 'already' | 'skipped';
  /** One line for people. */
  note?: string;
}

/**
 * One step of the runbook. Every effect in `run` first looks whether it is already so: a step may be repeated, by another
 * process too. `undo` takes back what the step did, as long as no subject has changed hands; a step without one has
 * nothing to take back, unless it says `pointOfNoReturn`.
 */
export interface Step {
  readonly id: StepId;
  readonly title: string;
  /** The section of the operations runbook (docs/runbook.md) that it does. */
  readonly runbook: string;
  run(context: RunContext): Promise<StepOutcome>;
  /** Looks again, independently, that it is so. Throws. */
  verify?(context: RunContext): Promise<void>;
  undo?(context: RunContext): Promise<void>;
  readonly pointOfNoReturn?: boolean;
}
