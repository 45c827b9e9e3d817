import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { loadTopology, type Topology } from '@aa-ops/topology';
import type { StackConfig } from './stackConfig.ts';

/** Everything that the specs are made from: the topology in one environment, and what the stack says of it. */
export interface Bus {
  topology: Topology;
  /** The topology file as it stands, and its hash: what the streams-apply Job applies, and when it runs again. */
  file: { text: string; sha8: string };
  stack: StackConfig;
  namespace: string;
}

export const TOPOLOGY_FILE = fileURLToPath(new URL('../../topology/athlete-ally.yaml', import.meta.url));

/** Reads the topology for the stack's environment. Throws where the two do not fit. */
export async function openBus(stack: StackConfig, path = TOPOLOGY_FILE): Promise<Bus> {
  const topology = await loadTopology(path, stack.environment);
  const text = await readFile(path, 'utf8');
  const { namespace } = topology.environment;
  if (!namespace) throw new Error(`environment ${stack.environment} of the topology names no namespace`);
  const { modeKey } = topology.configMap ?? {};
  if (!modeKey) throw new Error('the topology names no configMap');
  if (modeKey.includes('.'))
    throw new Error(`configMap.modeKey is ${modeKey}: Pulumi cannot ignore a key with a dot`);
  if (stack.initialMode !== undefined && !(stack.initialMode in topology.modes))
    throw new Error(`aa-ops:stack.initialMode is ${stack.initialMode}, which is no mode of the topology`);
  const known = topology.workloads.map(({ name }) => name);
  const missing = known.filter((name) => !stack.workloads[name]);
  const unknown = Object.keys(stack.workloads).filter((name) => !known.includes(name));
  if (missing.length > 0) throw new Error(`aa-ops:stack.workloads has no ${missing.join(', ')}`);
  if (unknown.length > 0)
    throw new Error(`aa-ops:stack.workloads names ${unknown.join(', ')}, which the topology does not`);
  return { topology, file: { text, sha8: sha8(text) }, stack, namespace };
}

/** The first eight digits of a SHA-256: enough to tell versions of one file apart. */
export const sha8 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
