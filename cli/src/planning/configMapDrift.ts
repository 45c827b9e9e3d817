import { type JetStreamReader, messageOf, type Topology } from '@aa-ops/topology';
import { expectedModes } from '../checks/expectedModes.ts';
import { LOOK_PATIENCE_MS, openPlatform } from '../platform/openPlatform.ts';
import { clean } from '../render/clean.ts';

/** How the ConfigMap in the cluster differs from the topology; only the keys that the topology names. */
export interface ConfigMapDrift {
  name: string;
  /** `kubernetes staging/staging` */
  platform: string;
  /** `live` null: not set. */
  differences: { key: string; live: string | null; wanted: string }[];
  /** Why it could not be read; then nothing is known of differences. */
  unread?: string;
}

/** Reads the ConfigMap of an environment on Kubernetes; undefined where none is managed there. Throws nothing: the account's drift is worth telling without it. */
export async function readConfigMapDrift(
  account: JetStreamReader,
  topology: Topology,
  signal: AbortSignal,
): Promise<ConfigMapDrift | undefined> {
  const { configMap, environment, workloads } = topology;
  if (!configMap || environment.platform !== 'kubernetes' || workloads.length === 0) return undefined;
  const { name, modeKey } = configMap;
  let where: string = environment.platform;
  try {
    const platform = await openPlatform(topology, { signal, patienceMs: LOOK_PATIENCE_MS });
    where = platform.name;
    const [{ data }, { mode }] = await Promise.all([platform.readMode(), expectedModes(account, topology)]);
    const differences = Object.entries({ ...configMap.data, [modeKey]: mode })
      .filter(([key, wanted]) => data[key] !== wanted)
      .map(([key, wanted]) => ({ key, live: data[key] ?? null, wanted }));
    return { name, platform: where, differences };
  } catch (error) {
    signal.throwIfAborted();
    return { name, platform: where, differences: [], unread: messageOf(error) };
  }
}

/** For people, below the plan. */
export function renderConfigMapDrift({ name, platform, differences, unread }: ConfigMapDrift): string {
  const what = `ConfigMap ${name} (${platform})`;
  if (unread !== undefined) return clean(`${what}: not read, ${unread}`);
  if (differences.length === 0) return clean(`${what}: as it should be`);
  return [
    clean(`~   ${what}`),
    ...differences.map(({ key, live, wanted }) => clean(`      ${key}  ${live ?? '(unset)'} → ${wanted}`)),
  ].join('\n');
}
