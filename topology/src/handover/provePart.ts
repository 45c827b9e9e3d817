import { holesOf, type JetStreamWriter } from '../jetstream/index.ts';
import { isClean } from './compare/findings.ts';
import { matchOriginals, type Originals } from './originals.ts';
import { proveCopy, type Proof, type ProofOptions, type ProofRange } from './proveCopy.ts';
import type { Copy } from './types.ts';

/** The beginning of a copy, compared while it goes on: what comes behind it is compared later. JSON-safe. */
export interface ProvenPart {
  through: { originSeq: number; targetSeq: number };
  proof: Proof;
  /** How many sequences of the part the target did not hold. */
  gone: number;
  /** When that target was made (RFC 3339). Absent in documents of before. */
  targetCreated?: string;
}

export interface PartOptions extends ProofOptions {
  /** What was to be copied when it began, where that was read. */
  originals?: Originals | undefined;
}

/** Compares a copy from its beginning `through` the last message that it has brought. */
export async function provePart(
  account: JetStreamWriter,
  copy: Copy,
  through: ProvenPart['through'],
  options: PartOptions,
): Promise<ProvenPart> {
  const now = await goneFrom(account, copy, through.targetSeq); // before the reading: what goes meanwhile is to be noticed
  const range: ProofRange = {
    originSeqs: [copy.startSeq, through.originSeq],
    targetSeqs: [copy.targetFromSeq, through.targetSeq],
  };
  const proof = await proveBegun(account, copy, range, options);
  return { through, proof, gone: now?.gone ?? -1, ...(now ? { targetCreated: now.created } : {}) };
}

/** A copy from its beginning: what its originals were is known, or they are read again. */
async function proveBegun(
  account: JetStreamWriter,
  copy: Copy,
  range: ProofRange,
  { originals, ...options }: PartOptions,
): Promise<Proof> {
  const next = originals && (await matchOriginals(account, copy, range, originals, options));
  if (next === undefined) return proveCopy(account, copy, range, options);
  const { through, messages } = originals!;
  const proof = await proveBehind(account, copy, { originSeq: through, targetSeq: next - 1 }, range, options);
  return { ...proof, messages: messages + proof.messages };
}

/** What comes behind a part of it that is known to be as it should be. */
const proveBehind = (
  account: JetStreamWriter,
  copy: Copy,
  { originSeq, targetSeq }: ProvenPart['through'],
  { originSeqs, targetSeqs }: ProofRange,
  options: ProofOptions,
): Promise<Proof> =>
  proveCopy(
    account,
    copy,
    { originSeqs: [originSeq + 1, originSeqs[1]], targetSeqs: [targetSeq + 1, targetSeqs[1]] },
    { ...options, broughtBefore: copy.startSeq },
  );

/**
 * Compares the whole of a copy, and of a part that was compared before only what came behind it: messages do not change.
 * Where some have gone from that part since, or it was not as it should be, it is compared again.
 */
export async function proveRest(
  account: JetStreamWriter,
  copy: Copy,
  end: ProvenPart['through'],
  part: ProvenPart | undefined,
  options: PartOptions,
): Promise<Proof> {
  const whole: ProofRange = {
    originSeqs: [copy.startSeq, end.originSeq],
    targetSeqs: [copy.targetFromSeq, end.targetSeq],
  };
  if (!part || !(await stillHolds(account, copy, part))) return proveBegun(account, copy, whole, options);
  const proof = await proveBehind(account, copy, part.through, whole, options);
  return {
    ...proof,
    messages: part.proof.messages + proof.messages,
    gone: part.proof.gone + proof.gone,
  };
}

async function stillHolds(account: JetStreamWriter, copy: Copy, part: ProvenPart): Promise<boolean> {
  if (!isClean(part.proof)) return false;
  const now = await goneFrom(account, copy, part.through.targetSeq);
  return now?.gone === part.gone && now.created === (part.targetCreated ?? now.created);
}

/**
 * Sequences of the target in a copy's range, up to `last`, that it does not hold. They are all given out already, so that their number only grows,
 * and where it is the same nothing has gone. Undefined: too many to tell.
 */
async function goneFrom(
  account: JetStreamWriter,
  { target, targetFromSeq }: Copy,
  last: number,
): Promise<{ gone: number; created: string } | undefined> {
  const holes = await holesOf(account, target);
  if (!holes) return undefined;
  const before = Math.max(0, Math.min(holes.firstSeq, last + 1) - targetFromSeq);
  const behind = holes.deleted.filter((seq) => seq >= targetFromSeq && seq <= last).length;
  return { gone: before + behind, created: holes.created };
}
