import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Access, type ApiClient, openApi } from './api.ts';
import { type ControlPlane, startControlPlane } from './controlPlane.ts';
import { IDENTITIES, type Identity, writeKubeconfig } from './identities.ts';
import { startKubelet } from './kubelet/kubelet.ts';
import { forward, HOST_IP, layNetwork } from './network.ts';
import { startServiceProxy } from './serviceProxy.ts';
import type { ClusterTools } from './tools.ts';

/** The namespace and the name of the context that `topology/`'s staging environment names. */
export const NAMESPACE = 'staging';
export const CONTEXT = 'staging';

export interface ClusterOptions {
  dir: string;
  tools: ClusterTools;
  /** Image names and the folders they stand for; the part before the tag is enough. */
  images: Record<string, string>;
}

export interface RunningCluster {
  access(identity: Identity): Access;
  /** A kubeconfig file of each identity, context and namespace `staging`. */
  kubeconfigs: Record<Identity, string>;
  api: ApiClient;
  apiServerPid(): number;
  /** Makes a server of this machine (`127.0.0.1:port`) reachable for pods as `name:as`, and by the node's address. */
  expose(name: string, port: number, as?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Control plane, kubelet and service proxy in the network namespace that we run in, which they fill with a bridge. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  await mkdir(options.dir, { recursive: true, mode: 0o711 });
  await layNetwork();
  const controlPlane = await startControlPlane(options.tools, options.dir);
  const api = openApi(controlPlane.access('admin'));
  await api.post('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE },
  });
  const proxy = startServiceProxy(api);
  const exposed: string[] = [];
  const servers: { close(): void }[] = [];
  const expose = async (name: string, port: number, as = port): Promise<void> => {
    servers.push(await forward(HOST_IP, as, () => ({ host: '127.0.0.1', port })));
    exposed.push(`${HOST_IP} ${name}`);
  };
  const kubelet = await startKubelet(
    {
      api,
      folder: join(options.dir, 'pods'),
      ca: controlPlane.access('admin').ca,
      imageFolder: (image) => options.images[image] ?? options.images[image.replace(/[:@][^/]*$/, '')],
      hosts: () => ['127.0.0.1 localhost', ...exposed, ...proxy.hosts()],
      apiServer: { host: HOST_IP, port: new URL(controlPlane.access('admin').url).port },
    },
    controlPlane.certificate,
  );
  return {
    access: (identity) => controlPlane.access(identity),
    kubeconfigs: await writeKubeconfigs(options.dir, controlPlane),
    api,
    apiServerPid: () => controlPlane.apiServerPid(),
    expose,
    async stop() {
      await kubelet.stop();
      proxy.stop();
      for (const it of servers) it.close();
      api.close();
      await controlPlane.stop();
    },
  };
}

async function writeKubeconfigs(dir: string, controlPlane: ControlPlane): Promise<Record<Identity, string>> {
  const files = await Promise.all(
    IDENTITIES.map(async (it) => {
      const file = join(dir, `${it}.kubeconfig`);
      return [it, await writeKubeconfig(file, controlPlane.access(it), CONTEXT, NAMESPACE)] as const;
    }),
  );
  return Object.fromEntries(files) as Record<Identity, string>;
}
