import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ApiError, type ApiClient, openApi } from '../../cluster/api.ts';
import type { Loose } from './object.ts';

/** The provider's own configuration as the engine passes it: flags are JSON in strings. */
export interface ProviderConfig {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
  enableConfigMapMutable?: string;
  upsertExistingObjects?: string;
}

export interface KubeClient {
  api: ApiClient;
  /** Where an object is, or would be: `collection` and its own path. */
  pathOf(object: Loose): Promise<{ collection: string; path: string }>;
  /** The object as it stands, or undefined. */
  find(object: Loose): Promise<Loose | undefined>;
}

/** A client for the context that a kubeconfig (a file's path, or its text) says. */
export function openClient(config: ProviderConfig): KubeClient {
  const given = config.kubeconfig || process.env['KUBECONFIG'];
  if (!given) throw new Error('no kubeconfig: neither the provider nor KUBECONFIG names one');
  const kubeconfig = parse(given.includes('\n') ? given : readFileSync(given, 'utf8')) as Loose;
  const wanted = config.context || kubeconfig['current-context'];
  const named = (list: Loose[], name: string): Loose => list.find((it) => it.name === name);
  const context = named(kubeconfig.contexts, wanted)?.context;
  if (!context) throw new Error(`the kubeconfig has no context "${wanted}"`);
  const { cluster } = named(kubeconfig.clusters, context.cluster);
  const { user } = named(kubeconfig.users, context.user);
  const api = openApi({
    url: cluster.server,
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64').toString(),
    token: user.token,
  });
  const defaultNamespace = config.namespace || context.namespace || 'default';
  const resources = new Map<string, Promise<Loose>>();

  const pathOf: KubeClient['pathOf'] = async ({ apiVersion, kind, metadata }) => {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    if (!resources.has(base)) resources.set(base, api.get(base));
    const list = await resources.get(base)!;
    const found = list.resources.find((it: Loose) => it.kind === kind && !it.name.includes('/'));
    if (!found) throw new Error(`the API server knows no ${kind} in ${apiVersion}`);
    const namespace = found.namespaced ? `/namespaces/${metadata.namespace ?? defaultNamespace}` : '';
    const collection = `${base}${namespace}/${found.name}`;
    return { collection, path: `${collection}/${metadata.name}` };
  };
  return {
    api,
    pathOf,
    async find(object) {
      const { path } = await pathOf(object);
      return api.get(path).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      });
    },
  };
}
