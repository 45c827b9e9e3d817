import { createHash } from 'node:crypto';
import { type JetStreamWriter, readRange, type StreamMessage } from '../jetstream/index.ts';
import type { CopyRole } from './types.ts';

/** The two ends of what is compared; both inclusive. */
export interface ProofRange {
  originSeqs: [first: number, last: number];
  targetSeqs: [first: number, last: number];
}

export interface Proof {
  origin: string;
  target: string;
  /** Messages of the origin in the range, on the copied subjects. */
  messages: number;
  /** In the origin, not in the target. */
  missing: number;
  /** More than once in the target. */
  doubled: number;
  /** Behind one that came after it in the origin. */
  outOfOrder: number;
  /** Subject, headers or payload differ. Only looked at with payloads. */
  different: number;
  /** Gone from the origin since (expired, purged), so that nothing can be said of them. */
  gone: number;
  /** The first origin sequence that is missing. */
  firstMissing?: number;
  /** First few origin sequences that are missing, doubled or different. */
  examples: number[];
}

/**
 * Compares a copy with its original, message by message, both read in order and in bulk (100,000 a second and more).
 * `payloads: false` compares which messages are there and in which order, and leaves the payloads on the server.
 */
export async function proveCopy(
  account: JetStreamWriter,
  copy: CopyRole,
  range: ProofRange,
  options: { payloads: boolean; signal?: AbortSignal },
): Promise<Proof> {
  const proof: Proof = {
    origin: copy.origin,
    target: copy.target,
    messages: 0,
    missing: 0,
    doubled: 0,
    outOfOrder: 0,
    different: 0,
    gone: 0,
    examples: [],
  };
  const read = (stream: string, [fromSeq, toSeq]: [number, number]) =>
    one(
      readRange(account, stream, {
        fromSeq,
        toSeq,
        filters: copy.filters,
        headersOnly: !options.payloads,
        ...(options.signal ? { signal: options.signal } : {}),
      }),
    );
  const originals = read(copy.origin, range.originSeqs);
  const copies = read(copy.target, range.targetSeqs);
  let original = await originals.next();
  let highest = 0;
  for (;;) {
    const copied = await copies.next();
    if (copied.done) break;
    const seq = sourceSeq(copied.value, copy.origin);
    if (seq === undefined) continue; // published to the target itself
    if (seq < range.originSeqs[0] || seq > range.originSeqs[1]) continue;
    if (seq <= highest) {
      note(proof, seq === highest ? 'doubled' : 'outOfOrder', seq);
      continue;
    }
    highest = seq;
    for (; !original.done && original.value.seq < seq; original = await originals.next()) {
      proof.messages++;
      note(proof, 'missing', original.value.seq);
    }
    if (original.done || original.value.seq > seq) {
      proof.gone++;
      continue;
    }
    proof.messages++;
    if (options.payloads && digest(original.value) !== digest(copied.value)) note(proof, 'different', seq);
    original = await originals.next();
  }
  for (; !original.done; original = await originals.next()) {
    proof.messages++;
    note(proof, 'missing', original.value.seq);
  }
  return proof;
}

/** "1,200 messages, 0 missing, 0 doubled, order kept" */
export const describeProof = ({ messages, missing, doubled, outOfOrder, different }: Proof): string =>
  [
    `${messages.toLocaleString('en')} messages, ${missing} missing, ${doubled} doubled`,
    ...(different > 0 ? [`${different} different`] : []),
    outOfOrder === 0 ? 'order kept' : `${outOfOrder} out of order`,
  ].join(', ');

export const isClean = ({ missing, doubled, outOfOrder, different }: Proof): boolean =>
  missing + doubled + outOfOrder + different === 0;

function note(proof: Proof, what: 'missing' | 'doubled' | 'outOfOrder' | 'different', seq: number): void {
  proof[what]++;
  if (what === 'missing') proof.firstMissing ??= seq;
  if (proof.examples.length < 10) proof.examples.push(seq);
}

async function* one(batches: AsyncIterable<StreamMessage[]>): AsyncGenerator<StreamMessage, undefined> {
  for await (const batch of batches) yield* batch;
  return undefined;
}

function sourceSeq(message: StreamMessage, origin: string): number | undefined {
  const [stream, seq] = message.headers.get('Nats-Stream-Source')?.[0]?.split(' ') ?? [];
  return stream?.split(':')[0] === origin ? Number(seq) : undefined;
}

/** What a source adds or takes away is not part of the message. */
const digest = ({ subject, headers, data }: StreamMessage): string => {
  const hash = createHash('sha256').update(subject);
  for (const name of [...headers.keys()].sort()) {
    if (name === 'Nats-Stream-Source' || name.startsWith('Nats-Expected-')) continue;
    hash.update(`\0${name}\0${headers.get(name)!.join('\0')}`);
  }
  return hash.update('\0\0').update(data).digest('base64');
};
