import {
  type Captor,
  type ConnectSettings,
  DEFAULT_BOUNDS,
  drain,
  type HandoverContext,
  type HeldMessage,
  type JetStreamWriter,
  letGo,
  openHold,
  type PreparedGroup,
  readWindow,
  sameHeaders,
  settleWindow,
  sortOutCaptured,
  specifyWindow,
} from '@aa-ops/topology';

export interface Handed {
  windowMs: number;
  held: number;
}

/** Passes of what was held; more comes while one is under way. */
const MAX_PASSES = 3;

/**
 * The variation that was not taken: what is held is passed on inside the window, in order, through a subject of the target
 * that only we know; the target takes behind it. One origin and one target, no failure handled: for measuring only.
 */
export async function letGoBefore(
  context: HandoverContext,
  settings: ConnectSettings,
  run: string,
  group: PreparedGroup,
  account: JetStreamWriter,
): Promise<Handed> {
  const [{ origin, target }] = group.copies as [PreparedGroup['copies'][number]];
  const prefix = `_aa-ops.in.${run}`;
  const config = (await account.stream(target))!.config;
  const open = {
    ...config,
    subjects: [...config.subjects, `${prefix}.>`],
    subject_transform: { src: `${prefix}.>`, dest: '>' },
  };
  await account.updateStream(open);
  const spec = await specifyWindow(account, group, { run, attempt: 1, hold: true });
  const since = (await account.stream(origin))!.state.last_seq;
  const hold = await openHold(settings, spec.moved);
  const states = await readWindow(account, spec);
  const giving = states.find(({ stream }) => stream.stream === origin)!;
  const gaining = states.find(({ stream }) => stream.stream === target)!;

  const begun = performance.now();
  await account.updateStream({ ...giving.config, subjects: giving.stream.released! });
  const sentinels = await drain({
    account,
    spec,
    states: [],
    mayGoOn: () => true,
    bounds: DEFAULT_BOUNDS,
    begun,
  });
  let done = 0;
  let last = sentinels[0]!.targetSeq;
  for (let pass = 0; pass < MAX_PASSES && done < hold.held.length; pass++) {
    const now = hold.held.slice(done);
    const captor: Captor = { stream: origin, fromSeq: since + 1, side: 'before' };
    // Only the first pass can meet what the origin captured by itself.
    const { missing } = await sortOutCaptured(account, now, pass === 0 ? [captor] : [], spec.moved, []);
    last = Math.max(last, await passOn(account, prefix, missing));
    done += now.length;
  }
  await account.updateStream({ ...open, subjects: [...gaining.stream.taken!, `${prefix}.>`] });
  const windowMs = performance.now() - begun;

  const held = await hold.end([gaining.stream.barrier]);
  if (held.length > done) await hold.barrier([gaining.stream.barrier]);
  await letGo(account, held.slice(done), [{ stream: target, fromSeq: last + 1, side: 'after' }], spec.moved, {
    barrier: () => hold.barrier([gaining.stream.barrier]),
  });
  await hold.close();
  const { subject_transform: _gone, ...plain } = (await account.stream(target))!.config;
  await account.updateStream({ ...plain, subjects: gaining.stream.taken! });
  await settleWindow(context, spec, sentinels);
  return { windowMs, held: held.length };
}

/** All at once and in order; every publisher gets its answer. Answers the last sequence. */
async function passOn(
  account: JetStreamWriter,
  prefix: string,
  messages: readonly HeldMessage[],
): Promise<number> {
  const seqs = await Promise.all(
    messages.map(async ({ message }) => {
      const headers = sameHeaders(message);
      const reply = await account.connection.request(`${prefix}.${message.subject}`, message.data, {
        timeout: 5_000,
        ...(headers ? { headers } : {}),
      });
      if (message.reply) account.connection.publish(message.reply, reply.data);
      return (JSON.parse(new TextDecoder().decode(reply.data)) as { seq: number }).seq;
    }),
  );
  return Math.max(0, ...seqs);
}
