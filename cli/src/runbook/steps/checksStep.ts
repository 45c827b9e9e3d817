import {
  copiedThrough,
  type Copy,
  covers,
  describeProof,
  OpsError,
  type Originals,
  provePart,
  type ProvenPart,
} from '@aa-ops/topology';
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

/**
 * Nothing feeds the pods until a later round's copy begins, nor while the work queue that they read is paused: an event would wait for
 * that. `verify` sends one.
 */
function isFedNow(context: RunContext): boolean {
  const [first = [], ...later] = roundsOf(context);
  const paused = copiesOf(first).filter(
    ({ target }) => context.topology.streams[target]?.retention === 'workqueue',
  );
  return ![...copiesOf(later.flat()), ...paused].some(({ filters }) => covers(filters, HRV_SUBJECT));
}

/** Message by message, while the copy goes on: what it brings from here on is compared after the handover. */
async function proveCopies(context: RunContext): Promise<string[]> {
  const notes: string[] = [];
  for (const record of context.run.groups.filter(({ phase }) => phase === 'copying')) {
    const parts: ProvenPart[] = [];
    record.proven = [];
    for (const [index, copy] of record.group.copies.entries()) {
      const part = await proveSoFar(context, copy, record.originals?.[index]);
      record.proven.push(part ?? null);
      if (part) parts.push(part);
    }
    notes.push(...parts.map(({ proof }) => `${proof.origin} -> ${proof.target}: ${describeProof(proof)}`));
  }
  return notes;
}

async function proveSoFar(
  { account, signal }: RunContext,
  copy: Copy,
  originals: Originals | undefined,
): Promise<ProvenPart | undefined> {
  const through = await copiedThrough(account, copy);
  if (!through) return undefined;
  const part = await provePart(account, copy, through, { payloads: true, originals, signal });
  const { missing, examples } = part.proof;
  if (missing === 0) return part;
  throw new OpsError('copy-incomplete', `${copy.target} lacks ${missing} messages of ${copy.origin}`, {
    hint: `compare sequences ${examples.join(', ')} of ${copy.origin}: repeated ids, sizes and limits drop messages`,
    details: { proof: part.proof },
  });
}
