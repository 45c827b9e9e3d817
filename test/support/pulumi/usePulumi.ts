import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalWorkspace, type PulumiFn, PulumiCommand, type Stack } from '@pulumi/pulumi/automation/index.js';
import type { Cluster } from '../cluster/useCluster.ts';
import { makeTempDir } from '../servers.ts';
import { pluginPath } from './plugins.ts';

export const PROJECT = 'aa-ops';

/** A Pulumi of one's own: engine and CLI are real, state is in a folder, the plugins are what `pluginPath` finds. */
export interface Pulumi {
  env: Record<string, string>;
  /** The state's file of a stack. */
  stateOf(stack: string): Promise<string>;
  /** A stack whose program is a function, driven through the Automation API. */
  stack(name: string, program: PulumiFn): Promise<Stack>;
}

/** Kubernetes is reached as admin of `cluster`, by a kubeconfig's path: nothing of it is in the state. */
export async function usePulumi(cluster: Cluster): Promise<Pulumi> {
  const dir = makeTempDir('pulumi');
  const state = join(dir, 'state');
  await mkdir(state, { recursive: true });
  const env = {
    PULUMI_HOME: join(dir, 'home'),
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: 'passphrase of a test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
    KUBECONFIG: cluster.kubeconfigs.admin,
    PATH: await pluginPath(join(dir, 'plugins'), cluster.tools.pulumi),
  };
  // The Automation API looks for plugins, and the SDK's provider for a kubeconfig, in this process's own environment.
  Object.assign(process.env, env);
  const pulumiCommand = await PulumiCommand.get({ skipVersionCheck: true });
  return {
    env,
    stateOf: (stack) => readFile(join(state, '.pulumi/stacks', PROJECT, `${stack}.json`), 'utf8'),
    async stack(stackName, program) {
      // Without one, the Automation API makes a folder in the temporary directory, and leaves it there.
      const workDir = join(dir, 'stacks', stackName);
      await mkdir(workDir, { recursive: true });
      return LocalWorkspace.createOrSelectStack(
        { stackName, projectName: PROJECT, program },
        { workDir, envVars: env, pulumiCommand, pulumiHome: env.PULUMI_HOME },
      );
    },
  };
}
