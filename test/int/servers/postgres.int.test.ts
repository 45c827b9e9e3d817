import { chmodSync, existsSync, lstatSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type PostgresOptions,
  type PostgresServer,
  removePostgresData,
  startPostgres,
} from '../../support/servers.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
const start = async (options?: PostgresOptions): Promise<PostgresServer> => {
  const server = await startPostgres(options);
  cleanups.push(() => server.stop());
  return server;
};

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('keeps what was committed over restart and kill, open connections or not', async () => {
  const server = await start();
  await query(server.url, 'create table kept as select 1 as one');
  const lingering = new pg.Client({ connectionString: server.url });
  lingering.on('error', () => {});
  await lingering.connect();
  await server.restart();
  expect(await query(server.url, 'select one from kept')).toEqual([{ one: 1 }]);

  await query(server.url, 'insert into kept values (2)');
  await server.kill();
  await server.restart();
  expect(await query(server.url, 'select count(*)::int from kept')).toEqual([{ count: 2 }]);
  await server.stop();
  expect(existsSync(server.dir)).toBe(false);
});

test('asks for its password and listens on loopback only', async () => {
  const { url } = await start();
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  expect(await query(url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  expect(await query(url, 'show unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
});

test('a folder that is given keeps data and password', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aa-ops-pg-'));
  chmodSync(dir, 0o711);
  cleanups.push(() => removePostgresData(dir));
  const first = await start({ dir, user: 'someone', database: 'some-thing' });
  await query(first.url, 'create table kept ()');
  await first.stop();
  const second = await start({ dir, user: 'someone', database: 'some-thing' });
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
  expect(await query(second.url, 'select count(*)::int from kept')).toEqual([{ count: 0 }]);
});

describe.runIf(process.getuid?.() === 0)('as root', () => {
  test('runs as somebody else', async () => {
    const { pid } = await start();
    expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
  });

  test('keeps its data elsewhere when that somebody may not enter the folder', async () => {
    const closed = mkdtempSync(join(tmpdir(), 'aa-ops-closed-')); // mode 700
    cleanups.push(() => rmSync(closed, { recursive: true }));
    const dir = join(closed, 'postgres');
    const first = await start({ dir });
    await query(first.url, 'create table kept ()');
    await first.stop();
    expect(lstatSync(join(dir, 'data')).isSymbolicLink()).toBe(true);
    const elsewhere = realpathSync(join(dir, 'data'));
    const second = await start({ dir });
    expect(await query(second.url, 'select count(*)::int from kept')).toEqual([{ count: 0 }]);
    await second.stop();
    await removePostgresData(dir);
    expect(existsSync(elsewhere)).toBe(false);
    expect(existsSync(dir)).toBe(false);
  });
});
