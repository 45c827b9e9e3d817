import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import { copiedFrom, holesOf, readRange, type StreamMessage } from '../jetstream/index.ts';
import { restartSource } from './copying.ts';
import type { SentinelPlace } from './drain.ts';
import { isSameCopy } from './names.ts';
import { lastOn } from './reads.ts';
import type { Copy, HandoverContext } from './types.ts';

/** ms that messages which reached the origin late may take to their copies, and once more behind a source that was put back. */
const LATE_MS = 5_000;
const POLL_MS = 20;

/**
 * A server's thread that stands still between two queues may put messages into the origin behind its sentinel. Their copies come behind what the target
 * took by itself, and are as good as that: the way back begins in front of them. So they are waited for, and the originals deleted; else the way back
 * would bring them a second time. Throws OpsError `late-message-missing` where one does not come: the source stays, and whoever resumes waits again.
 */
export async function moveLate(context: HandoverContext, copy: Copy, sentinel: SentinelPlace): Promise<void> {
  const { account, host, journal } = context;
  const { origin, target } = copy;
  const late = await lateMessages(context, copy, sentinel);
  const last = late.at(-1);
  if (!last || !(await isSourced(context, copy))) return; // a source that is gone went behind the last one of them
  const data = { origin, target, sequences: late.map(({ seq }) => seq) };
  const what = `${origin} stored ${late.length} messages up to ${last.seq} behind its sentinel ${sentinel.originSeq}`;
  host.notify({ level: 'warn', code: 'late-message', message: `${what}: waiting for their copies`, data });
  let missing = await awaitCopies(context, copy, sentinel, late);
  if (missing.size > 0) {
    await restartSource(context, copy); // it looks again for what it has left out
    missing = await awaitCopies(context, copy, sentinel, late);
  }
  if (missing.size > 0 && !(await mayHaveGone(context, copy, sentinel)))
    throw new OpsError('late-message-missing', `${what}, and ${target} does not get all their copies`, {
      kind: 'partial',
      hint: `${target} has the subjects, and its source still stands: look at "aa-ops streams info ${target}", its limits too, then aa-ops migrate --resume`,
      details: { ...data, missing: [...missing] },
    });
  const moved = data.sequences.filter((seq) => !missing.has(seq));
  if ((await account.stream(origin))?.config.deny_delete) {
    const message = `${what}, and denies deletes: a way back brings them a second time`;
    host.notify({ level: 'warn', code: 'late-message-stays', message, data });
  } else {
    await journal.effect('move-late', { origin, target, sequences: moved }, async () => {
      for (const seq of moved) await account.deleteMessage(origin, seq);
    });
  }
}

/** Not what the origin copies from elsewhere: that comes whoever owns the subjects, and stays where it is. */
async function lateMessages(
  { account }: HandoverContext,
  { origin, filters }: Copy,
  { originSeq }: SentinelPlace,
): Promise<StreamMessage[]> {
  const late: StreamMessage[] = [];
  const last = await lastOn(account, origin, filters);
  if (!last || last.seq <= originSeq) return late;
  const range = { fromSeq: originSeq + 1, filters, headersOnly: true };
  for await (const batch of readRange(account, origin, range))
    late.push(...batch.filter(({ headers }) => !headers.has('Nats-Stream-Source')));
  return late;
}

async function isSourced({ account }: HandoverContext, copy: Copy): Promise<boolean> {
  const sources = (await account.stream(copy.target))?.config.sources ?? [];
  return sources.some((source) => isSameCopy(source, copy));
}

/** Those that the target does not get in time. */
async function awaitCopies(
  context: HandoverContext,
  copy: Copy,
  sentinel: SentinelPlace,
  late: readonly StreamMessage[],
): Promise<Set<number>> {
  const deadline = performance.now() + LATE_MS;
  for (;;) {
    const missing = await withoutCopy(context, copy, sentinel, late);
    if (missing.size === 0 || performance.now() > deadline) return missing;
    await delay(POLL_MS);
  }
}

/** What stands in the target neither as a copy nor by its id: the hold may have let it go before it was late, and the target drops the copy then. */
async function withoutCopy(
  { account }: HandoverContext,
  { origin, target, filters }: Copy,
  { targetSeq }: SentinelPlace,
  late: readonly StreamMessage[],
): Promise<Set<number>> {
  const missing = new Set(late.map(({ seq }) => seq));
  const byId = new Map(late.map(({ seq, headers }) => [headers.first('Nats-Msg-Id'), seq]));
  const range = { fromSeq: targetSeq + 1, filters, headersOnly: true };
  for await (const batch of readRange(account, target, range)) {
    for (const { headers } of batch) {
      const source = copiedFrom(headers);
      if (source?.stream === origin) missing.delete(source.seq);
      const id = headers.first('Nats-Msg-Id');
      if (id !== undefined) missing.delete(byId.get(id) ?? 0);
    }
  }
  return missing;
}

/** The target has dropped some of what it took: copies may have been among it. */
async function mayHaveGone({ account }: HandoverContext, { target }: Copy, { targetSeq }: SentinelPlace) {
  const holes = await holesOf(account, target);
  return !holes || holes.firstSeq > targetSeq + 1 || holes.deleted.some((seq) => seq > targetSeq);
}
