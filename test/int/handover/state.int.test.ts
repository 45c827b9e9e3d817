import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBucket, readKey, STATE_BUCKET, writeKey } from '@aa-ops/topology';
import { startRun, type TestRun } from '../../support/runs.ts';
import { fetchNatsServer } from '../../support/servers.ts';
import { seedTopology } from '../../support/topologies.ts';

describe.each([undefined, '2.10.26'])('a conditional write (server %s)', (version) => {
  let run: TestRun;
  beforeAll(async () => {
    const binary = version && (await fetchNatsServer(version)).path;
    run = await startRun(seedTopology, binary ? { binary } : {});
    await ensureBucket(run.account, STATE_BUCKET, 1);
  });
  afterAll(() => run.stop());
  const write = (value: string, expected: number): Promise<number> =>
    writeKey(run.account, STATE_BUCKET, 'some.key', value, expected);

  it('is done once for each revision', async () => {
    const first = await write('a', 0);
    await expect(write('b', 0)).rejects.toMatchObject({ code: 'state-conflict' });
    const both = await Promise.allSettled([write('c', first), write('d', first)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(write('e', first)).rejects.toMatchObject({ code: 'state-conflict', kind: 'locked' });
    expect(['c', 'd']).toContain((await readKey<string>(run.account, STATE_BUCKET, 'some.key'))!.value);
  });
});
