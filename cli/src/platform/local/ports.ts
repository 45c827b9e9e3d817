import { OpsError } from '@aa-ops/topology';
import { freePort, isFree } from '../../servers/index.ts';

/** Any free port; one that is taken if it is free; or one and no other. */
export type PortWish = 'any' | { prefer: number } | { must: number };

/**
 * Starts something on the port that is wished for. `last` is the one it had before, which clients may still know: it is taken again where
 * nothing else is said and it is free. Throws OpsError `port-taken` for one that must be and is not free.
 */
export async function onPort<T>(
  wish: PortWish,
  last: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  if (wish !== 'any' && 'must' in wish) {
    if (!(await isFree(wish.must))) {
      throw new OpsError('port-taken', `port ${wish.must} is taken`, {
        hint: 'name another one, or leave the choice to --ports auto',
      });
    }
    return start(wish.must);
  }
  for (const port of [last, wish === 'any' ? undefined : wish.prefer]) {
    if (port === undefined || !(await isFree(port))) continue;
    try {
      return await start(port);
    } catch (error) {
      if (await isFree(port)) throw error; // not the port's fault
    }
  }
  return start(await freePort());
}
