import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureBucket, type OpsError, readKey, STATE_BUCKET, writeKey } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
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

describe('a state that cannot be worked with', () => {
  let run: TestRun;
  beforeEach(async () => {
    run = await startRun(seedTopology);
    await ensureBucket(run.account, STATE_BUCKET, 1);
  });
  afterEach(() => run.stop());
  const put = (name: string, text: string): Promise<unknown> =>
    run.account.connection.request(`$KV.${STATE_BUCKET}.${seedTopology.name}.${name}`, text);

  it.each([
    ['of another version', 'state-version', { schemaVersion: 99, id: 'R' }],
    ['without what a run has', 'state-invalid', { schemaVersion: 1, id: 'R' }],
    ['cut off', 'state-unreadable', '{"schemaVersion":1,"id":"R'],
    ['that is not there', 'state-dangling', undefined],
  ])('a run document %s: %s', async (_what, code, document) => {
    await put('open', JSON.stringify({ run: 'R' }));
    if (document !== undefined)
      await put('run.R', typeof document === 'string' ? document : JSON.stringify(document));
    const writes: string[] = [];
    const account = Object.create(run.account, {
      updateStream: { value: ({ name }: { name: string }) => void writes.push(name) },
    }) as TestRun['account'];
    for (const work of [
      () => resume({ ...run.environment, account }),
      () => rollBack({ ...run.environment, account }),
      () => migrate({ ...run.environment, account }, { to: 'multi', options: OPTIONS }),
    ]) {
      const error = await work().then(
        () => undefined,
        (thrown: OpsError) => thrown,
      );
      expect(error).toMatchObject({ code, kind: 'refused' });
      expect(error!.hint).toBeTruthy();
    }
    expect(writes).toEqual([]);
  });

  it.each(['memory', 'lease', 'open'])('%s that is none', async (name) => {
    await put(name, '{"some":"thing"}');
    await expect(resume(run.environment)).rejects.toMatchObject({ code: 'state-invalid', kind: 'refused' });
  });
});
