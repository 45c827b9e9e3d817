import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, OpsError } from '@aa-ops/topology';
import { type Child, describeExit } from './child.ts';

/**
 * Repeats `attempt` until it succeeds. Throws OpsError `server-start` with the last failure and the tail of the log when the child
 * ends first or `boundMs` is over.
 */
export async function untilReady<T>(
  what: string,
  child: Child,
  boundMs: number,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + boundMs;
  let last = 'nothing was tried';
  const gone = child.exited.then((exit) => ({ exit }));
  for (;;) {
    const outcome = await Promise.race([
      gone,
      attempt().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
    ]);
    if ('exit' in outcome) throw startError(what, describeExit(outcome.exit), child);
    if ('value' in outcome) return outcome.value;
    last = messageOf(outcome.error);
    if (performance.now() > deadline)
      throw startError(what, `was not ready within ${boundMs} ms: ${last}`, child);
    await Promise.race([gone, pause(20)]);
  }
}

function startError(what: string, problem: string, child: Child): OpsError {
  return new OpsError('server-start', `${what} ${problem}; its log ends with:\n${child.log()}`, {
    hint: 'read the log above',
  });
}
