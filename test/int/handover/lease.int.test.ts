import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JetStreamWriter, type OpsError, silentHost, type StreamConfig } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { takeLease } from '../../../cli/src/saga/lease.ts';
import { thisProcess } from '../../../cli/src/saga/processIdentity.ts';
import { type LeaseRecord, StateStore } from '../../../cli/src/saga/stateStore.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

const CONTEXT = { host: silentHost, signal: new AbortController().signal };
let run: TestRun;
beforeAll(async () => {
  run = await startRun(seedTopology);
});
afterAll(() => run.stop());

/** Leases lie under their topology's name: each test has one of its own, so that they can wait at the same time. */
const storeOf = (name: string): Promise<StateStore> =>
  StateStore.open(run.account, { name, environment: { replicas: 1 } });

const holderElsewhere = (fields: Partial<LeaseRecord> = {}): LeaseRecord => ({
  token: 'by-hand',
  operator: 'alex',
  host: 'another-host',
  pid: process.pid, // alive here, which says nothing of another host
  command: 'migrate --to multi',
  since: '2026-01-02T03:04:05.000Z',
  ...fields,
});

/** Beyond the highest pid that Linux gives. */
const DEAD_HERE = { ...thisProcess(), pid: 2 ** 22 + 1 };

const errorOf = (promise: Promise<unknown>): Promise<OpsError | undefined> =>
  promise.then(
    () => undefined,
    (error: OpsError) => error,
  );

const steal = async (store: StateStore, fields: Partial<LeaseRecord> = {}): Promise<void> => {
  for (;;) {
    const { revision } = (await store.lease())!;
    // The holder may renew in between: then the revision is another one.
    if (await store.writeLease(holderElsewhere(fields), revision).catch(() => undefined)) return;
  }
};

const lostBy = async (lease: Awaited<ReturnType<typeof takeLease>>): Promise<void> => {
  while ((await errorOf(lease.assertHeld()))?.code !== 'lease-lost') await delay(50);
};

