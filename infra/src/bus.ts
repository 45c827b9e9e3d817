import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTopology, OpsError, readSources, type Topology } from '@aa-ops/topology';
import { problemsOfFit } from './fit.ts';
import { invalid, type StackConfig } from './stackConfig.ts';

/** Everything that the specs are made from: the topology in one environment, and what the stack says of it. */
export interface Bus {
  topology: Topology;
  files: TopologyFiles;
  stack: StackConfig;
  namespace: string;
}

/** The topology as it stands, for the streams-apply Job. */
export interface TopologyFiles {
  /** Name to text: of one file, or of each that a folder's topology is made of. */
  data: Record<string, string>;
  /** What `aa-ops` reads of them, below the folder that they are mounted in; empty: all. */
  path: string;
  /** Of names and texts: another one names another Job. */
  sha8: string;
}

export const TOPOLOGY_FILE = fileURLToPath(new URL('../../topology/athlete-ally.yaml', import.meta.url));

/** Reads the topology, a file or a folder of files, for the stack's environment. Throws an Error with all in which the two do not fit. */
export async function openBus(stack: StackConfig, path = TOPOLOGY_FILE): Promise<Bus> {
  const topology = await loadTopology(path, stack.environment).catch((error: unknown) => {
    // Pulumi shows a message and no hint, and the other problems of a file stand in the hint.
    throw error instanceof OpsError ? invalid(error.message, error.hint?.split('\n') ?? []) : error;
  });
  const files = await readFiles(path);
  const problems = problemsOfFit(stack, topology, files.data);
  if (problems.length > 0) throw invalid('the stack and the topology do not fit', problems);
  return { topology, files, stack, namespace: topology.environment.namespace! };
}

/** The name that one file has in the Job, whatever it is called here. */
const SINGLE = 'topology.yaml';

async function readFiles(path: string): Promise<TopologyFiles> {
  const { sources } = await readSources(path);
  const isFolder = (await stat(path)).isDirectory();
  const data = Object.fromEntries(
    sources.map(({ file, text }) => [isFolder ? basename(file) : SINGLE, text]),
  );
  return { data, path: isFolder ? '' : SINGLE, sha8: sha8(JSON.stringify(data)) };
}

/** The first eight digits of a SHA-256: enough to tell versions of one file apart. */
export const sha8 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
