import {
  checkNature,
  checkRights,
  type Finding,
  has,
  type JetStreamReader,
  isQueue,
  type Ownership,
  planHandovers,
  realSubjects,
  type StreamConfig,
} from '@aa-ops/topology';
import type { RunContext } from '../context.ts';
import { endPauses } from '../queues.ts';
import { endAllKeeping } from '../keeping.ts';
import type { Step } from '../step.ts';
import { settleFindings } from '../steps/findings.ts';
import { handoverStep } from '../steps/handoverStep.ts';

const RUNBOOK =
  'not in the runbook: a server that replaces a filter by one that overlaps it stores publishes twice';

const planStep: Step = {
  id: 'plan',
  title: 'Plan the windows',
  runbook: RUNBOOK,
  async run(context) {
    const { account, run } = context;
    if (run.groups.length > 0) return { status: 'already' };
    const configs = await configsOf(account, run.filters!);
    const note = settleFindings(context, await findingsOf(context, configs));
    // No subject changes its stream: there is nothing to copy.
    run.groups = planHandovers(subjectsOf(configs), run.filters!).map((group) => ({
      group: { ...group, copies: [] },
      phase: 'planned',
      attempt: 0,
    }));
    await context.save();
    return note ? { note } : {};
  },
};

async function findingsOf({ account }: RunContext, configs: readonly StreamConfig[]): Promise<Finding[]> {
  const rights = await account.rights();
  const names = configs.map(({ name }) => name);
  const queues = configs.filter(isQueue).map(({ name }) => name);
  const unpausable = has(account.server.version, 'consumerPause') ? [] : queues;
  return [
    ...configs.flatMap((config) => checkNature({ config })),
    ...checkRights(rights, names, account.apiPrefix, queues),
    ...unpausable.map((name): Finding => ({
      code: 'retention-not-movable',
      severity: 'refuse',
      message: `${name} is a work queue, and nats-server ${account.server.version} cannot pause its durables: what is held, stored and worked at once could not be told from what is missing`,
      hint: 'nats-server 2.11 and newer can; or end its publishers, and change its subjects with: nats stream edit',
    })),
  ];
}

/** Work queues deliver again, and streams with retention interest let go of what was worked. */
async function giveBack(context: RunContext): Promise<void> {
  await endAllKeeping(context, 'all');
  await endPauses(context);
}

const verifyStep: Step = {
  id: 'verify',
  title: 'Verify what the streams hear',
  runbook: RUNBOOK,
  async run(context) {
    const { account, run } = context;
    const left = planHandovers(subjectsOf(await configsOf(account, run.filters!)), run.filters!);
    await giveBack(context);
    if (left.length === 0) return {};
    // Every window is over: the run has nothing more to do, and must not stand in the way of whoever changes it again.
    const note = `${left.map(({ id }) => id).join(', ')} hears other subjects by now: somebody else changed it meanwhile`;
    run.shortcomings.push(note);
    return { note };
  },
};

async function configsOf(account: JetStreamReader, wanted: Ownership): Promise<StreamConfig[]> {
  const infos = await Promise.all(Object.keys(wanted).map((name) => account.stream(name)));
  return infos.flatMap((info) => (info ? [info.config] : []));
}

const subjectsOf = (configs: readonly StreamConfig[]): Ownership =>
  Object.fromEntries(configs.map(({ name, subjects }) => [name, realSubjects(subjects)]));

/** How `apply` has streams hear subjects of theirs by other filters (adr/0020). */
export const FILTER_STEPS: readonly Step[] = [planStep, { ...handoverStep, undo: giveBack }, verifyStep];
