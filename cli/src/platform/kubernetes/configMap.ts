import type { V1ConfigMap } from '@kubernetes/client-node';
import { OpsError } from '@aa-ops/topology';
import type { KubeApi } from './kubeApi.ts';
import { FIELD_MANAGER, patchConfigMap, readConfigMap } from './objects.ts';

/** How often somebody else may come between our read and our write. */
const TRIES = 5;

/**
 * Merges keys into the ConfigMap as field manager `aa-ops`, only onto the version that was read. Somebody else's write in between is read
 * and tried again; where it changed one of these keys, or never stops, OpsError `config-conflict`. It is never created: `config-map-missing`.
 */
export async function mergeConfigMap(
  api: KubeApi,
  name: string,
  data: Record<string, string>,
): Promise<void> {
  let first: Record<string, string | undefined> | undefined;
  for (let attempt = 1; ; attempt++) {
    const standing = await readConfigMap(api, name);
    if (!standing) throw missing(api, name);
    const now = Object.fromEntries(Object.keys(data).map((key) => [key, standing.data?.[key]]));
    if (Object.entries(data).every(([key, value]) => now[key] === value)) return;
    const changed = Object.keys(data).filter(
      (key) => first && now[key] !== first[key] && now[key] !== data[key],
    );
    if (changed.length > 0 || attempt > TRIES) throw conflict(name, standing, changed, attempt - 1);
    first ??= now;
    if (standing.immutable) {
      throw new OpsError('config-map-immutable', `ConfigMap ${name} is immutable`, {
        hint: 'make it anew without immutable: true',
      });
    }
    try {
      await patchConfigMap(api, name, {
        metadata: { resourceVersion: standing.metadata?.resourceVersion },
        data,
      });
      return;
    } catch (error) {
      if (!(error instanceof OpsError && error.code === 'kubernetes-conflict')) throw error;
    }
  }
}

const missing = ({ connection }: KubeApi, name: string): OpsError =>
  new OpsError('config-map-missing', `no ConfigMap ${name} in namespace ${connection.namespace}`, {
    hint: 'make it (pulumi up), or correct configMap.name in the topology: aa-ops changes it and never creates it',
    details: { name, namespace: connection.namespace },
  });

function conflict(name: string, standing: V1ConfigMap, keys: string[], tries: number): OpsError {
  const writers = [
    ...new Set((standing.metadata?.managedFields ?? []).map(({ manager }) => manager ?? '?')),
  ].filter((manager) => manager !== FIELD_MANAGER);
  const change =
    keys.length > 0
      ? `it set ${keys.map((key) => `${key}=${standing.data?.[key]}`).join(', ')} meanwhile`
      : `it changed ${tries} times in a row`;
  const others = writers.join(', ') || 'unknown';
  return new OpsError(
    'config-conflict',
    `conflict with another writer of ConfigMap ${name}: ${change} (writers: ${others})`,
    {
      hint: 'only aa-ops may write the mode: see docs/kubernetes.md, "Two writers", then type the command again',
      details: { name, keys, writers },
    },
  );
}
