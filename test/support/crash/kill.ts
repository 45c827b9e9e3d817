import { type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamWriter } from '@aa-ops/topology';
import type { Random } from '../random.ts';

/**
 * When a run is killed. `entry`: right behind its n-th journal entry · `instant`: so many ms after it has begun a step ·
 * `window`: so many ms after a subject has lost its owner, where there is the most to lose.
 */
export type KillPlan =
  | { at: 'entry'; entry: number }
  | { at: 'instant'; step: string; afterMs: number }
  | { at: 'window'; afterMs: number };

/** Steps that take time; one that lasts a moment is met by the instants of those around it. */
const STEPS = ['preflight', 'plan', 'expand', 'consumers', 'checks', 'handover', 'verify'];
/** ms: a step of the tests' topology takes up to so long, some of them less. */
const INSTANT_MS = 250;
/** ms: windows take some 3, letting go and settling some 100. */
const WINDOW_MS = [0, 0, 2, 10, 40, 150] as const;

export function planKill(random: Random, entry: number): KillPlan {
  const share = random.next();
  if (share < 0.3) return { at: 'entry', entry };
  if (share < 0.6)
    return {
      at: 'instant',
      step: random.pick(STEPS),
      afterMs: random.next() * random.pick([20, INSTANT_MS]),
    };
  return { at: 'window', afterMs: random.next() * random.pick(WINDOW_MS) };
}

export const describeKill = (plan: KillPlan): string =>
  plan.at === 'entry'
    ? `behind entry ${plan.entry}`
    : `${plan.afterMs.toFixed(1)} ms into ${plan.at === 'window' ? 'the window' : plan.step}`;

/** Sends SIGKILL as planned, to the run's guardian first where that is to die as well. To be told each line of progress. */
export function killAsPlanned(
  plan: KillPlan,
  { account, subject, guardianToo }: { account: JetStreamWriter; subject: string; guardianToo: boolean },
): { onProgress(line: string, child: ChildProcess): void; guardians(): number } {
  let begun = false;
  let guardians = 0;
  const kill = (child: ChildProcess): void => {
    if (guardianToo) {
      for (const pid of childrenOf(child.pid!)) {
        guardians += 1;
        process.kill(pid, 'SIGKILL');
      }
    }
    child.kill('SIGKILL');
  };
  const step = plan.at === 'instant' ? plan.step : plan.at === 'window' ? 'handover' : undefined;
  return {
    guardians: () => guardians,
    onProgress(line, child) {
      if (begun || step === undefined || !line.includes('step-started') || !line.includes(`"${step}"`))
        return;
      begun = true;
      void (async () => {
        if (plan.at === 'window') {
          while (child.exitCode === null && (await hasOwner(account, subject)));
        }
        const { afterMs } = plan as { afterMs: number };
        const until = performance.now() + afterMs;
        if (afterMs > 2) await delay(afterMs - 1);
        while (performance.now() < until) await delay(0);
        if (child.exitCode === null) kill(child);
      })();
    },
  };
}

export async function hasOwner(account: JetStreamWriter, subject: string): Promise<boolean> {
  const { streams } = await account.api<{ streams: string[] | null }>('STREAM.NAMES', { subject });
  return (streams?.length ?? 0) > 0;
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it has just ended
  }
}
