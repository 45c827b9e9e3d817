import { type JetStreamWriter, readRange, type StreamMessage } from '../jetstream/index.ts';
import { idHash } from './idHash.ts';
import { NumberSet } from './numberSet.ts';
import { type Originals, OriginalsReader } from './originals.ts';
import { SeenBefore } from './seenBefore.ts';
import type { Copy } from './types.ts';

/** A part of a copy, up to and with the origin's sequence `through`, in which no message id comes twice. */
export interface Stretch {
  copy: Copy;
  through: number;
}

/** From so many messages on, two readings take less memory than one. */
const MANY_MESSAGES = 1_000_000;

/** Everything that is to be copied, as it was when it was read. */
export interface Backlog {
  /**
   * Targets that would drop messages as repetitions although their origins hold them: two of one `Nats-Msg-Id`, further
   * apart than the origin's window, arrive together when a backlog is copied, even with the least window that there is; and
   * so may one id from two origins. The stretches that can be copied at one go, for these targets only; a copy's
   * last stretch is not among them: it never ends.
   */
  stretches: Map<string, Stretch[]>;
  originals: Map<Copy, Originals>;
}

/**
 * Reads a backlog before it is copied, at some 70,000 messages a second. Ids are kept as hashes of 52 bits, of one stretch at a time. Of a million
 * messages and more (`many`) a first reading, of headers alone, finds out which ids may come again, so that only those have to be kept.
 */
export async function readBacklog(
  account: JetStreamWriter,
  copies: readonly Copy[],
  many = MANY_MESSAGES,
): Promise<Backlog> {
  const backlog: Backlog = { stretches: new Map(), originals: new Map() };
  for (const target of new Set(copies.map((copy) => copy.target))) {
    const into = copies.filter((copy) => copy.target === target);
    const messages = await mostMessages(account, into);
    const suspects = messages < many ? undefined : await suspectsOf(account, into, messages);
    const stretches = await readInto(account, into, suspects, backlog.originals);
    if (stretches.length > 0) backlog.stretches.set(target, stretches);
  }
  return backlog;
}

async function mostMessages(account: JetStreamWriter, copies: readonly Copy[]): Promise<number> {
  const counts = await Promise.all(
    copies.map(async ({ origin, startSeq }) => {
      const state = (await account.stream(origin))?.state;
      return state ? Math.min(state.messages, state.last_seq - startSeq + 1) : 0;
    }),
  );
  return counts.reduce((sum, count) => sum + Math.max(0, count), 0);
}

/** Every id that comes twice, as its hash, and a few that do not. */
async function suspectsOf(
  account: JetStreamWriter,
  copies: readonly Copy[],
  messages: number,
): Promise<NumberSet> {
  const seen = new SeenBefore(messages);
  const suspects = new NumberSet();
  for (const { origin, startSeq, filters } of copies) {
    const range = { fromSeq: startSeq, filters, headersOnly: true };
    for await (const batch of readRange(account, origin, range)) {
      for (const message of batch) {
        const hash = idHashOf(message);
        if (hash !== undefined && seen.add(hash)) suspects.add(hash);
      }
    }
  }
  return suspects;
}

/** Of all copies into one target: answers the stretches, and takes down the originals. */
async function readInto(
  account: JetStreamWriter,
  copies: readonly Copy[],
  suspects: NumberSet | undefined,
  originals: Map<Copy, Originals>,
): Promise<Stretch[]> {
  const ids = new NumberSet();
  const stretches: Stretch[] = [];
  let repeated = false;
  for (const copy of copies) {
    const { origin, startSeq, filters } = copy;
    const reader = new OriginalsReader(copy);
    for await (const batch of readRange(account, origin, { fromSeq: startSeq, filters })) {
      for (const message of batch) {
        const hash = idHashOf(message);
        if (hash !== undefined && (!suspects || suspects.has(hash)) && !ids.add(hash)) {
          repeated = true;
          stretches.push({ copy, through: reader.through });
          ids.clear();
          ids.add(hash);
        }
        reader.add(message);
      }
    }
    originals.set(copy, reader.end());
    // The next origin's ids may be this one's: it comes when this one's are forgotten.
    if (copy !== copies.at(-1)) stretches.push({ copy, through: reader.through });
  }
  return repeated ? stretches : [];
}

/** The hash of a message's `Nats-Msg-Id`, where it has one. */
function idHashOf({ headers }: StreamMessage): number | undefined {
  const id = headers.first('Nats-Msg-Id');
  return id === undefined ? undefined : idHash(id);
}
