import {
  checkTopology,
  formatProblem,
  type Problem,
  hasErrors,
  requireEnvironment,
  topologyInvalid,
} from '@aa-ops/topology';

/** What `validate` found; `ok` is false where there is an error, and the command then ends with 64. */
export interface Validation {
  json: {
    schemaVersion: 1;
    valid: boolean;
    environments: string[];
    problems: Problem[];
    /** Where it is not valid: what every other command would end with. */
    error?: { code: string; message: string; hint?: string; details?: unknown };
  };
  text: string;
  ok: boolean;
}

/**
 * Checks the topology at a path for one environment, or for all when none is given, and reports every problem at once.
 * Throws OpsError `environment-unknown` (usage) for an environment that a valid file does not have.
 */
export async function runValidate(context: {
  topologyPath: string;
  environment?: string;
}): Promise<Validation> {
  const { topologyPath, environment } = context;
  const { problems, environments } = await checkTopology(topologyPath, environment);
  const ok = !hasErrors(problems);
  if (ok && environment !== undefined) requireEnvironment(environment, environments, topologyPath);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const counts = [count(errors, 'error'), count(problems.length - errors, 'warning')]
    .filter(Boolean)
    .join(', ');
  const judged = environment === undefined ? environments.join(', ') : environment;
  const last = ok
    ? `${topologyPath} is valid for ${judged}${counts && `, with ${counts}`}`
    : `${topologyPath}: ${counts}`;
  return {
    json: {
      schemaVersion: 1,
      valid: ok,
      environments,
      problems,
      ...(!ok && { error: errorOf(topologyPath, problems) }),
    },
    text: [...problems.map(formatProblem), last].join('\n'),
    ok,
  };
}

const count = (amount: number, word: string) =>
  amount === 0 ? '' : `${amount} ${word}${amount === 1 ? '' : 's'}`;

function errorOf(path: string, problems: readonly Problem[]) {
  const { code, message, hint = '', details } = topologyInvalid(path, problems);
  return { code, message, hint, details };
}
