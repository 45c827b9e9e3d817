import {
  copiedThrough,
  type Copy,
  describeProof,
  dropCopies,
  isClean,
  OpsError,
  type Proof,
  provePart,
  proveRest,
} from '@aa-ops/topology';
import type { GroupRecord } from '../../saga/runDocument.ts';
import { startGuardian } from '../../saga/startGuardian.ts';
import { handoverContext, type RunContext } from '../context.ts';
import { catchUpRound, startRound } from '../rounds.ts';
import { handOverGroup } from '../steps/handoverStep.ts';

/** Where a copy ends: its last message on both sides, and the target's first one of its own. */
export interface End {
  through: { originSeq: number; targetSeq: number } | undefined;
  next: number;
}

/** Stand-in and new stream are both made for this run. */
const WHOLE = { payloads: true, targetIsNew: true } as const;

/** Copies everything, and compares it while nothing waits for it. May be repeated. Throws OpsError `copy-incomplete` before any subject changes hands. */
export async function bringOver(context: RunContext, record: GroupRecord): Promise<void> {
  if (record.phase !== 'planned' && record.phase !== 'copying') return;
  await startRound(context, [record]);
  await catchUpRound(context, [record]);
  const { account, signal } = context;
  record.proven = [];
  for (const [index, copy] of record.group.copies.entries()) {
    const originals = record.originals?.[index];
    const through = await copiedThrough(account, copy);
    const part = through ? await provePart(account, copy, through, { ...WHOLE, originals, signal }) : null;
    if (part && !isClean(part.proof)) throw incomplete(copy, part.proof, 'failed');
    record.proven.push(part);
  }
  await context.save();
}

/** Hands over what is owned, if anything is, and compares the whole. Throws OpsError `copy-incomplete`: nothing was deleted then. */
export async function handOverWhole(context: RunContext, record: GroupRecord): Promise<string> {
  const { account, signal } = context;
  const [copy] = record.group.copies;
  if (record.group.streams.some(({ owned }) => owned.length > 0)) {
    const guardian = await startGuardian(context.settings, context.topology.name, context.account);
    try {
      await handOverGroup(context, record, guardian);
    } finally {
      guardian.close();
    }
  } else if (record.phase !== 'settled') {
    await catchUpRound(context, [record]);
    await dropCopies(handoverContext(context), copy ? [copy.target] : []);
    record.phase = 'settled';
    await context.save();
  }
  if (!copy) return 'nothing to copy';
  const { through } = await endOf(context, record, copy);
  if (!through) return 'nothing was copied';
  const proof = await proveRest(account, copy, through, record.proven?.[0] ?? undefined, {
    ...WHOLE,
    originals: record.originals?.[0],
    signal,
  });
  record.proofs = [proof];
  await context.save();
  if (!isClean(proof)) throw incomplete(copy, proof, 'partial');
  const text = textOf(copy, proof);
  return record.windowMs === undefined ? text : `${text}; window of ${record.windowMs} ms`;
}

const textOf = ({ origin, target }: Copy, proof: Proof): string =>
  `${origin} -> ${target}: ${describeProof(proof)}`;

const incomplete = (copy: Copy, proof: Proof, kind: 'failed' | 'partial'): OpsError =>
  new OpsError('copy-incomplete', textOf(copy, proof), {
    kind,
    hint: `compare the streams (aa-ops compare ${copy.origin} ${copy.target}); nothing was deleted`,
    details: { proof },
  });

export async function endOf({ account }: RunContext, record: GroupRecord, copy: Copy): Promise<End> {
  const [sentinel] = record.sentinels ?? [];
  if (sentinel) {
    const { originSeq, targetSeq } = sentinel;
    return { through: { originSeq: originSeq - 1, targetSeq: targetSeq - 1 }, next: targetSeq + 1 };
  }
  const through = await copiedThrough(account, copy);
  return { through, next: (through?.targetSeq ?? 0) + 1 };
}
