import { isDeepStrictEqual } from 'node:util';
import {
  closedConfig,
  copiedThrough,
  dropCopies,
  durableFrom,
  endKeeping,
  firstUnacked,
  followCopy,
  isPassing,
  isQueue,
  JetStreamError,
  OpsError,
  pausedDurable,
  readsOfCopy,
  rememberMade,
  renumber,
  renumberingOf,
  STAND_IN_RUN,
  standInConfig,
  standInOf,
  type StreamConfig,
  unpaused,
  wholeGroup,
} from '@aa-ops/topology';
import { handoverContext, type RunContext } from '../context.ts';
import { restoreDuplicateWindows } from '../duplicateWindows.ts';
import { restoreTargets } from '../easedTargets.ts';
import { endPauses } from '../queues.ts';
import type { Step, StepOutcome } from '../step.ts';
import { bringOver, endOf, handOverWhole } from './pass.ts';
import { durablesOf, planReplaceStep, requireStream } from './planReplace.ts';
import { recreateDurable, restoreDurable } from './recreateDurable.ts';
import { endTrial, tryConfig } from './trial.ts';

const RUNBOOK = planReplaceStep.runbook;
const isDurable = ({ run }: RunContext): boolean => run.replacing!.durable !== undefined;

/** The stand-in copies everything, and owns nothing yet. */
const standInStep: Step = {
  id: 'stand-in',
  title: 'Make the stand-in, copy everything',
  runbook: RUNBOOK,
  async run(context) {
    if (isDurable(context)) return { status: 'skipped', note: 'a durable needs none' };
    const { account, journal, run } = context;
    const { stream } = run.replacing!;
    if (!(await account.stream(standInOf(stream)))) {
      const old = await requireStream(account, stream);
      await tryConfig(context, old);
      const { config: live } = old;
      const config = standInConfig(live, run.id);
      await journal.effect('create-stream', { config }, () => account.createStream(config));
    }
    const [out] = run.groups;
    await bringOver(context, out!);
    return { note: `${standInOf(stream)} holds a copy` };
  },
  async undo(context) {
    const { account, journal, run } = context;
    const name = standInOf(run.replacing!.stream);
    const info = await account.stream(name);
    await endPauses(context); // a window may have been tried
    await endTrial(context);
    if (info?.config.metadata?.[STAND_IN_RUN] !== run.id) return endKeepingIt(context);
    await dropCopies(handoverContext(context), [name]);
    await restoreDuplicateWindows(context, false);
    // It has never owned anything: whatever it holds is a copy.
    await journal.effect('delete-stream', { stream: name, before: info }, () => account.deleteStream(name));
    for (const record of run.groups) record.phase = 'planned';
    await context.save();
    await endKeepingIt(context);
  },
};

/** With retention `interest` it kept everything meanwhile (adr/0023). May be repeated. */
async function endKeepingIt(context: RunContext): Promise<void> {
  const { stream, kept } = context.run.replacing!;
  if (!kept) await endKeeping(handoverContext(context), stream);
}

const handOutStep: Step = {
  id: 'hand-out',
  title: 'Hand the subjects to the stand-in, compare',
  runbook: RUNBOOK,
  pointOfNoReturn: true,
  async run(context) {
    if (isDurable(context)) return { status: 'skipped' };
    return { note: await handOverWhole(context, context.run.groups[0]!) };
  },
};

/** Everything is in the stand-in, message by message: only now the old one goes. */
const recreateStep: Step = {
  id: 'recreate',
  title: 'Delete it, make it anew',
  runbook: RUNBOOK,
  run: (context) => (isDurable(context) ? recreateDurable(context) : recreateStream(context)),
  async undo(context) {
    if (isDurable(context)) await restoreDurable(context); // a stream is made anew behind the first release only
  },
};

