import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JetStreamWriter, OpsError, type StreamConfig } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

let run: TestRun;
beforeEach(async () => {
  run = await startRun(seedTopology);
});
afterEach(() => run.stop());

describe('a run whose server is gone for good', () => {
  it(
    'ends with exit 4 and says how it goes on, although nothing can be stored',
    { timeout: 120_000 },
    async () => {
      let isGone = false;
      const away = (): never => {
        throw new OpsError('server-away', 'nobody answers any more');
      };
      const account = Object.create(run.account, {
        updateStream: {
          value: async (config: StreamConfig) => {
            isGone ||= config.subjects?.some((subject) => subject.includes('.barrier.')) === false;
            return isGone ? away() : run.account.updateStream(config);
          },
        },
        message: {
          value: async (...args: Parameters<JetStreamWriter['message']>) =>
            isGone ? away() : run.account.message(...args),
        },
        connection: {
          value: Object.create(run.account.connection, {
            request: {
              value: async (...args: Parameters<JetStreamWriter['connection']['request']>) =>
                isGone && args[0].startsWith('$KV.') ? away() : run.account.connection.request(...args),
            },
          }) as JetStreamWriter['connection'],
        },
      }) as JetStreamWriter;
      const ended = await migrate({ ...run.environment, account }, { to: 'multi', options: OPTIONS }).then(
        ({ exitCode, error }) => ({ exitCode, error }),
        (error: OpsError) => ({ exitCode: error.kind === 'partial' ? 4 : 1, error }),
      );
      expect(ended.exitCode, ended.error?.message).toBe(4);
      expect(ended.error!.hint).toMatch(/aa-ops (migrate --resume|rollback)/);
      isGone = false;
      expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
    },
  );
});

describe('an account between two modes without an open run', () => {
  it('is no account with nothing to do: what has to be given back by hand is said', async () => {
    const { config } = (await run.account.stream('ATHLETE_ALLY_EVENTS'))!;
    const [first, ...rest] = config.subjects;
    await run.account.updateStream({ ...config, subjects: rest });
    const { config: target } = (await run.account.stream('AA_VENDOR_HOT'))!;
    await run.account.updateStream({ ...target, subjects: [first!] });
    for (const work of [
      () => resume(run.environment),
      () => rollBack(run.environment),
      () => migrate(run.environment, { to: 'single', options: OPTIONS }),
    ]) {
      const error = await work().then(
        () => undefined,
        (thrown: OpsError) => thrown,
      );
      expect(error).toMatchObject({ code: 'mode-mixed', kind: 'refused' });
      const lines = error!.hint!.split('\n');
      const take = lines.indexOf(`take ${first} from AA_VENDOR_HOT`);
      expect(take, error!.hint).toBeGreaterThan(0);
      expect(lines.indexOf(`give ${first} to ATHLETE_ALLY_EVENTS`)).toBeGreaterThan(take);
    }
  });
});
