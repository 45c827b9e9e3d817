/** A setting that the process cannot start with. `main` prints the message and exits 64, without a stack trace. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
