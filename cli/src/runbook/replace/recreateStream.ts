import { isDeepStrictEqual } from 'node:util';
import {
  closedConfig,
  firstUnacked,
  followCopy,
  isPassing,
  JetStreamError,
  OpsError,
  readsOfCopy,
  standInOf,
  type StreamConfig,
  unpaused,
} from '@aa-ops/topology';
import type { RunContext } from '../context.ts';
import { endOf } from './pass.ts';
import { durablesOf } from './planReplace.ts';

/** Everything is in the stand-in, message by message: what is needed of the old stream is written down, then it goes, and the new one is made. Throws OpsError `stream-foreign`. */
export async function recreateStream(context: RunContext): Promise<{ note: string }> {
  const { account, journal, run } = context;
  const replacing = run.replacing!;
  const { stream } = replacing;
  const old = await account.stream(stream);
  // Also where a run died on its way to the deletion: it has said that it is about to, and has not done it.
  if (old?.created === replacing.created) {
    await writeDownPlaces(context);
    const { proofs } = run.groups[0]!;
    const entry = { stream, before: old, durables: replacing.durables, proofs };
    await journal.effect('delete-stream', entry, () => account.deleteStream(stream));
  } else if (old && !replacing.deleting) throw foreign(stream);
  if (!(await account.stream(stream))) {
    await makeAnew(context).catch((error: unknown) => fallBack(context, error));
  }
  return { note: `${stream} made anew; ${replacing.durables.length} durables to come` };
}

async function makeAnew({ account, journal, run }: RunContext): Promise<void> {
  const config = closedConfig(run.replacing!.config as StreamConfig);
  await journal.effect('create-stream', { config }, () => account.createStream(config));
}

/** Accepted when it was tried, and refused now: the stream comes back as it was, with everything, and the run says so. Where that is refused as well, it is as if nobody had tried. */
async function fallBack(context: RunContext, error: unknown): Promise<void> {
  const { run } = context;
  const replacing = run.replacing!;
  const { stream, config, before } = replacing;
  if (!(error instanceof JetStreamError) || isPassing(error) || isDeepStrictEqual(config, before))
    throw error;
  const said = run.shortcomings;
  replacing.config = before;
  run.shortcomings = [
    ...said,
    `${stream} stands as it did before: the server refused its new configuration: ${error.message}`,
  ];
  await context.save();
  try {
    await makeAnew(context);
  } catch (again) {
    if (again instanceof JetStreamError) {
      replacing.config = config;
      run.shortcomings = said;
      await context.save();
    }
    throw again;
  }
}

const foreign = (stream: string): OpsError =>
  new OpsError(
    'stream-foreign',
    `${stream} was deleted and made by somebody else: its messages are in ${standInOf(stream)}`,
    {
      kind: 'partial',
      hint: `look at what it holds (aa-ops streams info ${stream}), delete it if nobody needs that, then aa-ops migrate --resume`,
    },
  );

/** Where every durable and every later copy goes on, in the stand-in's numbers; stored before the stream goes. */
async function writeDownPlaces(context: RunContext): Promise<void> {
  const { account, run, store } = context;
  const replacing = run.replacing!;
  const [out] = run.groups;
  const [copy] = out!.group.copies;
  const consumers = durablesOf(await account.listConsumers(replacing.stream));
  const end = copy ? await endOf(context, out!, copy) : { through: undefined, next: 1 };
  const place = (seq: number, filters: readonly string[]): Promise<number> =>
    copy ? followCopy(account, copy, { seq, filters, end: end.next }, end.through) : Promise.resolve(1);
  replacing.durables = await Promise.all(
    consumers.map(async (info) => ({
      config: unpaused(info.config, run.paused?.find(({ name }) => name === info.name)?.before),
      from: await place(firstUnacked(info), copy ? readsOfCopy(info.config, copy) : []),
    })),
  );
  const { nextStarts } = await store.memory();
  replacing.starts = await Promise.all(
    nextStarts
      .filter(({ origin, target }) => origin === replacing.stream && target !== standInOf(replacing.stream))
      .map(async ({ target, filters, seq }) => ({ target, filters, seq: await place(seq, filters) })),
  );
  replacing.deleting = true;
  await context.save();
}
