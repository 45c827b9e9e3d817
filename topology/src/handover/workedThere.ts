import type { ConsumerInfo, JetStreamReader, StoredMessage, StreamConfig } from '../jetstream/index.ts';
import { blocksHolding } from './memory.ts';
import { ownRetention, RUN_KEY } from './names.ts';
import { firstOn } from './reads.ts';
import { sourceSeqIn } from './renumber.ts';
import { originalOf } from './twins.ts';
import type { CopiedBlock, CopyRole, PairMemory } from './types.ts';

/**
 * A target with retention `interest` or `workqueue` no longer has the copy of a message that an earlier handover brought, or its original: then it was
 * worked there, and the durable goes on behind it. Undefined where that is not certain: the stream has a limit by which it may have dropped the copy
 * unread; or, with `interest`, which drops what nobody reads, the durable was not put there by a run.
 */
export async function workedThere(
  account: JetStreamReader,
  copy: CopyRole,
  durable: ConsumerInfo | undefined,
  message: StoredMessage,
  memory: PairMemory,
): Promise<number | undefined> {
  const config = (await account.stream(copy.target))?.config;
  if (!config || ownRetention(config) === 'limits') return undefined;
  const original = originalOf(memory, { losing: copy.origin, gaining: copy.target }, message);
  if (original !== undefined) return mayHaveDropped(config, message) ? undefined : Math.ceil(original);
  if (ownRetention(config) === 'interest' && !durable?.config.metadata?.[RUN_KEY]) return undefined;
  if (mayHaveDropped(config, message)) return undefined;
  const block = blocksHolding(memory, copy, message.seq).at(-1);
  return block && behindCopy(account, block, message.seq);
}

/** The copy is younger than its original. */
function mayHaveDropped(config: StreamConfig, { time }: Pick<StoredMessage, 'time'>): boolean {
  const { max_age = 0, max_msgs = -1, max_bytes = -1, max_msgs_per_subject = -1, discard = 'old' } = config;
  const tooOld = max_age > 0 && Date.now() - Date.parse(time) >= max_age / 1e6;
  const full = discard === 'old' && [max_msgs, max_bytes].some((limit) => limit > 0);
  return tooOld || full || max_msgs_per_subject > 0;
}

/** Where the first copy of a later message of the origin stands; behind the block where there is none. */
async function behindCopy(account: JetStreamReader, block: CopiedBlock, originSeq: number): Promise<number> {
  let [low, high] = block.targetSeqs;
  let behind = high + 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const found = await firstOn(account, block.target, middle, block.filters);
    const source = found && sourceSeqIn(block, found);
    if (!found || found.seq > high || source === undefined) high = middle - 1;
    else if (source > originSeq) {
      behind = found.seq;
      high = middle - 1;
    } else low = found.seq + 1;
  }
  return behind;
}
