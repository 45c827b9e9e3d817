import { OpsError } from '@aa-ops/topology';
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
  // The pods follow at once: undoing the restarts alone would start them in the mode that is being left.
  async undo(context) {
    const { configMap } = context.topology;
    if (!configMap || context.platform.kind === 'none') return;
    await writeMode(context, { [configMap.modeKey]: context.run.from });
    const restarted = context.run.steps.filter(
      ({ id, startedAt }) => id.startsWith('restart-') && startedAt !== undefined,
    );
    for (const { id } of restarted) {
      await restartAll(context, id === 'restart-consumers' ? 'consumer' : 'producer', 'undo');
    }
  },
};

const writeMode = (context: RunContext, data: Record<string, string>): Promise<void> =>
  context.journal.effect('write-config', { name: context.topology.configMap!.name, data }, () =>
    context.platform.writeConfig(data),
  );
