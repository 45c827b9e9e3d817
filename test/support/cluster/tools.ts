import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, OpsError } from '@aa-ops/topology';
import { cacheDir, exists, inCache } from '../../../cli/src/servers/cache.ts';
import { folderOnPath, isExecutable } from '../../../cli/src/servers/search.ts';

/** Where the real servers of the cluster tests are: full paths of executables. */
export interface ClusterTools {
  etcd: string;
  kubeApiserver: string;
  kubeControllerManager: string;
  kubectl: string;
  pulumi: string;
}

export const KUBERNETES_VERSION = '1.36.3';
export const ETCD_VERSION = '3.6.16';
export const PULUMI_VERSION = '3.259.0';

/** One Go module of tools/: its folder there, the executables that it builds, and what is stamped into them. */
interface GoTool {
  module: 'etcd' | 'kubernetes' | 'pulumi';
  version: string;
  packages: string[];
  stamps: string[];
  /** What it takes on two idle cores; said before it begins. */
  takes: string;
}

const ETCD: GoTool = {
  module: 'etcd',
  version: ETCD_VERSION,
  packages: ['go.etcd.io/etcd/server/v3'],
  stamps: [],
  takes: 'about half a minute',
};
const KUBERNETES: GoTool = {
  module: 'kubernetes',
  version: KUBERNETES_VERSION,
  packages: ['kube-apiserver', 'kube-controller-manager', 'kubectl'].map(
    (it) => `k8s.io/kubernetes/cmd/${it}`,
  ),
  // Clients parse the version that the API server tells: built by go, it would tell v0.0.0-master.
  stamps: [
    `k8s.io/component-base/version.gitVersion=v${KUBERNETES_VERSION}`,
    `k8s.io/component-base/version.gitMajor=${KUBERNETES_VERSION.split('.')[0]}`,
    `k8s.io/component-base/version.gitMinor=${KUBERNETES_VERSION.split('.')[1]}`,
  ],
  takes: 'about five minutes',
};
const PULUMI: GoTool = {
  module: 'pulumi',
  version: PULUMI_VERSION,
  packages: ['github.com/pulumi/pulumi/pkg/v3/cmd/pulumi'],
  stamps: [`github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${PULUMI_VERSION}`],
  takes: 'about four minutes',
};

/**
 * The tools, in the order of everything here: a setting (KUBEBUILDER_ASSETS, AA_OPS_PULUMI), PATH, the cache, else built by
 * Go into the cache, once. A wrong setting is an error, never skipped. kube-apiserver and etcd count only together: they are one control plane.
 * Throws OpsError with every way tried: `cluster-tools-not-found` where there is no Go either, else `cluster-tools-not-built`.
 */
export async function findClusterTools(say: (line: string) => void): Promise<ClusterTools> {
  const controlPlane = await controlPlaneFolders(say);
  return { ...controlPlane, pulumi: await findPulumi(say) };
}

const ASSETS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;

async function controlPlaneFolders(say: (line: string) => void): Promise<Omit<ClusterTools, 'pulumi'>> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets) {
    const missing = await missingFrom(assets, ASSETS);
    if (missing.length === 0) return toolsIn(() => assets);
    // envtest's own folder has no controller manager: ours is built then, and the rest taken from it.
    if (missing.join() === 'kube-controller-manager') {
      const built = await buildGoTool(KUBERNETES, [`none in KUBEBUILDER_ASSETS, ${assets}`], say);
      return toolsIn((name) => (name === 'kube-controller-manager' ? built : assets));
    }
    throw new OpsError(
      'cluster-tools-setting-wrong',
      `KUBEBUILDER_ASSETS is ${assets}, which has no ${missing.join(', ')}`,
      { hint: `unset it, or point it at a folder with ${ASSETS.join(', ')}` },
    );
  }
  const onPath = await folderOnPath('kube-apiserver');
  if (onPath && (await missingFrom(onPath, ASSETS)).length === 0) return toolsIn(() => onPath);
  const tried = [
    'KUBEBUILDER_ASSETS is not set',
    onPath ? `${onPath} on PATH has not all of ${ASSETS.join(', ')}` : 'no kube-apiserver on PATH',
  ];
  const etcd = await buildGoTool(ETCD, tried, say);
  const kubernetes = await buildGoTool(KUBERNETES, tried, say);
  return toolsIn((name) => (name === 'etcd' ? etcd : kubernetes));
}

