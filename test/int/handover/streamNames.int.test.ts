import { afterEach, expect, it } from 'vitest';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

let run: TestRun;
afterEach(() => run.stop());

it('a stream whose name has a colon, as those of other accounts have in what a source notes, is handed over and back', async () => {
  run = await startRun(
    topologyOf('colon', {
      single: { subjects: { 'A:OLD': ['x.>'] }, consumers: { w: { stream: 'A:OLD', filters: ['x.>'] } } },
      multi: { subjects: { 'A:NEW': ['x.>'] }, consumers: { w: { stream: 'A:NEW', filters: ['x.>'] } } },
    }),
  );
  const { account, environment } = run;
  const impatient = { ...environment, timeouts: { ...environment.timeouts, catchUpMs: 5_000 } };
  for (let n = 0; n < 5; n++) await account.connection.request('x.a', `${n}`);
  expect(await migrate(impatient, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
  await account.connection.request('x.a', '5');
  expect(await rollBack(impatient)).toMatchObject({ exitCode: 0 });
  expect(await account.subjectCounts('A:OLD', 'x.>')).toEqual(new Map([['x.a', 6]]));
});
