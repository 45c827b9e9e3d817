/**
 * How an error ends the command that met it; cli/ maps each kind to one exit code of the contract.
 * `failed` nothing is half done · `refused` a safety rule · `partial` stopped half way, resumable · `unequal` a check came
 * out red · `locked` another operator holds the lease · `usage` invalid input · `interrupted` by the user.
 */
export type ErrorKind = 'failed' | 'refused' | 'partial' | 'unequal' | 'locked' | 'usage' | 'interrupted';

export interface OpsErrorOptions {
  kind?: ErrorKind;
  /** What to do next: a command to type, or the thing to change. */
  hint?: string;
  /** Everything a script needs, JSON-safe, no secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * The one error class of the engine and the CLI. `code` is stable, kebab-case and grep-able; `message` is lower case, has
 * no full stop, and names the wrong value. Anything that is not an OpsError is a bug and is reported as one.
 */
export class OpsError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: string, message: string, options: OpsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OpsError';
    this.code = code;
    this.kind = options.kind ?? 'failed';
    this.hint = options.hint;
    this.details = options.details;
  }
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
