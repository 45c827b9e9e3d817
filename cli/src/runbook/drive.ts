import { messageOf, OpsError } from '@aa-ops/topology';
import type { RunDocument, StepId } from '../saga/runDocument.ts';
import { isWayBack, type RunContext } from './context.ts';
import { FILTER_STEPS } from './filters/steps.ts';
import { outcomeOf, type RunOutcome } from './outcome.ts';
import { REPLACE_STEPS } from './replace/steps.ts';
import { writeReport } from './report.ts';
import { isReleased, runSteps, undoSteps } from './runSteps.ts';
import { recoverGroup } from './steps/handoverStep.ts';
import type { Step } from './step.ts';
import { STEPS } from './steps/index.ts';

/**
 * Takes an open run to its end: through the steps that are not done, or back where one fails. A way forward that fails
 * before the release is taken back whole; behind it the run stays open, and says so.
 */
export async function drive(context: RunContext, pauseBefore?: StepId): Promise<RunOutcome> {
  const { run } = context;
  const pass = await runSteps(context, stepsOf(context), pauseBefore);
  if (pass.ended === 'paused') return outcomeOf(run, 'partial', { pausedBefore: pass.before });
  if (pass.ended === 'done') return close(context, 'done');
  const { error, at } = pass;
  if (error.kind === 'interrupted' || error.code === 'lease-lost') throw error;
  await endOpenWindows(context);
  if (isReleased(context) || isWayBack(context)) return stayOpen(context, error);
  // Nobody to ask is nobody to take back with: the run stays where it is until the pods' platform answers again.
  if (error.code === 'platform-away' && hasEffects(context)) return stayOpen(context, error);
  run.reason = `${at}: ${error.message}`;
  if (!hasEffects(context)) {
    await closeAs(context, 'failed');
    throw error;
  }
  return takeBack(context, error);
}

const STEPS_OF: Readonly<Record<RunDocument['command'], readonly Step[]>> = {
  migrate: STEPS,
  rollback: STEPS,
  replace: REPLACE_STEPS,
  apply: FILTER_STEPS,
};
const stepsOf = ({ run }: RunContext): readonly Step[] => STEPS_OF[run.command];

/** Steps from these on change something; what fails before them leaves nothing to take back. */
const FIRST_EFFECTS: readonly StepId[] = ['expand', 'stand-in', 'handover'];
const hasEffects = ({ run }: RunContext): boolean =>
  run.steps.some(({ id, startedAt }) => FIRST_EFFECTS.includes(id) && startedAt !== undefined);

export async function endOpenWindows(context: RunContext): Promise<void> {
  for (const record of context.run.groups) await recoverGroup(context, record);
}

/** Undoes a way forward of which nothing was released, and closes it. Goes on where an earlier process left off. */
export async function takeBack(context: RunContext, error?: OpsError): Promise<RunOutcome> {
  const { run, host } = context;
  run.undoing = true;
  await context.save();
  host.notify({
    level: 'warn',
    code: 'taking-back',
    message: `taking everything back: ${error?.message ?? run.reason ?? 'asked for'}`,
  });
  try {
    await undoSteps(context, stepsOf(context));
  } catch (cause) {
    throw new OpsError('undo-failed', `taking back is half done: ${messageOf(cause)}`, {
      kind: 'partial',
      hint: 'no subject has changed hands; aa-ops rollback goes on taking back',
      cause,
    });
  }
  await closeAs(context, 'rolled-back');
  return outcomeOf(run, 'rolled-back', { ...(await reportOf(context)), ...(error ? { error } : {}) });
}

const GOES_ON: Readonly<Record<RunDocument['command'], string>> = {
  migrate: 'aa-ops migrate --resume goes on, aa-ops rollback turns it round',
  rollback: 'aa-ops rollback goes on',
  replace: 'aa-ops migrate --resume goes on',
  apply: 'aa-ops apply goes on',
};

async function stayOpen(context: RunContext, error: OpsError): Promise<RunOutcome> {
  context.run.reason = error.message;
  await context.save();
  const forward = GOES_ON[context.run.command];
  context.host.notify({
    level: 'warn',
    code: 'half-way',
    message: `stopped half way: ${error.message}; ${forward}`,
  });
  return outcomeOf(context.run, 'partial', {
    error: new OpsError(error.code, error.message, {
      kind: 'partial',
      hint: forward,
      details: error.details ?? {},
      cause: error,
    }),
  });
}

async function close(context: RunContext, status: 'done'): Promise<RunOutcome> {
  await closeAs(context, status);
  return outcomeOf(context.run, status, await reportOf(context));
}

/** The run is over, and the account holds everything that the report says: a folder that cannot be written is to be known of, and no more. */
async function reportOf(context: RunContext): Promise<{ report?: string }> {
  try {
    return { report: await writeReport(context) };
  } catch (error) {
    context.host.notify({
      level: 'warn',
      code: 'report-unwritten',
      message: `the report of ${context.run.id} cannot be written: ${messageOf(error)}; aa-ops history knows the run`,
    });
    return {};
  }
}

export async function closeAs(context: RunContext, status: 'done' | 'failed' | 'rolled-back'): Promise<void> {
  context.run.status = status;
  context.run.endedAt = new Date().toISOString();
  delete context.run.undoing;
  await context.store.closeRun(context.run);
}