describe('the lease', () => {
  it.concurrent('sends a second operator away, naming the first one and since when', async () => {
    const store = await storeOf('two-operators');
    const lease = await takeLease(store, 'migrate --to multi', CONTEXT);
    const error = await errorOf(takeLease(store, 'rollback', CONTEXT));
    expect(error).toMatchObject({ code: 'locked', kind: 'locked' });
    const { since } = (await store.lease())!.value!;
    expect(error!.message).toContain(`pid ${process.pid}`);
    expect(error!.message).toContain(`runs "migrate --to multi" since ${since}`);
    await lease.release();
    await (await takeLease(store, 'rollback', CONTEXT)).release();
  });

  it.concurrent(
    'of a silent holder elsewhere is taken after ten seconds of watching it; of a dead process of this host at once',
    async () => {
      const [elsewhere, here] = [await storeOf('dead-elsewhere'), await storeOf('dead-here')];
      await elsewhere.writeLease(holderElsewhere(), 0);
      await here.writeLease(holderElsewhere(DEAD_HERE), 0);
      const taken: string[] = [];
      const take = async (store: StateStore, name: string): Promise<void> => {
        const lease = await takeLease(store, 'rollback', CONTEXT);
        taken.push(name);
        await lease.release();
      };
      const begun = performance.now();
      await Promise.all([take(elsewhere, 'elsewhere'), take(here, 'here')]);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(10_000);
      expect(taken).toEqual(['here', 'elsewhere']);
    },
  );

  it.concurrent('of a machine or a container with the same name is watched like any other', async () => {
    const others = [{ boot: 'another-start' }, { pidSpace: 'pid:[1]' }, { boot: undefined }];
    const begun = performance.now();
    await Promise.all(
      others.map(async (fields, index) => {
        const store = await storeOf(`same-name-${index}`);
        await store.writeLease({ ...holderElsewhere(DEAD_HERE), ...fields } as LeaseRecord, 0);
        await (await takeLease(store, 'rollback', CONTEXT)).release();
        expect(performance.now() - begun).toBeGreaterThanOrEqual(10_000);
      }),
    );
  });

  it.concurrent('of a dead process whose number came again is taken at once', async () => {
    const store = await storeOf('same-number');
    await store.writeLease(holderElsewhere({ ...thisProcess(), begun: '1' }), 0);
    const begun = performance.now();
    await (await takeLease(store, 'rollback', CONTEXT)).release();
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it.concurrent('is not trusted by a holder whose machine slept, until it is renewed', async () => {
    const store = await storeOf('slept');
    const lease = await takeLease(store, 'migrate', CONTEXT);
    await steal(store);
    const now = Date.now;
    // What a machine's sleep looks like to a process: the running clock stood still, the one on the wall did not.
    Date.now = () => now() + 60_000;
    try {
      expect(await errorOf(lease.assertHeld())).toMatchObject({ code: 'lease-lost' });
    } finally {
      Date.now = now;
    }
    await lease.release();
  });

  it.concurrent('of a holder that renews late is not taken', async () => {
    const store = await storeOf('late');
    let revision = await store.writeLease(holderElsewhere(), 0);
    let firstLook: number | undefined;
    let renewals = 0;
    // Renewed in the observer's own looks, from when the holder is nearly dead to it: however slow the machine is, never too late.
    const observed = Object.create(store, {
      lease: {
        async value() {
          firstLook ??= performance.now();
          if (performance.now() - firstLook > 6_000) {
            revision = await store.writeLease(holderElsewhere(), revision);
            renewals += 1;
          }
          return store.lease();
        },
      },
    }) as StateStore;
    expect(await errorOf(takeLease(observed, 'rollback', CONTEXT))).toMatchObject({ code: 'locked' });
    expect(renewals).toBeGreaterThan(0);
    expect((await store.lease())!.value).toMatchObject({ token: 'by-hand' });
  });

  it.concurrent('goes to one of two that wait for the same dead holder', async () => {
    const store = await storeOf('race');
    await store.writeLease(holderElsewhere(DEAD_HERE), 0);
    const both = await Promise.allSettled([
      takeLease(store, 'one', CONTEXT),
      takeLease(store, 'other', CONTEXT),
    ]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'locked' } });
    for (const one of both) if (one.status === 'fulfilled') await one.value.release();
  });

  it.concurrent('survives a renewal of its own whose answer went missing', async () => {
    const store = await storeOf('unheard');
    const lease = await takeLease(store, 'migrate', CONTEXT);
    const { value, revision } = (await store.lease())!;
    const unheard = await store.writeLease(value, revision);
    while ((await store.lease())!.revision === unheard) await delay(50);
    await lease.assertHeld();
    await lease.release();
    expect((await store.lease())!.value).toBeNull();
  });

  it.concurrent('is not given back by a holder that lost it', async () => {
    const store = await storeOf('thief');
    const lease = await takeLease(store, 'migrate', CONTEXT);
    await steal(store);
    await lostBy(lease);
    await lease.release();
    expect((await store.lease())!.value).toMatchObject({ token: 'by-hand' });
  });

  it.concurrent(
    'of a run that lost it: it stops before its next effect, and whoever took it goes on',
    async () => {
      const { account, environment } = run;
      const store = await storeOf(seedTopology.name);
      const written: string[] = [];
      let stolen = false;
      let look = (): void => {};
      const looked = new Promise<void>((resolve) => (look = resolve));
      run.environment.account = Object.create(account, {
        updateStream: {
          async value(config: StreamConfig) {
            written.push(config.name);
            const info = await account.updateStream(config);
            if (written.length === 1) {
              await steal(store, DEAD_HERE);
              stolen = true;
              await looked;
              await nextTurn(); // it knows what it has read
            }
            return info;
          },
        },
        // The next renewal is refused, and the holder reads who has the lease.
        message: {
          async value(stream: string, query: { lastBySubject?: string }) {
            const found = await account.message(stream, query as never);
            if (stolen && query.lastBySubject?.endsWith('.lease')) look();
            return found;
          },
        },
      }) as JetStreamWriter;
      const error = await errorOf(migrate(environment, { to: 'multi', options: OPTIONS }));
      expect(error).toMatchObject({ code: 'lease-lost', kind: 'partial' });
      expect(written).toHaveLength(1);
      expect((await store.lease())!.value).toMatchObject({ token: 'by-hand' });
      run.environment.account = account;
      expect(await resume(environment)).toMatchObject({ exitCode: 0, json: { result: 'done', to: 'multi' } });
      expect(await rollBack(environment)).toMatchObject({ exitCode: 0, json: { to: 'single' } });
    },
  );
});
