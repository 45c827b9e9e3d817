import type { Topology } from '../model.ts';
import { checkTopology } from './checkTopology.ts';
import { requireEnvironment } from './requireEnvironment.ts';
import { resolveTopology } from './resolve.ts';
import { topologyInvalid } from './topologyInvalid.ts';

/**
 * The topology as one environment sees it. Throws OpsError `usage`: `topology-invalid` with every problem in
 * `details.problems`; `environment-missing` or `environment-unknown` with the names to choose from.
 */
export async function loadTopology(path: string, environment: string | undefined): Promise<Topology> {
  const { file, problems, environments } = await checkTopology(path);
  if (!file) throw topologyInvalid(path, problems);
  return resolveTopology(file, requireEnvironment(environment, environments, path), path);
}
