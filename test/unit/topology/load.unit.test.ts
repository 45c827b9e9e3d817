import { join } from 'node:path';
import type { OpsError } from '@aa-ops/topology';
import { checkTopology, desiredIn, loadTopology } from '@aa-ops/topology';
import { describe, expect, it } from 'vitest';
import { brief, checkText, loadText, withFiles } from './checkText.ts';
import { contractFile, small } from './examples.ts';

const athleteAlly = 'topology';
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it was loaded'),
    (error: unknown) => error as OpsError,
  );

describe('loadTopology', () => {
  it('reads the file of the contract, which is the one we ship but for descriptions and how much a pod may hold', async () => {
    const plain = (value: unknown) =>
      JSON.parse(
        JSON.stringify(value, (key, one: unknown) =>
          ['description', 'source', 'max_ack_pending'].includes(key) ? undefined : one,
        ),
      ) as object;
    for (const environment of ['local', 'staging', 'production'])
      expect(plain(await loadTopology(athleteAlly, environment))).toEqual(
        plain(await loadText(contractFile, environment)),
      );
  });

  it('gives each environment what differs', async () => {
    const production = await loadText(contractFile, 'production');
    expect(production.environment).toEqual({
      name: 'production',
      servers: ['nats://nats.production:4222'],
      platform: 'kubernetes',
      kubeContext: 'production',
      namespace: 'production',
      replicas: 3,
      initialMode: 'single',
      databaseUrlFrom: 'DATABASE_URL',
      protected: true,
    });
    const [legacy] = desiredIn(production, 'single').streams;
    expect(legacy).toMatchObject({ fields: { num_replicas: 3, max_age: 604_800e9, compression: 's2' } });
    expect(desiredIn(production, 'single').consumers[0]?.fields.ack_wait).toBe(30e9);
    expect(desiredIn(production, 'multi').consumers[0]?.fields.ack_wait).toBe(60e9);
    expect((await loadText(contractFile, 'local')).environment).toMatchObject({
      replicas: 1,
      protected: false,
    });
  });

  it('overrides by name: the environment wins over the mode, the mode over the consumer', async () => {
    const text = contractFile.replace(
      'platform: local,',
      `platform: local, streams: { AA_DLQ: { maxAge: 3d } }, consumers: { normalize-hrv-durable: { ackWait: 5s } },
        workloads: { ingest-service: { port: 9 } }, thresholds: { fallback: 1m },`,
    );
    const local = await loadText(text, 'local');
    expect(local.streams['AA_DLQ']).toMatchObject({ max_age: 259_200e9, duplicate_window: 3600e9 });
    for (const mode of ['single', 'multi'])
      expect(desiredIn(local, mode).consumers[0]?.fields).toMatchObject({ ack_wait: 5e9, max_deliver: 5 });
    expect(local.workloads.map(({ port }) => port)).toEqual([4102, 9]);
    expect(local.thresholds).toEqual({
      deadLettersPerMinute: 10,
      databaseSilenceMs: 120_000,
      fallbackMs: 60_000,
      mixedStreamsMs: 600_000,
    });
    expect((await loadText(text, 'staging')).workloads.map(({ port }) => port)).toEqual([4102, 4101]);
  });

  it('has defaults where the file says nothing', async () => {
    const { workloads, thresholds, configMap, environment } = await loadText(small, 'here');
    expect({ workloads, configMap }).toEqual({ workloads: [], configMap: undefined });
    expect(thresholds).toEqual({
      deadLettersPerMinute: 10,
      databaseSilenceMs: 120_000,
      fallbackMs: 300_000,
      mixedStreamsMs: 600_000,
    });
    expect(environment).toEqual({
      name: 'here',
      servers: ['nats://127.0.0.1:4222'],
      platform: 'none',
      replicas: 1,
      initialMode: 'one',
      protected: false,
    });
  });

  it('asks for an environment by the names there are', async () => {
    expect(await failure(loadTopology(athleteAlly, undefined))).toMatchObject({
      code: 'environment-missing',
      kind: 'usage',
      hint: 'add --env NAME or set AA_OPS_ENV: one of local, staging, production',
    });
    expect(await failure(loadTopology(athleteAlly, 'stagin'))).toMatchObject({
      code: 'environment-unknown',
      kind: 'usage',
      message: 'there is no environment stagin in topology',
      hint: 'did you mean --env staging? there are local, staging, production',
      details: { environments: ['local', 'staging', 'production'] },
    });
    expect(await failure(loadTopology(athleteAlly, 'constructor'))).toMatchObject({
      code: 'environment-unknown',
    });
  });

  it('throws every problem, with the first in the message', async () => {
    const error = await failure(
      loadText(small.replace('7d', '7 days').replace('initialMode: two', 'initialMode: tow'), 'here'),
    );
    expect(error).toMatchObject({ code: 'topology-invalid', kind: 'usage' });
    expect(error.message).toMatch(
      /t\.yaml:4:18: streams\.ALL\.maxAge is "7 days", not a duration or unlimited \(and 1 more\)$/,
    );
    expect(error.details?.['problems']).toHaveLength(2);
  });
});

