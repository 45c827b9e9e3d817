import {
  describeProof,
  dropCopies,
  epochOfSource,
  isClean,
  OpsError,
  planHandovers,
  proveRest,
  restoreThresholds,
} from '@aa-ops/topology';
import { ownershipChecks, rollbackChecks, runChecks } from '../../checks/index.ts';
import type { GroupRecord } from '../../saga/runDocument.ts';
import { checkContext, settleChecks } from '../checkContext.ts';
import { handoverContext, isWayBack, liveOwnership, ownershipIn, type RunContext } from '../context.ts';
import { restoreTargets } from '../easedTargets.ts';
import { endPauses } from '../queues.ts';
import { endAllKeeping } from '../keeping.ts';
import type { Step } from '../step.ts';

/** Afterwards: who owns what, that the old streams are idle, and that every message came over. */
export const verifyStep: Step = {
  id: 'verify',
  title: 'Verify owners, counts and copies',
  runbook: 'Post-Deployment Verification, Metrics Verification',
  async run(context) {
    // Two processes may have ended one window: whichever wrote last may have put a source back.
    await dropCopies(handoverContext(context), Object.keys(context.topology.streams));
    await restoreTargets(context);
    await assertOwners(context);
    const proofs: string[] = [];
    for (const record of context.run.groups) proofs.push(...(await proveGroup(context, record)));
    await endAllKeeping(context, 'all');
    await endPauses(context);
    await restoreThresholds(handoverContext(context), placedConsumers(context));
    const checks = isWayBack(context) ? rollbackChecks : ownershipChecks;
    const results = await runChecks(checks, checkContext(context, context.run.to));
    return { note: [...proofs, settleChecks(context, results)].join('; ') };
  },
};

const placedConsumers = ({ topology, run }: RunContext) =>
  Object.entries(topology.modes[run.to]!.consumers).map(([name, { stream, fields }]) => ({
    stream,
    name,
    fields: { ...topology.consumers[name], ...fields },
  }));

async function assertOwners({ account, topology, run }: RunContext): Promise<void> {
  const left = planHandovers(await liveOwnership(account, topology), ownershipIn(topology, run.to));
  if (left.length > 0) {
    throw new OpsError(
      'owners-differ',
      `subjects of ${left.map(({ id }) => id).join(', ')} have other owners than in ${run.to}`,
      {
        kind: 'partial',
        hint: 'aa-ops plan shows what differs; aa-ops migrate --resume tries again',
      },
    );
  }
  for (const name of Object.keys(topology.streams)) {
    const info = await account.stream(name);
    if (!(info?.config.sources ?? []).some((source) => epochOfSource(source) !== undefined)) continue;
    throw new OpsError('source-left', `${name} still has a source of aa-ops`, {
      kind: 'partial',
      hint: 'aa-ops migrate --resume',
    });
  }
}

/** Message by message, payloads too; what was compared before the handover counts. What does not match ends the run with exit 5: the subjects stand where they should. */
async function proveGroup(context: RunContext, record: GroupRecord): Promise<string[]> {
  if (record.phase !== 'settled' || !record.sentinels) return [];
  record.proofs = [];
  const notes: string[] = [];
  for (const [index, copy] of record.group.copies.entries()) {
    const sentinel = record.sentinels[index]!;
    const proof = await proveRest(
      context.account,
      copy,
      { originSeq: sentinel.originSeq - 1, targetSeq: sentinel.targetSeq - 1 },
      record.proven?.[index] ?? undefined,
      { payloads: true, originals: record.originals?.[index], signal: context.signal },
    );
    record.proofs.push(proof);
    const text = `${copy.origin} -> ${copy.target}: ${describeProof(proof)}`;
    if (!isClean(proof)) context.run.shortcomings.push(text);
    notes.push(text);
  }
  return notes;
}
