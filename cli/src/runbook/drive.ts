import { messageOf, OpsError } from '@aa-ops/topology';
import type { RunDocument, StepId } from '../saga/runDocument.ts';
import { isWayBack, type RunContext } from './context.ts';
import { FILTER_STEPS } from './filters/steps.ts';
import { goesOn } from './goesOn.ts';
import { outcomeOf, type RunOutcome } from './outcome.ts';
import { REPLACE_STEPS } from './replace/steps.ts';
import { writeReport } from './report.ts';
import { asOpsError, isReleased, isStopped, type PassResult, runSteps, undoSteps } from './runSteps.ts';
import { recoverGroup } from './steps/handoverStep.ts';
import type { Step } from './step.ts';
import { STEPS } from './steps/index.ts';

/**
 * Takes an open run to its end: through the steps that are not done, or back where one fails. A way forward that fails
 * before the release is taken back whole; behind it the run stays open, and says so. A way back from a finished run that fails before it
 * changed anything is over as well: the next one begins anew.
 */
export async function drive(context: RunContext, pauseBefore?: StepId): Promise<RunOutcome> {
  const { run } = context;
  const pass = await runSteps(context, stepsOf(context), pauseBefore);
  if (pass.ended === 'paused')
    return outcomeOf(run, 'partial', { pausedBefore: pass.before, next: goesOn(run) });
  try {
    return pass.ended === 'done' ? await close(context, 'done') : await afterFailure(context, pass);
  } catch (cause) {
    const error = asOpsError(context, cause);
    if (isStopped(error) || error.kind === 'partial' || !hasEffects(context)) throw error;
    // Neither could its end be stored, nor anything be taken back: it stands where it is.
    return stayOpen(context, pass.ended === 'failed' ? pass.error : error);
  }
}

async function afterFailure(
  context: RunContext,
  { at, error }: Extract<PassResult, { ended: 'failed' }>,
): Promise<RunOutcome> {
  if (isStopped(error)) throw error;
  if (hasEffects(context)) await endOpenWindows(context);
  if (isReleased(context) || (await isHalfWayBack(context))) return stayOpen(context, error);
  // Nobody to ask is nobody to take back with: the run stays where it is until the pods' platform answers again.
  if (error.code === 'platform-away' && hasEffects(context)) return stayOpen(context, error);
  context.run.reason = `${at}: ${error.message}`;
  if (hasEffects(context)) return takeBack(context, error);
  await closeAs(context, 'failed').catch((cause: unknown) => {
    if (isStopped(cause)) throw cause; // else the first error is the one to tell, and the run is open still
  });
  throw error;
}

/** A way back is no longer to be given up: it has begun, or what it turns round was not over. */
async function isHalfWayBack(context: RunContext): Promise<boolean> {
  const { run, store } = context;
  if (!isWayBack(context) || hasEffects(context)) return isWayBack(context);
  if (run.turnsRound === undefined) return true;
  const forward = await store.run(run.turnsRound).catch(() => undefined); // the first error is the one to tell
  return forward?.status !== 'done';
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
  host.notify({
    level: 'warn',
    code: 'taking-back',
    message: `taking everything back: ${error?.message ?? run.reason ?? 'asked for'}`,
  });
  try {
    await context.save();
    await undoSteps(context, stepsOf(context));
    await closeAs(context, 'rolled-back');
  } catch (thrown) {
    const cause = asOpsError(context, thrown);
    if (isStopped(cause)) throw cause;
    const because = error ? `, after: ${error.message}` : '';
    throw new OpsError('undo-failed', `taking back is half done: ${cause.message}${because}`, {
      kind: 'partial',
      hint: 'no subject has changed hands; aa-ops rollback goes on taking back',
      details: { run: run.id },
      cause,
    });
  }
  return outcomeOf(run, 'rolled-back', { ...(await reportOf(context)), ...(error ? { error } : {}) });
}

async function stayOpen(context: RunContext, error: OpsError): Promise<RunOutcome> {
  context.run.reason = error.message;
  await context.save().catch((cause: unknown) => {
    if (isStopped(cause)) throw cause; // else it is stored that it is open, and that is what counts
  });
  const forward = goesOn(context.run);
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
  const { run } = context;
  const { undoing } = run;
  run.status = status;
  run.endedAt = new Date().toISOString();
  delete run.undoing;
  try {
    await context.store.closeRun(run);
  } catch (error) {
    run.status = 'open';
    delete run.endedAt;
    if (undoing) run.undoing = undoing;
    throw error;
  }
}
