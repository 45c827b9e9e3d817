import { OpsError } from '../errors.ts';
import type { Topology } from '../model.ts';
import { checkTopology } from './checkTopology.ts';
import { requireEnvironment } from './requireEnvironment.ts';
import { resolveTopology } from './resolve.ts';

/**
 * The topology as one environment sees it. Throws OpsError `usage`: `topology-invalid` with every problem in
 * `details.problems`; `environment-missing` or `environment-unknown` with the names to choose from.
 */
export async function loadTopology(path: string, environment: string | undefined): Promise<Topology> {
  const { file, problems, environments } = await checkTopology(path);
  if (!file) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    const rest = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
    const where = first ? `${first.file}:${first.line}:${first.column}: ${first.message}` : path;
    throw new OpsError('topology-invalid', `${where}${rest}`, {
      kind: 'usage',
      hint: errors.length === 1 ? (first?.fix ?? '') : `aa-ops validate --topology ${path}`,
      details: { problems },
    });
  }
  return resolveTopology(file, requireEnvironment(environment, environments, path), path);
}