describe('a folder of files', () => {
  const [head = '', modes = ''] = small.split('modes:\n');
  const [first = '', second = ''] = modes.split('  two:\n');
  const [two = '', environments = ''] = second.split('environments:\n');

  it('is what they are together', async () => {
    const files = {
      'a.yaml': head,
      'b.yml': `version: 1\nname: shop\nmodes:\n${first}`,
      'c.yaml': `modes:\n  two:\n${two}`,
      'd.yaml': `environments:\n${environments}`,
      'README.md': 'not: [yaml',
      'package.json': '{}',
    };
    const together = await withFiles(files, (folder) => loadTopology(folder, 'there'));
    expect({ ...together, source: '' }).toEqual({ ...(await loadText(small, 'there')), source: '' });
  });

  it('keeps places, and names both where something stands twice', async () => {
    await withFiles(
      { 'a.yaml': small, 'b.yaml': 'name: other\nstreams:\n  EXTRA: { maxAge: 1x }\n  ALL: {}\n' },
      async (folder) => {
        const { problems } = await checkTopology(folder);
        expect(
          problems.map(
            ({ file, line, column, message }) =>
              `${file.slice(folder.length + 1)}:${line}:${column} ${message}`,
          ),
        ).toEqual([
          `b.yaml:1:7 name stands twice: the first is at ${join(folder, 'a.yaml')}:2:7`,
          'b.yaml:3:3 stream EXTRA hears nothing in any mode',
          'b.yaml:3:20 streams.EXTRA.maxAge is "1x", not a duration or unlimited',
          `b.yaml:4:3 streams.ALL stands twice: the first is at ${join(folder, 'a.yaml')}:4:3`,
        ]);
      },
    );
  });
});

describe('YAML', () => {
  it('may use anchors, merges and x- keys', async () => {
    const text = small
      .replace('streams:', 'x-hot: &hot { maxAge: 2d, storage: file }\nstreams:')
      .replace('ORDERS: { maxAge: 2d }', 'ORDERS: { <<: *hot, storage: memory }');
    expect((await loadText(text, 'here')).streams['ORDERS']).toEqual({
      max_age: 172_800e9,
      storage: 'memory',
    });
  });

  it('reports shape and rules at once, each at its place', async () => {
    const text = `version: 2
name: shop
streams:
  A: { storage: flie, max_age: 7d, maxBytes: 10GB, denyDelete: "yes", replicas: 7 }
  B: { maxMsgs: -2, replicas: 0, metadata: { a: 1 } }
  C:
consumers:
  c: { ackWait: 30, filterSubject: a.b }
modes:
  m: { subjects: { A: [a.>], B: [a.b, 5] }, consumers: { c: {} } }
environments:
  e: { servers: nats://x, protected: 1 }
extra: {}
`;
    const checked = await checkText(text);
    expect(checked.environments).toEqual(['e']);
    expect(brief(checked)).toEqual([
      '1:10 wrong-value',
      '4:17 wrong-value',
      '4:23 unknown-key',
      '4:46 bad-size',
      '4:64 wrong-type',
      '4:81 replicas',
      '5:17 wrong-type',
      '5:31 wrong-type',
      '5:49 wrong-type',
      '6:5 wrong-type',
      '8:17 bad-duration',
      '8:21 unknown-key',
      '10:39 wrong-type',
      '10:58 missing-key',
      '12:17 wrong-type',
      '12:38 wrong-type',
      '13:1 unknown-key',
    ]);
    expect(checked.problems.map(({ message, fix }) => `${message} -> ${fix}`)).toEqual([
      'version is 2, not a version that this aa-ops reads -> write version: 1',
      'streams.A.storage is "flie", not file or memory -> write file',
      'streams.A.max_age is unknown: did you mean maxAge? -> write maxAge',
      'streams.A.maxBytes is "10GB", not a size -> write 10GiB',
      'streams.A.denyDelete is "yes", not true or false -> write true',
      'stream A has 7 replicas, more than 5 -> write 1, 3 or 5',
      'streams.B.maxMsgs is -2, not a whole number or unlimited -> write a whole number, or unlimited',
      'streams.B.replicas is 0, not a whole number -> write a whole number of at least 1',
      'streams.B.metadata.a is 1, not a text -> write "1", in quotes',
      'streams.C is empty, not a map of names to values -> write `name: value` lines below it, or {}',
      'consumers.c.ackWait is 30, not a duration -> add a unit: 30s, 30m, 30h or 30d',
      'consumers.c.filterSubject is unknown: did you mean filterSubjects? -> write filterSubjects: [subject]',
      'modes.m.subjects.B[1] is 5, not a text -> write "5", in quotes',
      'modes.m.consumers.c has no stream -> add stream: …',
      'environments.e.servers is "nats://x", not a list -> write a list: ["nats://x"]',
      'environments.e.protected is 1, not true or false -> write true',
      'extra is unknown -> choose one of version, name, streams, consumers, modes, workloads, configMap, thresholds, environments',
    ]);
  });
});
