import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyPlan,
  type JetStreamWriter,
  makePlan,
  openWriter,
  pending,
  silentHost,
} from '../../../topology/src/index.ts';
import { type NatsCluster, startNatsCluster } from '../../support/servers.ts';
import { athleteAlly } from '../../unit/plan/fixtures.ts';

let cluster: NatsCluster;
let account: JetStreamWriter;
beforeAll(async () => {
  cluster = await startNatsCluster(3);
  account = await openWriter({ servers: cluster.urls, timeoutMs: 10_000 });
});
afterAll(async () => {
  await account?.close();
  await cluster?.stop();
});

describe('a cluster', () => {
  it('gets replicas, and then more of them in place', async () => {
    const base = athleteAlly();
    const withReplicas = (replicas: number) =>
      athleteAlly({ environment: { ...base.environment, replicas } });
    const apply = async (replicas: number) =>
      applyPlan(account, await makePlan(account, withReplicas(replicas)), {
        allowDestructive: false,
        host: silentHost,
      });
    await apply(1);
    expect(pending(await makePlan(account, withReplicas(1)))).toEqual([]);
    const changes = pending(await makePlan(account, withReplicas(3)));
    expect(changes.map(({ kind, class: severity, fields }) => [kind, severity, fields])).toEqual(
      Array.from({ length: 4 }, () => ['stream', 'safe', [{ path: 'replicas', before: 1, after: 3 }]]),
    );
    await apply(3);
    expect(pending(await makePlan(account, withReplicas(3)))).toEqual([]);
    const fewer = pending(await makePlan(account, withReplicas(1)));
    expect(new Set(fewer.map((change) => change.class))).toEqual(new Set(['disruptive']));
  });
});
