import { type EffectJournal, messageOf } from '@aa-ops/topology';
import type { Lease } from './lease.ts';
import type { StateStore } from './stateStore.ts';

/**
 * Writes `started` before and `done` or `failed` after each effect, and checks the lease in between. What an entry says
 * was about to happen may or may not have happened: the live account tells.
 */
export async function openJournal(store: StateStore, run: string, lease: Lease): Promise<EffectJournal> {
  let n = (await store.journal(run)).at(-1)?.n ?? 0;
  const append = async (
    effect: string,
    phase: 'started' | 'done' | 'failed',
    data: unknown,
  ): Promise<void> => {
    const at = new Date().toISOString();
    for (;;) {
      n += 1;
      if (await store.appendEntry(run, { n, at, effect, phase, data })) break;
      await lease.confirm(); // somebody was here before us who no longer is, or has taken over
    }
  };
  return {
    async effect(name, data, work) {
      await append(name, 'started', data);
      await lease.assertHeld();
      try {
        const result = await work();
        await append(name, 'done', null);
        return result;
      } catch (error) {
        await append(name, 'failed', { message: messageOf(error) }).catch(() => {}); // the first error is the one to tell
        throw error;
      }
    },
  };
}
