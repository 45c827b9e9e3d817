import { makePlan, publishMessage } from '@aa-ops/topology';
import { afterEach, expect, it } from 'vitest';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

const DURABLE = 'normalize-hrv-durable';
let run: TestRun;
afterEach(() => run?.stop());

it('a durable that was deleted after a migration comes back by the way that the plan names, with what it had not worked', async () => {
  run = await startRun(seedTopology);
  const { account, environment } = run;
  const publish = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++)
      await publishMessage(account.connection, 'athlete-ally.hrv.raw-received', new Uint8Array(), {
        headers: [],
        timeoutMs: 5_000,
      });
  };
  await publish(2);
  await migrate(environment, { to: 'multi', options: OPTIONS });
  await publish(3);
  await account.deleteConsumer('AA_CORE_HOT', DURABLE);

  const plan = await makePlan(account, seedTopology);
  expect(plan.changes.find(({ name }) => name === DURABLE)).toMatchObject({
    action: 'handover',
    hint: 'aa-ops rollback, then aa-ops migrate --to multi: only a way back knows where it has to go on',
  });
  // The other way, which is the right one only where subjects have still to move.
  expect(await migrate(environment, { to: 'multi', options: OPTIONS })).toMatchObject({
    json: { result: 'unchanged' },
  });

  expect(await rollBack(environment)).toMatchObject({ exitCode: 0 });
  expect((await account.consumer('ATHLETE_ALLY_EVENTS', DURABLE))!.num_pending).toBe(5);
  expect(await migrate(environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
  expect((await account.consumer('AA_CORE_HOT', DURABLE))!.num_pending).toBe(5);
});
