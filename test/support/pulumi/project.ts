import { spawn } from 'node:child_process';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { INGEST_TOKEN } from '../cluster/stagingObjects.ts';
import type { Cluster } from '../cluster/useCluster.ts';
import { makeTempDir } from '../servers.ts';
import type { Pulumi } from './usePulumi.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface CommandResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Both streams, as a person sees them. */
  said: string;
}

/** The repository's project in a folder of its own, because the CLI writes into a stack's file; driven as a user drives it. */
export interface Project {
  /** Runs `pulumi …`, and ends it with SIGKILL once `killedWhen` holds. */
  pulumi(args: string[], killedWhen?: Promise<unknown>): Promise<CommandResult>;
  /** Changes what the stack says. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  configure(change: (stack: any) => void): Promise<void>;
}

/** Pulumi.yaml and a stack's file as they stand, but for the images, which are the folders that `npm run pack` makes; and its prerequisites. */
export async function makeProject(
  cluster: Cluster,
  { env }: Pulumi,
  stackName: 'staging' | 'production' = 'staging',
): Promise<Project> {
  const dir = makeTempDir('project');
  await copyFile(join(ROOT, 'Pulumi.yaml'), join(dir, 'Pulumi.yaml'));
  // A folder with links, not a link to the folder: the SDK looks for the program's package.json by its path.
  await mkdir(join(dir, 'infra'));
  for (const part of ['node_modules', 'infra/package.json', 'infra/src'])
    await symlink(join(ROOT, part), join(dir, part));
  const file = join(dir, `Pulumi.${stackName}.yaml`);
  await copyFile(join(ROOT, `Pulumi.${stackName}.yaml`), file);
  const project: Project = {
    pulumi: (args, killedWhen) =>
      new Promise((ended, failed) => {
        const command = [cluster.tools.pulumi, ...args, '--non-interactive', '--color', 'never'];
        const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
          cwd: dir,
          env: { ...process.env, ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let said = '';
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
        killedWhen?.then(() => child.kill('SIGKILL'), failed);
        child.once('error', failed);
        child.once('close', (code, signal) => ended({ code, signal, said }));
      }),
    async configure(change) {
      const document = parse(await readFile(file, 'utf8'));
      change(document.config['aa-ops:stack']);
      await writeFile(file, stringify(document));
    },
  };
  let adopts = false;
  await project.configure((stack) => {
    stack.images = { runtime: 'aa-ops/runtime:test', cli: 'aa-ops/cli:test' };
    adopts = stack.adoptConfigMap === true;
  });
  await makePrerequisites(cluster, stackName, adopts);
  return project;
}

/** What an environment has before the program: the Secrets that it refers to, and where it is to be adopted, event-bus-config by hand. */
export async function makePrerequisites(
  { api, podDatabaseUrl }: Cluster,
  namespace: string,
  adoptsConfigMap: boolean,
): Promise<void> {
  const standing = (kind: string, name: string, rest: object) =>
    api.post(`/api/v1/namespaces/${namespace}/${kind}`, { metadata: { name }, ...rest });
  await standing('secrets', 'athlete-ally-database', { stringData: { DATABASE_URL: podDatabaseUrl } });
  await standing('secrets', 'ingest-token', { stringData: { INGEST_TOKEN } });
  if (adoptsConfigMap)
    await standing('configmaps', 'event-bus-config', { data: { EVENT_STREAM_MODE: 'single' } });
}
