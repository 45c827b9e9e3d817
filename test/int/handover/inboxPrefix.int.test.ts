import { afterEach, expect, it } from 'vitest';
import { isClean } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf, withStream } from '../../support/topologies.ts';

// Credentials that may hear their own answers only, as least privilege has it: every answer that a run waits for comes below that prefix.

const CONFIG = `
jetstream: {}
authorization: { users: [{ user: a, password: a, permissions: { publish: ">", subscribe: { deny: ["_INBOX.>"] } } }] }
`;
const plain = topologyOf('prefix', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});
const queues = ['OLD', 'NEW'].reduce((all, name) => withStream(all, name, { retention: 'workqueue' }), plain);

let run: TestRun;
afterEach(() => run.stop());

it.each([
  ['streams', plain],
  ['work queues', queues],
])('%s are handed over, there and back, by who hears no other inbox', async (_what, topology) => {
  run = await startRun(topology, {
    config: CONFIG,
    settings: { user: 'a', password: 'a', inboxPrefix: '_MINE' },
  });
  const { connection } = run.account;
  const refused: unknown[] = [];
  void (async () => {
    for await (const { type, data } of connection.status()) if (type === 'error') refused.push(data);
  })();
  for (let n = 0; n < 50; n++) await connection.request('x.a', `${n}`);
  const forward = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  expect(forward, JSON.stringify(forward.error)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  const back = await rollBack(run.environment);
  expect(back, JSON.stringify(back.error)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  expect(forward.json.handovers).toMatchObject([{ copied: 50 }]);
  for (const { json } of [forward, back])
    for (const { proof } of json.handovers) expect(isClean(proof!)).toBe(true);
  expect(refused).toEqual([]);
});
