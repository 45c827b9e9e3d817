import { AckPolicy, DeliverPolicy, type JetStreamManager, type JsMsg, type NatsConnection } from 'nats';

/** Letters of one request. */
const PART = 1_000;
/** A part that does not come within so long is not there. */
const PART_MS = 10_000;
/** Clocks of servers differ by less. */
const SKEW_MS = 600_000;

/**
 * Which of these ids have a letter. The stream itself drops a second letter only within its duplicate window, and a message may be
 * delivered again, or its advisory told, hours after its letter. Reads the headers of all letters since `sinceMs` and keeps
 * nothing but what was asked for. Rejects unless it came to the end: an answer that is not complete would make second letters.
 */
export async function findBuried(
  nc: NatsConnection,
  jsm: JetStreamManager,
  prefix: string,
  ids: ReadonlySet<string>,
  sinceMs: number,
): Promise<Set<string>> {
  const found = new Set<string>();
  const stream = await jsm.streams.find(`${prefix}.max_deliver`);
  const { name, num_pending } = await jsm.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    ...(sinceMs > SKEW_MS
      ? {
          deliver_policy: DeliverPolicy.StartTime,
          opt_start_time: new Date(sinceMs - SKEW_MS).toISOString(),
        }
      : { deliver_policy: DeliverPolicy.All }),
    filter_subject: `${prefix}.>`,
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 60e9,
  });
  try {
    const consumer = await nc.jetstream({ timeout: PART_MS }).consumers.get(stream, name);
    let read = 0;
    for (let pending = num_pending; pending > 0 && found.size < ids.size;) {
      const before = read;
      const part = await consumer.fetch({ max_messages: Math.min(PART, pending), expires: PART_MS });
      for await (const message of part) {
        const { info } = message;
        if (info.deliverySequence !== ++read) throw new Error(`dead letter ${read} was lost on its way`);
        pending = info.pending;
        const id = idOf(message);
        if (ids.has(id)) found.add(id);
      }
      if (read === before) throw new Error(`dead letters could not be read: ${pending} of them are missing`);
    }
    return found;
  } finally {
    await jsm.consumers.delete(stream, name).catch(() => {}); // it goes by itself as well
  }
}

/** A message whose headers the client cannot read is no letter of ours. */
function idOf(message: JsMsg): string {
  try {
    return message.headers?.get('Nats-Msg-Id') ?? '';
  } catch {
    return '';
  }
}
