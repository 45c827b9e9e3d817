import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CheckResult, runChecks, verifyChecks } from '../../../cli/src/checks/index.ts';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('strays', {
  single: { subjects: { OLD: ['x.>'] } },
  multi: { subjects: { NEW: ['x.a.>'], OLD: ['x.b.>'] } },
});

let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology);
});
afterEach(() => run.stop());

const publish = (subject: string): Promise<unknown> =>
  run.account.connection.request(subject, 'text', { timeout: 2_000 });

const look = async (mode: string): Promise<CheckResult> => {
  const results = await runChecks(verifyChecks, {
    ...run.environment,
    mode,
    ownedIn: mode,
    timeoutMs: 1_000,
  });
  return results.find(({ id }) => id === 'stray-messages')!;
};

/** OLD hears `x.a.>` again for a moment, as after a change by hand. */
async function publishToOld(count: number): Promise<void> {
  await run.change('NEW', { subjects: ['elsewhere'] });
  await run.change('OLD', { subjects: ['x.>'] });
  for (let index = 0; index < count; index += 1) await publish('x.a.1');
  await run.change('OLD', { subjects: ['x.b.>'] });
  await run.change('NEW', { subjects: ['x.a.>'] });
}

const goThere = async (): Promise<void> => {
  await publish('x.a.1');
  expect((await migrate(run.environment, { to: 'multi', options: OPTIONS })).json.result).toBe('done');
};

it('says nothing where nothing was handed over, or all that came since is of the owner', async () => {
  expect(await look('single')).toMatchObject({ level: 'green', evidence: 'nothing was handed over so far' });
  await goThere();
  await publish('x.a.1');
  await publish('x.b.1');
  expect(await look('multi')).toMatchObject({ level: 'green', evidence: 'none behind the last handovers' });
});

it('tells what a stream has taken of subjects that are no longer its own, until they are again', async () => {
  await goThere();
  await publish('x.b.1');
  await publishToOld(1);
  const { last_seq } = (await run.account.stream('OLD'))!.state;
  const found = await look('multi');
  expect(found).toMatchObject({ level: 'yellow' });
  expect(found.evidence).toContain(
    `OLD holds 1 message (${last_seq}) from after it handed the subjects to NEW`,
  );
  expect(found.next).toContain(`nats stream get OLD ${last_seq}`);
  expect((await rollBack(run.environment, { options: OPTIONS })).json.result).toBe('done');
  expect(await look('single')).toMatchObject({ level: 'green', evidence: 'none behind the last handovers' });
});

it('looks at a hundred, and says that there may be more', async () => {
  await goThere();
  await publishToOld(101);
  expect((await look('multi')).evidence).toMatch(/^OLD holds at least 100 messages \((\d+, ){5}…\)/);
});

it('what the stream copies from elsewhere is not told', async () => {
  await goThere();
  await run.account.createStream({ name: 'ELSEWHERE', subjects: ['others'] });
  const rewritten = [{ src: 'others', dest: 'x.a.others' }];
  await run.change('OLD', { sources: [{ name: 'ELSEWHERE', subject_transforms: rewritten }] });
  await publish('others');
  await expect.poll(() => run.account.message('OLD', { lastBySubject: 'x.a.others' })).toBeDefined();
  expect(await look('multi')).toMatchObject({ level: 'green' });
});
