import {
  copiedThrough,
  type Copy,
  cutCopy,
  dropCopies,
  heldElsewhere,
  makePlan,
  pending,
  proveCopy,
  rememberCopied,
  rememberMade,
} from '@aa-ops/topology';
import { handoverContext, type RunContext } from '../context.ts';
import { restoreDuplicateWindows } from '../duplicateWindows.ts';
import { restoreTargets } from '../easedTargets.ts';
import { endPauses } from '../queues.ts';
import { endAllKeeping } from '../keeping.ts';
import { copiesOf, roundsOf, startRound } from '../rounds.ts';
import type { Step } from '../step.ts';

/** Streams are made closed, and source the origins: they copy, and own nothing yet. */
export const expandStep: Step = {
  id: 'expand',
  title: 'Create streams, start the copy',
  runbook: 'Pre-Deployment, Step 2: Create Streams',
  async run(context) {
    const created = await createStreams(context);
    const [first = []] = roundsOf(context);
    if (copiesOf(first).length === 0 && created.length === 0)
      return { status: 'already', note: 'nothing to create or copy' };
    const started = await startRound(context, first);
    return {
      note: [...(created.length > 0 ? [`created ${created.join(', ')}`] : []), ...started].join('; '),
    };
  },
  async undo(context) {
    await giveUpCopies(context);
    await endPauses(context);
    await restoreDuplicateWindows(context, false);
    await restoreTargets(context);
    await endAllKeeping(context, 'owners');
  },
};

async function createStreams(context: RunContext): Promise<string[]> {
  const plan = await makePlan(context.account, context.topology, { runOpen: true });
  const created: string[] = [];
  for (const change of pending(plan)) {
    if (change.kind !== 'stream' || change.action !== 'create') continue;
    if (change.overlaps.length > 0) {
      throw heldElsewhere(change.overlaps[0]!);
    }
    const info = await context.journal.effect('create-stream', { config: change.config }, () =>
      context.account.createStream(change.config),
    );
    const memory = await context.store.memory();
    await context.store.saveMemory(rememberMade(memory, [[change.name, info.created]]));
    created.push(change.name);
  }
  return created;
}

/**
 * Takes the sources away before anything changed hands, and remembers what they brought: a later run goes on behind it,
 * and no message is copied twice. What lies behind a gap goes as well: going on behind it, the gap would stay.
 */
export async function giveUpCopies(context: RunContext): Promise<void> {
  const records = context.run.groups.filter(({ phase }) => phase === 'copying');
  const copies = records.flatMap(({ group }) => group.copies);
  await dropCopies(
    handoverContext(context),
    copies.map(({ target }) => target),
  );
  let memory = await context.store.memory();
  for (const copy of copies) {
    const gap = await cutAtGap(context, copy);
    const through = await copiedThrough(context.account, copy);
    // What lies behind a gap and may not be deleted is passed over: the next copy begins at the gap.
    if (through)
      memory = rememberCopied(memory, copy, gap === undefined ? through : { ...through, originSeq: gap - 1 });
  }
  await context.store.saveMemory(memory);
  for (const record of records) record.phase = 'planned';
  await context.save();
}

/** Answers the gap where deleting is denied, so that what lies behind it stays. */
async function cutAtGap(context: RunContext, copy: Copy): Promise<number | undefined> {
  const { account, signal } = context;
  const through = await copiedThrough(account, copy);
  if (!through) return undefined;
  const range = {
    originSeqs: [copy.startSeq, through.originSeq] as [number, number],
    targetSeqs: [copy.targetFromSeq, through.targetSeq] as [number, number],
  };
  const { firstMissing } = await proveCopy(account, copy, range, { payloads: false, signal });
  if (firstMissing === undefined) return undefined;
  if ((await account.stream(copy.target))?.config.deny_delete) return firstMissing;
  await cutCopy(handoverContext(context), copy, firstMissing - 1);
  return undefined;
}