async function recreateStream(context: RunContext): Promise<{ note: string }> {
  const { account, journal, run } = context;
  const replacing = run.replacing!;
  const { stream } = replacing;
  const old = await account.stream(stream);
  // A run that died on its way to the deletion has said that it is about to, and has not done it.
  if (old && (!replacing.deleting || old.created === replacing.created)) {
    if (old.created !== replacing.created) throw foreign(stream);
    await writeDownPlaces(context);
    const { proofs } = run.groups[0]!;
    const entry = { stream, before: old, durables: replacing.durables, proofs };
    await journal.effect('delete-stream', entry, () => account.deleteStream(stream));
  }
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

/** The durables stand as soon as there is a copy to read: whoever waits for them goes on before the subjects come back. */
const handBackStep: Step = {
  id: 'hand-back',
  title: 'Copy everything back, make the durables, hand the subjects back',
  runbook: RUNBOOK,
  async run(context) {
    if (isDurable(context)) return { status: 'skipped' };
    const { account, run } = context;
    const { stream, owned } = run.replacing!;
    const [out] = run.groups;
    if (run.groups.length < 2) {
      const { state } = await requireStream(account, standInOf(stream));
      const group = wholeGroup({
        origin: standInOf(stream),
        target: stream,
        run: run.id,
        round: 2,
        owned,
        filters: out!.group.copies.flatMap(({ filters }) => filters),
        startSeq: state.first_seq,
      });
      run.groups.push({ group, phase: 'planned', attempt: 0 });
      await context.save();
    }
    const back = run.groups[1]!;
    await bringOver(context, back);
    await makeDurables(context);
    return { note: await handOverWhole(context, back) };
  },
};

async function makeDurables(context: RunContext): Promise<void> {
  const { account, journal, run } = context;
  const { stream, durables } = run.replacing!;
  const [copy] = run.groups[1]!.group.copies;
  const live = await requireStream(account, stream);
  for (const { config: before, from } of durables) {
    const name = before.durable_name!;
    if (await account.consumer(stream, name)) continue;
    // Read first: what comes in meanwhile is copied behind this place.
    const end = (await requireStream(account, stream)).state.last_seq + 1;
    const start = copy
      ? await followCopy(
          account,
          copy,
          { seq: from, filters: readsOfCopy(before, copy), end },
          await copiedThrough(account, copy),
        )
      : end;
    const anew = durableFrom(before, start);
    const worked = copy ? readsOfCopy(before, copy).map((filter) => ({ filter, belowSeq: start })) : [];
    const config = isQueue(live.config) ? pausedDurable(anew, worked) : anew;
    await journal.effect('create-consumer', { stream, config }, () => account.createConsumer(stream, config));
    run.consumers.push({ name, from: stream, to: stream, ackFloor: from - 1, startSequence: start });
  }
}

/** The stand-in goes once the new stream holds everything that it does, message by message; a work queue begins to deliver then, and a stream of interest to drop what is acked. */
const cleanUpStep: Step = {
  id: 'clean-up',
  title: 'Delete the stand-in',
  runbook: RUNBOOK,
  async run(context) {
    if (isDurable(context)) return { status: 'skipped' };
    await endPauses(context);
    await restoreTargets(context);
    const outcome = await deleteStandIn(context);
    // The durables stand, and nobody looks for a copy any more.
    await endKeepingIt(context);
    return outcome;
  },
};

async function deleteStandIn(context: RunContext): Promise<StepOutcome> {
  const { account, journal, run, store } = context;
  const { stream, starts } = run.replacing!;
  const name = standInOf(stream);
  const standIn = await account.stream(name);
  if (!standIn) return { status: 'already' };
  const back = run.groups[1]!;
  const [copy] = back.group.copies;
  const end = copy ? await endOf(context, back, copy) : { through: undefined, next: 1 };
  const startsNow = await Promise.all(
    starts.map(async ({ target, filters, seq }) => ({
      target,
      filters,
      seq: copy ? await followCopy(account, copy, { seq, filters, end: end.next }, end.through) : end.next,
    })),
  );
  const { created } = await requireStream(account, stream);
  const known = await store.memory();
  // Once only: a process that died behind it has left the new numbers.
  if (known.created?.[stream] !== created) {
    const copied = known.blocks.some(({ origin }) => origin === stream);
    const renumbering = copy && copied ? await renumberingOf(account, copy, end.through) : undefined;
    const memory = renumber(known, stream, startsNow, renumbering);
    await store.saveMemory(rememberMade(memory, [[stream, created]]));
  }
  const entry = { stream: name, before: standIn, proofs: back.proofs };
  await journal.effect('delete-stream', entry, () => account.deleteStream(name));
  return { note: `${name} deleted; ${stream} holds everything` };
}

/** How a stream is made anew online (adr/0015); of a durable only `recreate`. */
export const REPLACE_STEPS: readonly Step[] = [
  planReplaceStep,
  standInStep,
  handOutStep,
  recreateStep,
  handBackStep,
  cleanUpStep,
];
