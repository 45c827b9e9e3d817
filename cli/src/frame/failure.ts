import { messageOf, OpsError } from '@aa-ops/topology';
import { clean, cleanLines } from '../render/clean.ts';
import type { Paint } from '../render/paint.ts';
import { EXIT_CODES } from './exitCodes.ts';
import { redact, redactDeep } from './redact.ts';

/** An error as a command ends with it: one JSON document, the text for people, the exit code. */
export interface Failure {
  json: { schemaVersion: 1; error: { code: string; message: string; hint?: string; details?: unknown } };
  text: string;
  exitCode: number;
}

/** Why a signal aborted everything; whatever throws it on ends with 130. */
export const interruption = (signal: NodeJS.Signals): OpsError =>
  new OpsError('interrupted', `interrupted by ${signal}`, { kind: 'interrupted' });

/**
 * The one place where an error becomes output. Anything that is not an OpsError is a bug of aa-ops and says so; after a
 * signal it is the interruption. URLs lose their credentials, control characters their power.
 */
export function explainFailure(
  error: unknown,
  options: { verbose: boolean; paint: Paint; signal?: AbortSignal },
): Failure {
  const known = asOpsError(error, options.signal);
  const message = clean(redact(known.message));
  const hint = known.hint === undefined || known.hint === '' ? undefined : cleanLines(redact(known.hint));
  const { paint } = options;
  const lines = [`${paint.red('error:')} ${message}`];
  if (hint !== undefined) lines.push(`${paint.cyan('hint:')} ${hint.replace(/\n/g, '\n      ')}`);
  if (options.verbose) lines.push(paint.dim(stackOf(error)));
  return {
    json: {
      schemaVersion: 1,
      error: {
        code: known.code,
        message: redact(known.message),
        ...(hint === undefined ? {} : { hint: redact(known.hint ?? '') }),
        ...(known.details === undefined ? {} : { details: redactDeep(known.details) }),
      },
    },
    text: lines.join('\n'),
    exitCode: EXIT_CODES[known.kind],
  };
}

function asOpsError(error: unknown, signal: AbortSignal | undefined): OpsError {
  if (signal?.aborted && signal.reason instanceof OpsError) {
    if (isBecauseOf(error, signal.reason)) return signal.reason;
    if (!(error instanceof OpsError)) return signal.reason;
  }
  if (error instanceof OpsError) return error;
  return new OpsError('internal', `this is a bug in aa-ops: ${messageOf(error)}`, {
    hint: 'run it again with --verbose and report what it prints',
    cause: error,
  });
}

/** Whether the reason stands somewhere in the chain of causes, and nothing on the way there says more than it does. */
function isBecauseOf(error: unknown, reason: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if (at === reason) return true;
    if (at instanceof OpsError && at.kind !== 'failed') return false;
  }
  return false;
}

function stackOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 10; depth += 1) {
    parts.push(redact(at instanceof Error ? (at.stack ?? at.message) : String(at)));
    at = at instanceof Error ? at.cause : undefined;
  }
  return cleanLines(parts.join('\ncaused by: '));
}
