import { copiedThrough, covers, describeProof, OpsError, proveCopy } from '@aa-ops/topology';
import { bindingChecks, HRV_SUBJECT, runChecks } from '../../checks/index.ts';
import { beforeHandover, checkContext, reds, settleChecks } from '../checkContext.ts';
import type { RunContext } from '../context.ts';
import { copiesOf, roundsOf } from '../rounds.ts';
import type { Step } from '../step.ts';

/** Before anything changes hands: the copy holds everything, the pods are bound to it, an event gets through it. */
export const checksStep: Step = {
  id: 'checks',
  title: 'Check bindings, health, and one event through the copy',
  runbook: 'Post-Deployment Verification, Immediate Checks and Functional Testing',
  async run(context) {
    const proved = await proveCopies(context);
    const results = await runChecks(beforeHandover(context, bindingChecks), {
      ...checkContext(context, context.run.from),
      sendsEvent: isFedNow(context),
    });
    // Where nobody answers, a red says nothing of the pods: that throws `platform-away`, and the run stays as it is.
    if (reds(results).length > 0) await context.platform.readMode();
    const checked = settleChecks(context, results, 'checks-red');
    return { note: [...proved, checked].join('; ') };
  },
};

/** Nothing feeds the pods until a later round's copy begins: an event would wait for that. `verify` sends one. */
const isFedNow = (context: RunContext): boolean =>
  !copiesOf(roundsOf(context).slice(1).flat()).some(({ filters }) => covers(filters, HRV_SUBJECT));

/** Which messages are there, and in which order; payloads are compared after the handover. */
async function proveCopies(context: RunContext): Promise<string[]> {
  const { account, signal, run } = context;
  const notes: string[] = [];
  for (const copy of run.groups
    .filter(({ phase }) => phase === 'copying')
    .flatMap(({ group }) => group.copies)) {
    const through = await copiedThrough(account, copy);
    if (!through) continue;
    const range = {
      originSeqs: [copy.startSeq, through.originSeq] as [number, number],
      targetSeqs: [copy.targetFromSeq, through.targetSeq] as [number, number],
    };
    const proof = await proveCopy(account, copy, range, { payloads: false, signal });
    if (proof.missing > 0) {
      throw new OpsError(
        'copy-incomplete',
        `${copy.target} lacks ${proof.missing} messages of ${copy.origin}`,
        {
          hint: `compare sequences ${proof.examples.join(', ')} of ${copy.origin}: repeated ids, sizes and limits drop messages`,
          details: { proof },
        },
      );
    }
    notes.push(`${copy.origin} -> ${copy.target}: ${describeProof(proof)}`);
  }
  return notes;
}
