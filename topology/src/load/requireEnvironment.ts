import { OpsError } from '../errors.ts';
import { suggest } from '../schema/suggest.ts';

/**
 * The environment that was asked for, if a topology has it. Throws OpsError `usage`, `environment-missing` or
 * `environment-unknown`, with the names to choose from.
 */
export function requireEnvironment(
  environment: string | undefined,
  known: readonly string[],
  path: string,
): string {
  const names = known.join(', ');
  if (environment === undefined || environment === '')
    throw new OpsError('environment-missing', `no environment given for ${path}`, {
      kind: 'usage',
      hint: `add --env NAME or set AA_OPS_ENV: one of ${names}`,
      details: { environments: known },
    });
  if (known.includes(environment)) return environment;
  const meant = suggest(environment, known);
  throw new OpsError('environment-unknown', `there is no environment ${environment} in ${path}`, {
    kind: 'usage',
    hint: meant === undefined ? `choose one of ${names}` : `did you mean --env ${meant}? there are ${names}`,
    details: { environment, environments: known },
  });
}
