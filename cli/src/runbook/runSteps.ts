import { messageOf, OpsError } from '@aa-ops/topology';
import type { RunDocument, StepId, StepRecord } from '../saga/runDocument.ts';
import type { RunContext } from './context.ts';
import type { Step } from './step.ts';

/** How a pass over the steps ended. */
export type PassResult =
  { ended: 'done' } | { ended: 'paused'; before: StepId } | { ended: 'failed'; at: StepId; error: OpsError };

const recordOf = (context: RunContext, id: StepId): StepRecord =>
  context.run.steps.find((step) => step.id === id)!;

/**
 * Runs the steps that are not done yet, in order. Stops before `pauseBefore`; a failure is recorded and handed back, it
 * is the caller's to undo, to resume or to turn round.
 */
export async function runSteps(
  context: RunContext,
  steps: readonly Step[],
  pauseBefore?: StepId,
): Promise<PassResult> {
  for (const step of steps) {
    const record = recordOf(context, step.id);
    if (record.status === 'done' || record.status === 'already' || record.status === 'skipped') continue;
    if (step.id === pauseBefore) return { ended: 'paused', before: step.id };
    const begun = performance.now();
    try {
      context.signal.throwIfAborted();
      await context.lease.assertHeld();
      record.startedAt = new Date().toISOString();
      await context.save();
      context.host.notify({
        level: 'info',
        code: 'step-started',
        message: step.title,
        data: { step: step.id },
      });
      const outcome = await step.run(context);
      await step.verify?.(context);
      record.status = outcome.status ?? 'done';
      if (outcome.note !== undefined) record.note = outcome.note;
      record.ms = Math.round(performance.now() - begun);
      await context.save();
    } catch (error) {
      record.status = 'failed';
      record.note = messageOf(error);
      record.ms = Math.round(performance.now() - begun);
      await context.save().catch(() => {}); // the first error is the one to tell
      return { ended: 'failed', at: step.id, error: asOpsError(context, error) };
    }
    context.host.notify({
      level: 'info',
      code: 'step-done',
      message: `${step.title}: ${record.status}${record.note ? ` (${record.note})` : ''}, ${record.ms} ms`,
      data: { step: step.id, status: record.status, ms: record.ms },
    });
  }
  return { ended: 'done' };
}

/** Takes back, in reverse, what the steps before the release did. Only to be called while no subject has changed hands. */
export async function undoSteps(context: RunContext, steps: readonly Step[]): Promise<void> {
  for (const step of steps.toReversed()) {
    const record = recordOf(context, step.id);
    if (!step.undo || record.startedAt === undefined || record.status === 'skipped') continue;
    context.host.notify({
      level: 'info',
      code: 'undo',
      message: `taking back: ${step.title}`,
      data: { step: step.id },
    });
    await context.lease.assertHeld();
    await step.undo(context);
  }
}

/**
 * What failed because everything was aborted failed for that: by the user, or since the lease is lost. Everything else that is no OpsError is a bug
 * and stays what it is.
 */
export function asOpsError({ signal }: Pick<RunContext, 'signal'>, error: unknown): OpsError {
  const isOutcome = error instanceof OpsError && error.kind !== 'failed';
  if (signal.aborted && signal.reason instanceof OpsError && !isOutcome) return signal.reason;
  if (error instanceof OpsError) return error;
  return new OpsError('internal', messageOf(error), { cause: error });
}

/** Nothing is stored or taken back any more: somebody else goes on, or is to, or no server stores anything. */
export const isStopped = (error: unknown): boolean =>
  error instanceof OpsError &&
  (error.kind === 'interrupted' || error.code === 'lease-lost' || error.code === 'state-away');

/** Whether any subject has changed hands, or may have: from here on there is no undoing, only forward or a way back. */
export const isReleased = ({ run }: { run: Pick<RunDocument, 'groups'> }): boolean =>
  run.groups.some(({ phase }) => phase === 'open' || phase === 'taken' || phase === 'settled');
