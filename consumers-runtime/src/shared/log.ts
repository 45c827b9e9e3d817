/** Where a process tells what it does. `fields` show up in JSON only, the message is the same in both formats. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/**
 * Plain lines are the bare message, since the runbook's greps are made for them; `json` adds time, level and service.
 * Warnings and errors go to stderr.
 */
export function createLog(service: string, format: 'plain' | 'json'): Log {
  const write = (level: string, message: string, fields: Record<string, unknown> = {}): void => {
    const stream = level === 'info' ? process.stdout : process.stderr;
    const line =
      format === 'json'
        ? JSON.stringify({ time: new Date().toISOString(), level, service, message, ...fields })
        : message;
    stream.write(`${line}\n`);
  };
  return {
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  };
}

/** The message of anything that was thrown; never empty (AggregateErrors of a refused connection have no message). */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

/** At most so many warnings a second; how many were left out is said once there is room again. A backlog of poison must not become a flood of lines. */
export function limitWarnings(log: Log, perSecond: number): Log['warn'] {
  let second = 0;
  let written = 0;
  let omitted = 0;
  return (message, fields) => {
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) {
      if (omitted > 0) log.warn(`(${omitted} more lines like the ones above were left out)`);
      [second, written, omitted] = [now, 0, 0];
    }
    if (++written <= perSecond) log.warn(message, fields);
    else omitted++;
  };
}
