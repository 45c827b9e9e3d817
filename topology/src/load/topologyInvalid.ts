import { OpsError } from '../errors.ts';
import type { Problem } from './problem.ts';

/** Lines that an error may take on a terminal; `validate` shows the rest. */
const SHOWN = 20;

/** The error of a topology file with errors in it: the first in the message, the others in the hint, all in `details.problems`. */
export function topologyInvalid(path: string, problems: readonly Problem[]): OpsError {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const line = ({ file, line, column, message }: Problem) => `${file}:${line}:${column}: ${message}`;
  const [first, ...others] = errors;
  const rest = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const shown = others.slice(0, SHOWN).map((problem) => `${line(problem)}: ${problem.fix}`);
  const all = others.length === 0 ? [] : [...shown, `all of it: aa-ops validate --topology ${path}`];
  return new OpsError('topology-invalid', `${first ? line(first) : `${path} is invalid`}${rest}`, {
    kind: 'usage',
    hint: [first?.fix ?? '', ...all].join('\n'),
    details: { problems },
  });
}