const toolsIn = (folderOf: (name: (typeof ASSETS)[number]) => string): Omit<ClusterTools, 'pulumi'> => ({
  etcd: join(folderOf('etcd'), 'etcd'),
  kubeApiserver: join(folderOf('kube-apiserver'), 'kube-apiserver'),
  kubeControllerManager: join(folderOf('kube-controller-manager'), 'kube-controller-manager'),
  kubectl: join(folderOf('kubectl'), 'kubectl'),
});

async function missingFrom(folder: string, names: readonly string[]): Promise<string[]> {
  const there = await Promise.all(names.map((name) => exists(join(folder, name))));
  return names.filter((_, index) => !there[index]);
}

async function findPulumi(say: (line: string) => void): Promise<string> {
  const explicit = process.env['AA_OPS_PULUMI'];
  if (explicit && !(await isExecutable(explicit))) {
    throw new OpsError(
      'cluster-tools-setting-wrong',
      `AA_OPS_PULUMI is ${explicit}, which is no executable`,
      {
        hint: 'unset it, or set it to the full path of pulumi',
      },
    );
  }
  if (explicit) return explicit;
  const onPath = await folderOnPath('pulumi');
  if (onPath) return join(onPath, 'pulumi');
  const tried = ['AA_OPS_PULUMI is not set', 'no pulumi on PATH'];
  return join(await buildGoTool(PULUMI, tried, say), 'pulumi');
}

/** The cache's folder with a module's executables, built there unless they stand. */
async function buildGoTool(tool: GoTool, tried: string[], say: (line: string) => void): Promise<string> {
  const name = `${tool.module}-${tool.version}-${process.platform}-${process.arch}`;
  try {
    return await inCache(name, async (folder) => {
      if (!(await folderOnPath('go'))) throw new Error('go is not installed');
      say(`building ${tool.module} ${tool.version} with Go into the cache, ${tool.takes}, once`);
      const started = performance.now();
      await goBuild(tool, folder, say);
      say(`built ${tool.module} ${tool.version} in ${Math.round((performance.now() - started) / 1000)} s`);
    });
  } catch (error) {
    const all = [...tried, `none in the cache, ${cacheDir()}`, `building it: ${messageOf(error)}`];
    throw new OpsError(
      (await folderOnPath('go')) ? 'cluster-tools-not-built' : 'cluster-tools-not-found',
      `found no ${tool.module} ${tool.version}: ${all.join('; ')}`,
      {
        hint: 'install Go 1.26 or newer, or set KUBEBUILDER_ASSETS and AA_OPS_PULUMI to what is installed',
        details: { tried: all },
      },
    );
  }
}

/** `go build` of the module in tools/, whose go.sum pins all of it. It ends when we do, and says each minute that it goes on. */
async function goBuild(tool: GoTool, folder: string, say: (line: string) => void): Promise<void> {
  const names = tool.packages.map((it) => basename(it).replace(/^v3$/, tool.module));
  for (const [index, path] of tool.packages.entries()) {
    const stamps = ['-s', '-w', ...tool.stamps.map((it) => `-X ${it}`)].join(' ');
    const args = ['build', '-mod=readonly', '-ldflags', stamps, '-o', join(folder, names[index]!), path];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'go', ...args], {
      cwd: fileURLToPath(new URL(`../../../tools/${tool.module}`, import.meta.url)),
      env: { ...process.env, CGO_ENABLED: '0', GOMAXPROCS: String(cpus().length) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-2000)));
    const timer = setInterval(() => say(`still building ${names[index]}`), 60_000);
    const code = await new Promise<number | null>((done, failed) =>
      child.once('error', failed).once('exit', done),
    );
    clearInterval(timer);
    if (code !== 0) throw new Error(`go build ${path} exited with ${code}: ${stderr.trim()}`);
  }
}
