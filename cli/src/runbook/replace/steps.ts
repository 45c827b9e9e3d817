import {
  copiedThrough,
  dropCopies,
  durableFrom,
  endKeeping,
  followCopy,
  isQueue,
  pausedDurable,
  readsOfCopy,
  rememberMade,
  renumber,
  renumberingOf,
  STAND_IN_RUN,
  standInConfig,
  standInOf,
  wholeGroup,
} from '@aa-ops/topology';
import { handoverContext, type RunContext } from '../context.ts';
import { restoreDuplicateWindows } from '../duplicateWindows.ts';
import { restoreTargets } from '../easedTargets.ts';
import { endPauses } from '../queues.ts';
import type { Step, StepOutcome } from '../step.ts';
import { bringOver, endOf, handOverWhole } from './pass.ts';
import { planReplaceStep, requireStream } from './planReplace.ts';
import { recreateDurable, restoreDurable } from './recreateDurable.ts';
import { recreateStream } from './recreateStream.ts';
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
    // Of the stand-in itself nothing is remembered.
    const isAsked = known.blocks.some(({ origin, target }) => origin === stream && target !== name);
    const renumbering = copy && isAsked ? await renumberingOf(account, copy, end.through) : undefined;
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
