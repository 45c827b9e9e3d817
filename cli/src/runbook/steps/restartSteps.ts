import { OpsError, type Workload } from '@aa-ops/topology';
import type { RolloutResult } from '../../platform/platform.ts';
import { isWayBack, type RunContext } from '../context.ts';
import type { Step, StepOutcome } from '../step.ts';

type Role = Workload['role'];

/** Consumers first: whoever hears the new stream has to be there before the subjects are. */
const restartStep = (id: 'restart-consumers' | 'restart-producers', role: Role): Step => ({
  id,
  title:
    role === 'consumer'
      ? 'Restart the consumers, wait until ready'
      : 'Restart the producers, wait until ready',
  runbook: 'Deployment, Step 2: Rolling Restart Services',
  run: (context) => restartAll(context, role, 'run'),
});

export const restartConsumersStep = restartStep('restart-consumers', 'consumer');
export const restartProducersStep = restartStep('restart-producers', 'producer');

/**
 * Restarts every workload of a role, one after the other. A way back, or the undoing of a way forward, does not wait for
 * ever on pods that do not get ready: it says so, goes on, and the run ends with exit 5.
 */
export async function restartAll(
  context: RunContext,
  role: Role,
  phase: 'run' | 'undo',
): Promise<StepOutcome> {
  const workloads =
    context.platform.kind === 'none' ? [] : context.topology.workloads.filter((w) => w.role === role);
  if (workloads.length === 0) return { status: 'skipped', note: `no ${role} is managed` };
  const forgiving = isWayBack(context) || phase === 'undo';
  const notes: string[] = [];
  for (const workload of workloads) {
    const result = await context.journal.effect('restart', { workload: workload.name, phase }, () =>
      context.platform.restart(workload, `${context.run.id}-${phase}`, {
        signal: context.signal,
        timeoutMs: forgiving ? context.timeouts.wayBackRolloutMs : context.timeouts.rolloutMs,
        onProgress: (line) => context.host.notify({ level: 'info', code: 'rollout', message: line }),
      }),
    );
    if (result.status === 'stuck') notes.push(stuck(context, workload, result, forgiving));
    else
      notes.push(
        `${workload.name} ${result.status === 'already' ? 'already restarted' : `ready after ${result.ms} ms`}`,
      );
  }
  return { note: notes.join('; ') };
}

function stuck(context: RunContext, workload: Workload, result: RolloutResult, forgiving: boolean): string {
  const reason = result.reason ?? 'not ready in time';
  const message = `${workload.name} does not get ready: ${reason}`;
  if (!forgiving) {
    throw new OpsError('rollout-stuck', message, {
      hint: `aa-ops verify shows what its pods say; their logs tell why`,
      details: { workload: workload.name, reason, ...result.details },
    });
  }
  context.run.shortcomings.push(message);
  context.host.notify({ level: 'warn', code: 'rollout-stuck', message: `${message}; going on` });
  return message;
}
