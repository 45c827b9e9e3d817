import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepEverything, makePlan, RETENTION_KEY, silentHost, standInOf } from '@aa-ops/topology';
import { replace } from '../../../cli/src/runbook/replace/replace.ts';
import { startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf, withStream } from '../../support/topologies.ts';

// A stream of interest that owns nothing: one that an earlier run left behind, with its copies kept for a later one, or one whose run is over.

const topology = ['OLD', 'NEW'].reduce(
  (all, stream) => withStream(all, stream, { retention: 'interest' }),
  topologyOf('kept', {
    single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
    multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
  }),
);
let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology);
});
afterEach(() => run.stop());

const keep = (): Promise<void> =>
  keepEverything(
    {
      account: run.account,
      host: silentHost,
      journal: { effect: (_name, _data, work) => work() },
      signal: new AbortController().signal,
    },
    'NEW',
  );

/** As `apply --replace` does it, to memory. */
async function remake(): Promise<void> {
  const wanted = withStream(topology, 'NEW', { storage: 'memory' });
  const { changes } = await makePlan(run.account, wanted);
  const change = changes.find(({ action }) => action === 'replace') as Parameters<typeof replace>[1];
  const outcome = await replace({ ...run.environment, topology: wanted }, change);
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  expect(await run.account.stream(standInOf('NEW'))).toBeUndefined();
}

const configNow = async () => (await run.account.stream('NEW'))!.config;

it('drops what nobody wants once it is made anew, as before', async () => {
  await remake();
  expect(await configNow()).toMatchObject({ storage: 'memory', retention: 'interest' });
  expect((await configNow()).metadata).not.toHaveProperty([RETENTION_KEY]);
});

it('goes on keeping everything where it was kept for a later run', async () => {
  await keep();
  await run.change('NEW', { subjects: ['kept.a'] });
  for (let n = 1; n <= 5; n++) await run.account.connection.request('kept.a', `${n}`);
  await run.change('NEW', { subjects: ['_aa-ops.closed.NEW'] });
  await remake();
  expect(await configNow()).toMatchObject({
    storage: 'memory',
    retention: 'limits',
    metadata: { [RETENTION_KEY]: 'interest' },
  });
  expect((await run.account.stream('NEW'))!.state.messages).toBe(5);
});
