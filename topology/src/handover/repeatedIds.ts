import { createHash } from 'node:crypto';
import { type JetStreamWriter, readRange } from '../jetstream/index.ts';
import type { Copy } from './types.ts';

/** The least duplicate window that a server takes, in ns. */
export const LEAST_DUPLICATE_WINDOW = 100_000_000;

/**
 * Targets that would drop messages as repetitions although their origins hold them: two of one `Nats-Msg-Id`, further
 * apart than the origin's window, arrive together when a backlog is copied; and so may one id from two origins. Reads the
 * headers of everything that is to be copied, at some 100,000 messages a second; ids are kept as hashes of 48 bits.
 */
export async function targetsWithRepeatedIds(
  account: JetStreamWriter,
  copies: readonly Copy[],
): Promise<string[]> {
  const repeated: string[] = [];
  for (const target of new Set(copies.map((copy) => copy.target))) {
    const ids = new Set<number>();
    if (
      await anyRepeated(
        account,
        copies.filter((copy) => copy.target === target),
        ids,
      )
    )
      repeated.push(target);
  }
  return repeated;
}

async function anyRepeated(
  account: JetStreamWriter,
  copies: readonly Copy[],
  ids: Set<number>,
): Promise<boolean> {
  for (const copy of copies) {
    const range = { fromSeq: copy.startSeq, filters: copy.filters, headersOnly: true };
    for await (const batch of readRange(account, copy.origin, range)) {
      for (const { headers } of batch) {
        const id = headers.get('Nats-Msg-Id')?.[0];
        if (id === undefined) continue;
        const hash = createHash('sha1').update(id).digest().readUIntBE(0, 6);
        if (ids.has(hash)) return true;
        ids.add(hash);
      }
    }
  }
  return false;
}
