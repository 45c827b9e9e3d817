import { OpsError, readLive, readMode } from '@aa-ops/topology';
import { preflightChecks, returnChecks, runChecks, takeBaseline } from '../../checks/index.ts';
import { beforeHandover, checkContext, describeRed, reds } from '../checkContext.ts';
import { isWayBack, type RunContext } from '../context.ts';
import type { Step } from '../step.ts';

/** The runbook's prerequisites and its Phase A list, as checks; and that the account is where the run starts from. */
export const preflightStep: Step = {
  id: 'preflight',
  title: 'Check the prerequisites',
  runbook: 'Prerequisites',
  async run(context) {
    await refuseOtherMode(context);
    const checks = isWayBack(context) ? returnChecks : beforeHandover(context, preflightChecks);
    const results = await runChecks(checks, checkContext(context, context.run.from));
    context.run.baseline = await takeBaseline(checkContext(context, context.run.from));
    const red = reds(results);
    if (red.length > 0 && !isWayBack(context)) {
      throw new OpsError('preflight-red', describeRed(red), {
        kind: 'refused',
        hint: red[0]!.next ?? 'aa-ops preflight shows every check',
        details: { checks: results },
      });
    }
    for (const result of red) {
      context.host.notify({ level: 'warn', code: result.id, message: `${result.title}: ${result.evidence}` });
    }
    return { note: `${results.length - red.length} of ${results.length} checks passed` };
  },
};

/** A way back may start anywhere; a way forward only from a mode that the account is really in. */
async function refuseOtherMode({ account, topology, run }: RunContext): Promise<void> {
  if (run.command === 'rollback') return;
  const reading = readMode(topology, await readLive(account, topology));
  if (reading.live === run.from) return;
  throw new OpsError('mode-unclear', `the account is in mode ${reading.live}, not ${run.from}`, {
    kind: 'refused',
    hint: 'aa-ops plan shows what differs',
    details: { mode: reading.live, differences: reading.differences },
  });
}
