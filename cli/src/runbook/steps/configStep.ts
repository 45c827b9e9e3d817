import { OpsError, type Workload } from '@aa-ops/topology';
import type { Pod } from '../../platform/platform.ts';
import type { StepId, StepRecord } from '../../saga/runDocument.ts';
import type { RunContext } from '../context.ts';
import type { Step } from '../step.ts';
import { restartAll } from './restartSteps.ts';

/** The pods' ConfigMap gets the new mode; nothing happens before they are restarted. */
export const configStep: Step = {
  id: 'config',
  title: 'Write the mode into the ConfigMap',
  runbook: 'Deployment, Step 1: Update Kubernetes ConfigMaps',
  async run(context) {
    const { configMap } = context.topology;
    if (!configMap || context.platform.kind === 'none')
      return { status: 'skipped', note: 'no ConfigMap is managed' };
    const standing = await context.platform.readMode();
    const wanted = { ...configMap.data, [configMap.modeKey]: context.run.to };
    const changed = Object.entries(wanted).filter(([key, value]) => standing.data[key] !== value);
    if (changed.length === 0) return { status: 'already', note: `${configMap.modeKey}=${context.run.to}` };
    await writeMode(context, wanted);
    return { note: changed.map(([key, value]) => `${key}=${value}`).join(', ') };
  },
  async verify(context) {
    const { configMap } = context.topology;
    if (!configMap || context.platform.kind === 'none') return;
    const { mode } = await context.platform.readMode();
    const { to } = context.run;
    if (mode !== to) {
      throw new OpsError(
        'config-conflict',
        `somebody wrote ${configMap.name} meanwhile: ${configMap.modeKey} is ${mode ?? 'not set'}, not ${to}`,
        {
          hint: 'only aa-ops may write the mode: see docs/kubernetes.md, "Two writers", then type the command again',
          details: { name: configMap.name, key: configMap.modeKey, mode: mode ?? null, wanted: to },
        },
      );
    }
  },
  // The pods follow at once: undoing the restarts alone would start them in the mode that is being left. So do those that started in it by themselves.
  async undo(context) {
    const { configMap } = context.topology;
    if (!configMap || context.platform.kind === 'none') return;
    await writeMode(context, { [configMap.modeKey]: context.run.from });
    for (const role of ['consumer', 'producer'] as const) {
      const begun = stepOf(context, `restart-${role}s`).startedAt !== undefined;
      if (begun || (await startedMeanwhile(context, role))) await restartAll(context, role, 'undo');
    }
  },
};

const stepOf = ({ run }: RunContext, id: StepId): StepRecord => run.steps.find((step) => step.id === id)!;

/** ms that the clock of a node may be behind ours. A pod that is restarted for nothing costs less than one that keeps the abandoned mode. */
const CLOCKS_APART_MS = 60_000;

/** Whether a pod of that role may have started in the mode that is being left: it crashed, or was moved or added, while the ConfigMap had it. */
async function startedMeanwhile(context: RunContext, role: Workload['role']): Promise<boolean> {
  const { topology, platform, run } = context;
  const { startedAt } = stepOf(context, 'config');
  if (startedAt === undefined || run.from === run.to) return false;
  const since = Date.parse(startedAt) - CLOCKS_APART_MS;
  const mayHave = (pod: Pod): boolean =>
    pod.mode === undefined ? Date.parse(pod.startedAt) >= since : pod.mode === run.to;
  const workloads = topology.workloads.filter((workload) => workload.role === role);
  const pods = await Promise.all(workloads.map((workload) => platform.pods(workload)));
  return pods.flat().some(mayHave);
}

const writeMode = (context: RunContext, data: Record<string, string>): Promise<void> =>
  context.journal.effect('write-config', { name: context.topology.configMap!.name, data }, () =>
    context.platform.writeConfig(data),
  );
