import { execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bus, drained, event, makeTopology, publish, rows, startBus } from '../../int/runtime/bus.ts';
import { freePort } from '../../support/servers.ts';

// The folders that the images hold and that the cluster's pods run, from an empty place: nothing of the repository is above them.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const execute = promisify(execFile);
let empty: string;

beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'aa-pack-'));
  await execute(process.execPath, [join(root, 'scripts/pack.mjs'), '--out', empty, 'runtime', 'cli']);
});
afterAll(() => rm(empty, { recursive: true, force: true }));

const env = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: empty,
  ...more,
});

describe('the runtime folder', () => {
  it('holds the bundles, the migrations, who it is, and nothing else', async () => {
    expect((await readdir(join(empty, 'runtime'))).sort()).toEqual([
      'LICENSE',
      'THIRD-PARTY-NOTICES',
      'dist',
      'migrations',
      'package.json',
    ]);
    expect((await readdir(join(empty, 'runtime/dist'))).sort()).toEqual([
      'aa-ingest.js',
      'aa-normalize.js',
      'chunks',
    ]);
    expect(await readdir(join(empty, 'runtime/migrations'))).toEqual(
      await readdir(join(root, 'consumers-runtime/migrations')),
    );
  });

  it('is made of consumers-runtime and of its production dependencies only', async () => {
    const allowed = await productionPackages('consumers-runtime');
    const sources = await sourcesOf('consumers-runtime/dist');
    const packages = new Set(sources.flatMap((it) => packageOf(it) ?? []));
    expect([...packages].filter((it) => !allowed.has(it))).toEqual([]);
    expect(packages).toContain('pg'); // so that the line above is about something
    const ours = sources.filter((it) => packageOf(it) === undefined);
    expect(ours.filter((it) => !it.startsWith('consumers-runtime/src/'))).toEqual([]);
  });

  describe('alone', () => {
    let bus: Bus;
    beforeAll(async () => {
      bus = await startBus();
      await makeTopology(bus);
    });
    afterAll(() => bus?.stop());

    it('turns an event into a row', async () => {
      const folder = join(empty, 'elsewhere');
      await cp(join(empty, 'runtime'), folder, { recursive: true });
      const pod = spawn(process.execPath, ['dist/aa-normalize.js'], {
        cwd: folder,
        env: env({
          NATS_URL: bus.nats.url,
          DATABASE_URL: bus.postgres.url,
          PORT: String(await freePort()),
          PROMETHEUS_PORT: '0',
        }),
        stdio: 'ignore',
      });
      try {
        await publish(bus, event());
        await drained(bus); // acked after the commit of its row
        expect(await rows(bus)).toHaveLength(1);
      } finally {
        pod.kill('SIGKILL');
      }
    });
  });
});

describe('the CLI folder', () => {
  it('validates a topology from an empty place', async () => {
    const { stdout } = await execute(
      process.execPath,
      [
        join(empty, 'cli/dist/cli/aa-ops.js'),
        'validate',
        '--topology',
        join(root, 'topology/athlete-ally.yaml'),
        '--output',
        'json',
      ],
      { cwd: empty, env: env() },
    );
    expect(JSON.parse(stdout)).toMatchObject({ valid: true });
  });

  it('holds nothing of the Pulumi program and no node_modules', async () => {
    const files = await readdir(join(empty, 'cli'), { recursive: true });
    expect(files.filter((it) => it.includes('node_modules') || it.includes('pulumi'))).toEqual([]);
    expect((await sourcesOf('dist/cli')).filter((it) => /@pulumi|^infra\//.test(it))).toEqual([]);
  });
});

describe.each([
  ['runtime', 'consumers-runtime/dist'],
  ['cli', 'dist/cli'],
])('what the %s folder gives away', (name, build) => {
  it('comes with our licence, and with that of every package in it', async () => {
    expect(await readFile(join(empty, name, 'LICENSE'), 'utf8')).toBe(
      await readFile(join(root, 'LICENSE'), 'utf8'),
    );
    const notices = await readFile(join(empty, name, 'THIRD-PARTY-NOTICES'), 'utf8');
    const named = [...notices.matchAll(/^(\S+) \d\S* \((\S+)\)$/gm)].map(([, it]) => it!);
    const bundled = new Set((await sourcesOf(build)).flatMap((it) => packageOf(it) ?? []));
    expect(bundled.size).toBeGreaterThan(10);
    expect([...bundled].filter((it) => !named.includes(it))).toEqual([]);
    // Each name, or several of one text, has a text behind it.
    for (const part of notices.split(/^-{80}$/m).slice(1))
      expect(part).toMatch(/permission|licen[sc]e|public domain/i);
  });
});

it('may be read by any user, though the clone is its owner’s alone', async () => {
  const clone = join(empty, 'clone');
  for (const path of ['scripts', 'consumers-runtime', 'dist/cli', 'LICENSE', 'package.json'])
    await cp(join(root, path), join(clone, path), { recursive: true });
  for (const path of [clone, ...(await below(clone))]) await chmod(path, (await stat(path)).mode & 0o700);
  const pack = 'umask 077; exec "$0" "$@"';
  await execute('sh', ['-c', pack, process.execPath, join(clone, 'scripts/pack.mjs'), 'runtime', 'cli']);
  const images = join(clone, 'dist/images');
  const closed: string[] = [];
  for (const path of [join(images, 'runtime'), join(images, 'cli'), ...(await below(images))]) {
    const it = await stat(path);
    const wanted = it.isDirectory() ? 0o555 : 0o444;
    if ((it.mode & wanted) !== wanted) closed.push(path);
  }
  expect(closed).toEqual([]);
  expect(await readdir(join(images, 'runtime/migrations'))).not.toEqual([]);
});

/** All that is in a folder, at any depth. */
const below = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).map((it) => join(folder, it));

/** The files that a build was made of, by the source maps beside it; paths from the repository's root. */
async function sourcesOf(build: string): Promise<string[]> {
  const files = await readdir(join(root, build), { recursive: true });
  const maps = files.filter((it) => it.endsWith('.js.map'));
  const sources = await Promise.all(
    maps.map(async (it) => {
      const { sources } = JSON.parse(await readFile(join(root, build, it), 'utf8')) as { sources: string[] };
      return sources.map((source) => join(build, it, '..', source));
    }),
  );
  return [...new Set(sources.flat())];
}

const packageOf = (path: string): string | undefined =>
  /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];

/** A workspace's production dependencies and theirs, by name, from package-lock.json. */
async function productionPackages(workspace: string): Promise<Set<string>> {
  interface Locked {
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
    peerDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const names = new Set<string>();
  const visit = (path: string): void => {
    const { dependencies, optionalDependencies, peerDependencies } = packages[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      if (names.has(name)) continue;
      names.add(name);
      for (const it of Object.keys(packages)) if (it.endsWith(`node_modules/${name}`)) visit(it);
    }
  };
  visit(workspace);
  return names;
}
