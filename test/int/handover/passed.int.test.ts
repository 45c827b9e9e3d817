import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JetStreamWriter, StreamConfig, StreamInfo, WindowOutcome } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('passed', {
  single: { subjects: { OLD: ['x.>'] } },
  multi: { subjects: { NEW: ['x.>'] } },
});
/** ms that it takes until a stream owns the subjects: what comes meanwhile may be captured and held. */
const OWNS_AFTER_MS = 300;
const PUBLISHERS = ['one', 'two'];
/** What the run is told of a stream once it owns the subjects. */
type Seeing = (info: StreamInfo | undefined) => StreamInfo | undefined;
const asItIs: Seeing = (info) => info;

let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology);
});
afterEach(() => run.stop());

/** The account as the run sees it: slow to own what is moved, and `seen` from then on. `neverArrives`: what was released the first time. */
const lingering = (account: JetStreamWriter, seen: Seeing, neverArrives: boolean): JetStreamWriter => {
  let isReleased = false;
  let isOwned = false;
  return Object.create(account, {
    updateStream: {
      async value(config: StreamConfig) {
        const owns = isReleased && config.subjects!.includes('x.>');
        if (owns) await delay(OWNS_AFTER_MS);
        const updated = await account.updateStream(config);
        isOwned ||= owns;
        if (isReleased || config.name !== 'OLD' || config.subjects!.includes('x.>')) return updated;
        isReleased = true;
        if (neverArrives)
          await account.updateStream({ ...(await account.stream('NEW'))!.config, sources: [] });
        return updated;
      },
    },
    stream: {
      async value(name: string) {
        const info = await account.stream(name);
        return isOwned ? seen(info) : info;
      },
    },
  }) as JetStreamWriter;
};

/** A window while publishers without ids are at work; what was let go behind it. */
async function letGoBehind(
  outcome: 'taken' | 'reverted',
  seen: Seeing,
): Promise<WindowOutcome['letGo'][number]> {
  run.environment.account = lingering(run.account, seen, outcome === 'reverted');
  const traffic = await startTraffic(
    run.settings,
    PUBLISHERS.map((name) => ({
      name,
      kind: 'pipelined',
      inFlight: 10_000,
      ratePerSecond: 200,
      msgId: false,
      subjects: [`x.${name}`],
    })),
  );
  const { json } = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  await traffic.stop();
  expect(json.result, JSON.stringify(json.error)).toBe('done'); // a window that was reverted is tried again
  const verdict = await judge(run.account, traffic.ledger, { streams: ['OLD', 'NEW'], holders: ['OLD'] });
  expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0, refused: 0 });
  const notice = run.notices.find(({ code }) => code === `window-${outcome}`);
  return (notice!.data!['letGo'] as WindowOutcome['letGo'])[0]!;
}

describe('held publishes without an id', () => {
  it('are looked for once: they are known to have passed the stream', async () => {
    const { lookedForTwice, republished } = await letGoBehind('taken', asItIs);
    expect(republished).toBeGreaterThan(50);
    expect(lookedForTwice).toBeLessThan(republished / 10); // what the connection had not heard of when the hold ended
  });

  it.each([
    ['another leader than before', { leader: 'another' }],
    ['the same leader, which was away', { leader_since: '2026-11-28T00:00:00Z' }],
  ])('are looked for twice where the stream has %s', async (_, change) => {
    const { lookedForTwice } = await letGoBehind(
      'taken',
      (info) => info && { ...info, cluster: { ...info.cluster, ...change } },
    );
    expect(lookedForTwice).toBeGreaterThan(50);
  });

  it('are looked for twice behind a revert', { timeout: 60_000 }, async () => {
    const { lookedForTwice } = await letGoBehind('reverted', asItIs);
    expect(lookedForTwice).toBeGreaterThan(50);
  });
});
