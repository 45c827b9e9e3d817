import type { JetStreamWriter } from '../jetstream/index.ts';
import type { Findings } from './compare/findings.ts';
import { mergeCopies, type MergeOptions } from './compare/mergeCopies.ts';
import type { CopyRole } from './types.ts';

/** The two ends of what is compared; both inclusive. */
export interface ProofRange {
  originSeqs: [first: number, last: number];
  targetSeqs: [first: number, last: number];
}

/** What a copy came to. What the target was published itself is not part of it. */
export interface Proof extends Omit<Findings, 'extra'> {
  origin: string;
  target: string;
}

export interface ProofOptions extends Pick<MergeOptions, 'broughtBefore' | 'targetIsNew'> {
  payloads: boolean;
  signal?: AbortSignal;
}

/**
 * Compares a copy with its original, message by message, both read in order and in bulk (100,000 a second and more).
 * `payloads: false` compares which messages are there and in which order, and leaves the payloads on the server. Originals from
 * `broughtBefore` up to the range were compared before: whatever comes of them now comes twice.
 */
export async function proveCopy(
  account: JetStreamWriter,
  copy: CopyRole,
  { originSeqs, targetSeqs }: ProofRange,
  options: ProofOptions,
): Promise<Proof> {
  const { origin, target, filters } = copy;
  const { messages, missing, doubled, outOfOrder, different, gone, firstMissing, examples } =
    await mergeCopies(
      { account, stream: origin, seqs: originSeqs },
      { account, stream: target, seqs: targetSeqs },
      { ...options, filters },
    );
  const counts = { messages, missing, doubled, outOfOrder, different, gone };
  return { origin, target, ...counts, ...(firstMissing === undefined ? {} : { firstMissing }), examples };
}
