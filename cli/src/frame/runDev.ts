import { applyPlan, loadTopology, makePlan, openWriter, OpsError, type Topology } from '@aa-ops/topology';
import { devDown, devStatus, devUp, type Preparation, type UpArguments } from '../commands/dev.ts';
import { lookForOpenRun } from '../planning/openRun.ts';
import type { CommandContext, CommandResult } from './command.ts';

/** `dev up` with the topology's pods and configuration; the topology is applied before the first pod starts. */
export async function up(context: CommandContext, args: UpArguments): Promise<CommandResult> {
  return devUp(context, args, () => prepare(context));
}

/** `dev down`. */
export const down = (_context: CommandContext, args: Parameters<typeof devDown>[0]): Promise<CommandResult> =>
  devDown(args);

/** `dev status`. */
export const status = (_context: CommandContext, { dir }: { dir: string }): Promise<CommandResult> =>
  devStatus(dir);

async function prepare(context: CommandContext): Promise<Preparation> {
  const { topology: path, env = 'local' } = context.options;
  const topology = await loadTopology(path, env);
  const { environment, workloads, configMap } = topology;
  if (environment.platform !== 'local') {
    throw new OpsError(
      'platform-not-local',
      `the environment ${environment.name} has platform ${environment.platform}`,
      {
        kind: 'usage',
        hint: 'aa-ops dev up --env local',
      },
    );
  }
  return {
    workloads,
    config: configMap?.data ?? {},
    onReady: ({ natsUrl }) => applyTo(natsUrl, topology, context),
  };
}

/** What `apply` does. What it would refuse is left for a person: the platform is for finding out. */
async function applyTo(natsUrl: string, topology: Topology, { host, signal }: CommandContext): Promise<void> {
  const account = await openWriter({ servers: [natsUrl], name: 'aa-ops dev' });
  try {
    const open = await lookForOpenRun(account, topology, host);
    if (open) {
      const message = `${open.command} ${open.id} is open, so the topology is not applied: aa-ops migrate --resume`;
      return host.notify({ level: 'warn', code: 'run-open', message });
    }
    const plan = await makePlan(account, topology);
    await applyPlan(account, plan, { host, signal, allowDestructive: false });
  } catch (error) {
    if (!(error instanceof OpsError) || error.kind !== 'refused') throw error;
    host.notify({
      level: 'warn',
      code: error.code,
      message: `the topology is not applied: ${error.message}`,
    });
  } finally {
    await account.close();
  }
}
