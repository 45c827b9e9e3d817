import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openBus, TOPOLOGY_FILE } from '../../../infra/src/bus.ts';
import { readStackConfig } from '../../../infra/src/stackConfig.ts';
import { named, registered, stackOf } from '../../support/pulumi/registered.ts';
import { makeTempDir } from '../../support/servers.ts';

// What a stack can get wrong ends `pulumi preview` before anything is registered, each by its path and all at once.

/** A stack as its file has it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Raw = any;

/** What is said of a stack with one change. */
async function saidOf(change: (stack: Raw) => void, name = 'staging'): Promise<string> {
  const stack: object = structuredClone(await stackOf(name));
  change(stack);
  try {
    await openBus(readStackConfig(stack));
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('tells each wrong field of a stack by its path', async () => {
  const stack = await stackOf('staging');
  const wrong = {
    ...stack,
    images: { runtime: '' },
    workloads: { 'ingest-service': { replicas: 'two' } },
    colour: 1,
  };
  expect(() => readStackConfig(wrong)).toThrow(
    /aa-ops:stack\.images\.runtime: .*\n.*aa-ops:stack\.images\.cli: /s,
  );
  expect(() => readStackConfig(wrong)).toThrow(/aa-ops:stack\.workloads\.ingest-service\.replicas: .*number/);
  expect(() => readStackConfig(wrong)).toThrow(/colour/);
});

describe('refuses', () => {
  test('a single replica', async () => {
    expect(await saidOf((it) => (it.workloads['ingest-service'].replicas = 1))).toMatch(
      /^ {2}aa-ops:stack\.workloads\.ingest-service\.replicas: must be 2 or more/m,
    );
  });

  test.each([
    'ghcr.io/a/b',
    'registry:5000/a/b',
    'a/b@sha256:12',
    'a/b:',
    'a/b:latest',
    'registry:5000/a/b:latest',
  ])('the image %s, of either kind', async (image) => {
    for (const kind of ['runtime', 'cli'])
      expect(await saidOf((it) => (it.images[kind] = image))).toMatch(
        new RegExp(`^ {2}aa-ops:stack\\.images\\.${kind}: .*version`, 'm'),
      );
  });

  test('a workload without requests.cpu or limits.memory', async () => {
    const { resources } = (await stackOf('staging')).workloads['ingest-service']!;
    expect(
      await saidOf(({ workloads }) => delete workloads['ingest-service'].resources.requests.cpu),
    ).toMatch(/workloads\.ingest-service\.resources\.requests\.cpu: /);
    expect(
      await saidOf(({ workloads }) => delete workloads['ingest-service'].resources.limits.memory),
    ).toMatch(/workloads\.ingest-service\.resources\.limits\.memory: /);
    expect(resources.requests.memory, 'which may be left out').toBeDefined();
    expect(
      await saidOf(({ workloads }) => delete workloads['ingest-service'].resources.requests.memory),
    ).toBe('');
  });

  test('what is no address range', async () => {
    expect(await saidOf((it) => (it.network.apiServerFrom = ['10.0.0.1/28', '10.0.0.1']))).toMatch(
      /^[^\n]*\n {2}aa-ops:stack\.network\.apiServerFrom\.1: is no address range[^\n]*$/,
    );
  });

  test('credentials in the collector’s URL, which would stand in the state', async () => {
    const otlpEndpoint = 'https://somebody:pa55@collector:4318';
    const said = await saidOf((it) => (it.telemetry = { otlpEndpoint }));
    expect(said).toMatch(/telemetry\.otlpEndpoint: carries credentials/);
    expect(said).not.toContain('pa55');
  });

  test.each(['grpc://collector:4317', 'collector:4318', 'ftp://collector'])(
    'the collector’s URL %s, with which no pod would start',
    async (otlpEndpoint) => {
      expect(await saidOf((it) => (it.telemetry = { otlpEndpoint }))).toMatch(
        /^ {2}aa-ops:stack\.telemetry\.otlpEndpoint: .*such as http:\/\/collector:4318$/m,
      );
    },
  );

  test.each([0, 65_536, 5432.5])('the port %d of the database', async (databasePort) => {
    expect(await saidOf((it) => (it.network = { databasePort }))).toMatch(/network\.databasePort: /);
  });
});

test.each(['http://collector:4318', 'https://collector.example/otlp'])(
  'takes the collector’s URL %s',
  async (otlpEndpoint) => {
    expect(await saidOf((it) => (it.telemetry = { otlpEndpoint }))).toBe('');
  },
);

test.each([
  'a/b:0.1.0',
  'registry:5000/a/b:v1_2-rc.3',
  `a/b@sha256:${'0'.repeat(64)}`,
  `a/b:latest@sha256:${'0'.repeat(64)}`,
])('takes the image %s', async (image) => {
  expect(await saidOf((it) => (it.images.runtime = image))).toBe('');
});

describe('workloads.NAME.env', () => {
  const withEnv = (name: string, value = 'x') =>
    saidOf((it) => (it.workloads['ingest-service'].env = { [name]: value }));
  const at = (name: string, what: string) =>
    new RegExp(`^ {2}aa-ops:stack\\.workloads\\.ingest-service\\.env\\.${name}: .*${what}`, 'm');

  test('takes what the runtime reads beside that', async () => {
    expect(await withEnv('LOG_FORMAT', 'json')).toBe('');
    expect(await withEnv('EVENT_STREAM_CANDIDATES', 'A, B')).toBe('');
  });

  test('may not repeat a variable that the program sets, whichever it is', async () => {
    const stack = await stackOf('production');
    const own = { OURA_CLIENT_ID: 'app', OURA_REDIRECT_URI: 'https://a.example/' };
    const everything = {
      ...stack,
      workloads: {
        ...stack.workloads,
        'ingest-service': { ...stack.workloads['ingest-service']!, env: own },
      },
      secrets: {
        ...stack.secrets,
        ingestHmac: { name: 'hmac', key: 'SECRET' },
        ouraWebhook: { name: 'oura', key: 'WEBHOOK' },
        ouraVerification: { name: 'oura', key: 'VERIFICATION' },
        ouraTokenKey: { name: 'oura', key: 'KEY' },
        ouraOauth: { name: 'oura', key: 'OAUTH' },
        ouraClient: { name: 'oura', key: 'CLIENT' },
        otlpHeaders: { name: 'collector', key: 'HEADERS' },
      },
    };
    const { resources } = await registered(everything);
    const set = ['normalize-service', 'ingest-service'].flatMap((name) =>
      (
        named(resources, 'Deployment', name).inputs['spec'].template.spec.containers[0].env as {
          name: string;
        }[]
      ).map((it) => it.name),
    );
    expect(set).toEqual(
      expect.arrayContaining(['NATS_URL', 'NATS_CREDS', 'DATABASE_URL', 'INGEST_HMAC_SECRET']),
    );
    const ofTheProgram = new Set(set.filter((name) => !(name in own)));
    for (const name of ofTheProgram) expect(await withEnv(name)).toMatch(at(name, 'is set by the program: '));
  });

  test.each([
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'telemetry\\.otlpEndpoint'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secrets\\.otlpHeaders'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'secrets\\.otlpHeaders'],
    ['OURA_VERIFICATION_TOKEN', 'secrets\\.ouraVerification'],
    ['OURA_TOKEN_KEY', 'secrets\\.ouraTokenKey'],
    ['OURA_OAUTH_TOKEN', 'secrets\\.ouraOauth'],
    ['EVENT_STREAM_MODE', 'is the mode, .* migrate'],
    ['FEATURE_SERVICE_MANAGES_STREAMS', 'configMap\\.data'],
    ['VENDOR_TOKEN', 'looks like a secret'],
    ['CLIENT_SECRET_2', 'looks like a secret'],
    ['PGPASSWORD', 'looks like a secret'],
    ['OURA_API_KEY', 'looks like a secret'],
  ])('may not set %s, and says what to do instead', async (name, what) => {
    expect(await withEnv(name)).toMatch(at(name, what));
  });

  test('may hold no URL with credentials, and never repeats it', async () => {
    for (const value of [
      'postgresql://user:pa55@db/x',
      'redis://:pa55@cache',
      'nats://a, nats://pa55@b:4222',
    ]) {
      const said = await withEnv('OTHER_URL', value);
      expect(said).toMatch(at('OTHER_URL', 'is a URL with credentials'));
      expect(said).not.toContain('pa55');
    }
    expect(await withEnv('OTHER_URL', 'https://host/path?who=me@home')).toBe('');
  });
});

describe('a stack and its topology', () => {
  test('do not fit where Oura’s subscription is named and its webhook is not', async () => {
    const key = { name: 'oura', key: 'VERIFICATION' };
    expect(await saidOf((it) => (it.secrets.ouraVerification = key))).toMatch(
      /aa-ops:stack\.secrets\.ouraVerification: .*set ouraWebhook as well/,
    );
    const both = { ouraVerification: key, ouraWebhook: { name: 'oura', key: 'WEBHOOK' } };
    expect(await saidOf((it) => Object.assign(it.secrets, both))).toBe('');
  });

  test('do not fit where Oura’s OAuth flow is opened and lacks what the pods ask for', async () => {
    const key = { name: 'oura', key: 'SECRET' };
    const said = await saidOf((it) => (it.secrets.ouraTokenKey = key));
    for (const lack of [
      'set ouraOauth as well',
      'set ouraClient as well',
      'no OURA_CLIENT_ID',
      'no OURA_REDIRECT_URI',
    ])
      expect(said).toContain(lack);
    const whole = await saidOf((it) => {
      Object.assign(it.secrets, { ouraTokenKey: key, ouraOauth: key, ouraClient: key });
      Object.assign(it.workloads['ingest-service'].env, {
        OURA_CLIENT_ID: 'app',
        OURA_REDIRECT_URI: 'https://a.example/',
      });
    });
    expect(whole).toBe('');
  });

  test('say all in which they do not fit at once', async () => {
    const said = await saidOf((it) => {
      it.initialMode = 'both';
      it.workloads['other-service'] = it.workloads['ingest-service'];
      delete it.workloads['ingest-service'];
      it.workloads['normalize-service'].env = { EVENT_STREAM_MODE: 'multi' };
    });
    expect(said.split('\n')).toEqual([
      'the stack and the topology do not fit:',
      '  aa-ops:stack.initialMode is both, which is no mode of the topology: single, multi',
      '  aa-ops:stack.workloads has no ingest-service, which the topology has',
      expect.stringContaining('aa-ops:stack.workloads.normalize-service.env.EVENT_STREAM_MODE: '),
      '  aa-ops:stack.workloads.other-service: is no workload of the topology',
    ]);
  });

  test('begin in another mode where the stack says so, and in none that every object has', async () => {
    const { resources } = await registered({ ...(await stackOf('staging')), initialMode: 'multi' });
    const { data } = named(resources, 'ConfigMap', 'event-bus-config').inputs;
    expect(data).toMatchObject({ EVENT_STREAM_MODE: 'multi' });
    expect(await saidOf((it) => (it.initialMode = 'constructor'))).toMatch(/initialMode is constructor, /);
  });

  test('open no door of a protected environment to everybody, and ask for either secret', async () => {
    const without = (it: Raw): void => void delete it.secrets.ingest;
    expect(await saidOf(without, 'production')).toMatch(
      /^ {2}aa-ops:stack\.secrets: environment production is protected, .* set ingest, ingestHmac or both$/m,
    );
    expect(await saidOf(without, 'staging')).toBe('');
    const signed = (it: Raw): void => {
      without(it);
      it.secrets.ingestHmac = { name: 'ingest-hmac', key: 'SECRET' };
    };
    expect(await saidOf(signed, 'production')).toBe('');
  });

  test('hold no credentials, the topology’s servers neither', async () => {
    const file = join(makeTempDir('topology'), 'topology.yaml');
    const text = await readFile(TOPOLOGY_FILE, 'utf8');
    for (const server of ['nats://pa55@staging-nats:4222', 'pa55@staging-nats']) {
      await writeFile(file, text.replace('nats://staging-nats:4222', server));
      const opened = openBus(await stackOf('staging'), file);
      await expect(opened).rejects.toThrow(/credentials in its servers, .*secrets\.nats/);
    }
  });
});

describe('a topology', () => {
  /** Athlete Ally's topology in two files, as a folder. */
  async function folder(): Promise<string> {
    const dir = join(makeTempDir('topology'), 'topology');
    await mkdir(dir);
    const text = await readFile(TOPOLOGY_FILE, 'utf8');
    const at = text.indexOf('workloads:');
    await writeFile(join(dir, 'bus.yaml'), text.slice(0, at));
    await writeFile(join(dir, 'pods.yml'), text.slice(at));
    await writeFile(join(dir, 'README.md'), 'no part of it');
    return dir;
  }

  test('may be a folder, as for the CLI: the Job gets each file, and reads them all', async () => {
    const stack = await stackOf('staging');
    const path = await folder();
    const { bus, resources } = await registered(stack, path);
    expect(bus.topology.streams).toEqual((await openBus(stack)).topology.streams);
    const { data } = named(resources, 'ConfigMap', `aa-ops-topology-${bus.files.sha8}`).inputs;
    expect(Object.keys(data)).toEqual(['bus.yaml', 'pods.yml']);
    expect(data['pods.yml']).toBe(await readFile(join(path, 'pods.yml'), 'utf8'));
    const job = named(resources, 'Job', `streams-apply-${bus.files.sha8}`).inputs['spec'].template.spec;
    const [{ args, volumeMounts }] = job.containers;
    expect(args.slice(0, 2)).toEqual(['--topology', volumeMounts[0].mountPath]);
  });

  test('of one file is that one for the Job', async () => {
    const { bus, resources } = await registered(await stackOf('staging'));
    const job = named(resources, 'Job', `streams-apply-${bus.files.sha8}`).inputs['spec'].template.spec;
    expect(job.containers[0].args.slice(0, 2)).toEqual(['--topology', '/etc/aa-ops/topology.yaml']);
    expect(bus.files.data).toEqual({ 'topology.yaml': await readFile(TOPOLOGY_FILE, 'utf8') });
  });

  test('names another Job when a file of it changes, or is called otherwise', async () => {
    const stack = await stackOf('staging');
    const path = await folder();
    const { sha8 } = (await openBus(stack, path)).files;
    await writeFile(join(path, 'bus.yaml'), `# changed\n${await readFile(join(path, 'bus.yaml'), 'utf8')}`);
    expect((await openBus(stack, path)).files.sha8).not.toBe(sha8);
  });

  test('is told with every problem that it has', async () => {
    const path = await folder();
    await writeFile(join(path, 'more.yaml'), 'streams: { A: { colour: 1 } }\ncolour: 2\n');
    const said = await openBus(await stackOf('staging'), path).catch((error: Error) => error.message);
    expect(said).toMatch(/more\.yaml:1:\d+.*colour/);
    expect(said).toMatch(/more\.yaml:2:1.*colour/);
  });

  test('that no ConfigMap can hold is refused', async () => {
    const path = await folder();
    await writeFile(join(path, 'with blanks.yaml'), `version: 1\n${'#'.repeat(1_000_000)}\n`);
    const said = await openBus(await stackOf('staging'), path).catch((error: Error) => error.message);
    expect(said).toMatch(/file with blanks\.yaml: its name is no key of a ConfigMap/);
    expect(said).toMatch(/the topology has \d+ bytes, /);
  });
});
