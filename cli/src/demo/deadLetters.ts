import { covers, type JetStreamWriter, readRange, type Topology } from '@aa-ops/topology';
import { type Identify, type Ledger } from '../traffic/index.ts';
import { BROKEN } from './publishers.ts';

/** What normalize prefixes the reason with (docs/runtime.md); the demo sets no other. */
const PREFIX = 'dlq.normalize.hrv.raw-received';

/** What normalize gave up, read from the stream that holds dead letters. */
export interface DeadLetters {
  total: number;
  byReason: Record<string, number>;
  /** Broken events of ours that were acked and did not come out as exactly one dead letter. */
  brokenUnaccounted: number;
  has(publisher: string, n: number): boolean;
}

/** The stream that holds the dead letters of a mode. */
export const deadLetterStream = (topology: Topology, mode: string): string | undefined =>
  Object.entries(topology.modes[mode]!.subjects).find(([, subjects]) => covers(subjects, `${PREFIX}.>`))?.[0];

export async function readDeadLetters(
  account: JetStreamWriter,
  stream: string,
  ledger: Ledger,
  identify: Identify,
): Promise<DeadLetters> {
  const byReason: Record<string, number> = {};
  const counts = new Map<string, number>();
  let total = 0;
  for await (const batch of readRange(account, stream, { fromSeq: 1, filters: [`${PREFIX}.>`] })) {
    for (const message of batch) {
      total++;
      const reason = message.subject.slice(PREFIX.length + 1);
      byReason[reason] = (byReason[reason] ?? 0) + 1;
      const identity = identify(message);
      const key = identity ? `${identity.publisher} ${identity.n}` : '';
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const broken = ledger.book(BROKEN);
  let brokenUnaccounted = 0;
  for (let n = 0; n < (broken?.sent ?? 0); n++) {
    if (broken!.isAcked(n) && counts.get(`${BROKEN} ${n}`) !== 1) brokenUnaccounted++;
  }
  return { total, byReason, brokenUnaccounted, has: (publisher, n) => counts.has(`${publisher} ${n}`) };
}
