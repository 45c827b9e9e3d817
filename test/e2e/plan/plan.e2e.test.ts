import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  canonicalJson,
  ensureBucket,
  type JetStreamWriter,
  openWriter,
  STATE_BUCKET,
  writeKey,
} from '../../../topology/src/index.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { aaOps } from './cli.ts';

const TOPOLOGY = `
version: 1
name: shop
streams:
  OLD: { storage: file, maxAge: 7d }
  ORDERS: { storage: file, maxAge: 48h }
  CARTS: { storage: file, maxAge: 48h }
consumers:
  biller: { filterSubjects: [orders.paid], ackPolicy: explicit, ackWait: 60s, maxDeliver: 5 }
modes:
  one:
    subjects: { OLD: [orders.>, carts.>] }
    consumers: { biller: { stream: OLD, ackWait: 30s } }
  two:
    subjects: { ORDERS: [orders.>], CARTS: [carts.>] }
    consumers: { biller: { stream: ORDERS } }
environments:
  test: { servers: [nats://127.0.0.1:1], platform: none, initialMode: one }
  prod: { servers: [nats://127.0.0.1:1], platform: none, initialMode: one, protected: true }
`;

let server: NatsServer;
let account: JetStreamWriter;
let dir: string;
let file: string;
beforeAll(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
});
beforeEach(async () => {
  for (const { config } of await account.listStreams()) await account.deleteStream(config.name);
  dir = mkdtempSync(join(tmpdir(), 'aa-plan-'));
  file = join(dir, 'shop.yaml');
  edit();
  return () => rmSync(dir, { recursive: true });
});

/** Writes the topology file, with something in it replaced. */
function edit(...changes: [string, string][]): void {
  writeFileSync(
    file,
    changes.reduce((text, [from, to]) => text.replace(from, to), TOPOLOGY),
  );
}
const run = (...args: string[]) =>
  aaOps([...args, '--topology', file, '--env', 'test', '--server', server.url, '--output', 'json']);
const text = (...args: string[]) =>
  aaOps([...args, '--topology', file, '--env', 'test', '--server', server.url]);

async function configurations(): Promise<string> {
  const streams = await account.listStreams();
  const consumers = await Promise.all(streams.map(({ config }) => account.listConsumers(config.name)));
  return canonicalJson([
    streams.map(({ config, created }) => [config, created]),
    consumers.flat().map(({ config, created }) => [config, created]),
  ]);
}

describe('plan, apply and drift', () => {
  it('plan 2, apply 0, plan 0, apply 0: the second apply changes nothing, byte for byte', async () => {
    const first = await run('plan');
    expect(first.code).toBe(2);
    expect(first.json).toMatchObject({
      schemaVersion: 1,
      server: { version: server.version },
      mode: { live: 'none', comparedWith: 'one' },
      summary: { create: 4, update: 0, delete: 0, replace: 0, handover: 0, unchanged: 0 },
      run: null,
    });
    expect(first.json.changes[0]).toEqual({
      kind: 'stream',
      name: 'OLD',
      action: 'create',
      class: 'safe',
      fields: expect.arrayContaining([{ path: 'maxAge', before: null, after: '7d' }]) as unknown,
      messagesDeleted: 0,
      reason: 'does not exist',
    });
    const applied = await run('apply', '--yes');
    expect(applied.code).toBe(0);
    expect(applied.json.applied).toEqual([
      'stream OLD',
      'stream ORDERS',
      'stream CARTS',
      'consumer OLD/biller',
    ]);
    const before = await configurations();
    expect(await run('plan')).toMatchObject({
      code: 0,
      json: { mode: { live: 'one' }, summary: { unchanged: 4 } },
    });
    expect(await run('apply')).toMatchObject({ code: 0, json: { applied: [] } });
    expect(await configurations()).toBe(before);
    expect((await run('drift', '--expect-mode', 'one')).code).toBe(0);
    expect((await run('drift', '--expect-mode', 'two')).code).toBe(2);
    expect((await run('drift', '--expect-mode', 'nine')).code).toBe(64);
  });

  it('apply without --yes, or where the environment is protected, is declined and writes nothing', async () => {
    expect(await run('apply')).toMatchObject({ code: 3, json: { error: { code: 'declined' } } });
    const prod = ['--topology', file, '--env', 'prod', '--server', server.url];
    expect((await aaOps(['apply', '--yes', ...prod])).code).toBe(3);
    expect(await account.listStreams()).toEqual([]);
    expect((await aaOps(['apply', '--confirm', 'prod', ...prod])).code).toBe(0);
  });

  it('apply --dry-run shows the plan, exits 0 and writes nothing', async () => {
    const dry = await run('apply', '--dry-run');
    expect(dry).toMatchObject({ code: 0, json: { dryRun: true, summary: { create: 4 } } });
    expect(dry.json.changes).toEqual((await run('plan')).json.changes);
    expect(await account.listStreams()).toEqual([]);
  });

  it('refuses a handover with 10065 explained and the command to type', async () => {
    await run('apply', '--yes');
    edit(['{ OLD: [orders.>, carts.>] }', '{ OLD: [orders.>], CARTS: [carts.eu.>] }']);
    const plan = await text('plan');
    expect(plan.code).toBe(2);
    expect(plan.stdout).toMatch(/^> {3}stream CARTS {2}handover$/m);
    expect(plan.stdout).toMatch(/2 to hand over, 2 unchanged$/m);
    const refused = await run('apply', '--yes');
    expect(refused.code).toBe(3);
    expect(refused.json.error).toMatchObject({ code: 'subjects-overlap', hint: 'aa-ops migrate --to one' });
    expect(refused.json.error.message).toContain('CARTS should own carts.eu.>, but OLD owns carts.>');
    expect(refused.json.error.message).toContain('10065');
  });

  it('deletes nothing without --allow-destructive, and says how many messages would go', async () => {
    await run('apply', '--yes');
    for (let n = 0; n < 7; n += 1) await account.connection.jetstream().publish('orders.paid', 'x');
    edit(['OLD: { storage: file, maxAge: 7d }', 'OLD: { storage: file, maxAge: 7d, maxMsgs: 2 }']);
    expect((await run('plan')).json.changes[0]).toMatchObject({ class: 'destructive', messagesDeleted: 5 });
    const refused = await run('apply', '--yes');
    expect(refused).toMatchObject({ code: 3, json: { error: { code: 'destructive-refused' } } });
    expect(refused.json.error.message).toContain('5 messages would be deleted');
    const made = await text('apply', '--yes', '--allow-destructive');
    expect(made.code).toBe(0);
    expect(made.stderr).toContain('5 messages will be deleted');
    expect((await account.stream('OLD'))!.state.messages).toBe(2);
  });

  it('a saved plan holds while messages come, and is refused once a configuration changed', async () => {
    await run('apply', '--yes');
    edit(['CARTS: { storage: file, maxAge: 48h }', 'CARTS: { storage: file, maxAge: 72h }']);
    const saved = join(dir, 'plan.json');
    expect((await run('plan', '--out', saved)).code).toBe(2);
    await account.connection.jetstream().publish('carts.eu.1', 'x');
    expect(await run('apply', saved, '--dry-run')).toMatchObject({ code: 0 });
    const orders = (await account.stream('ORDERS'))!.config;
    await account.updateStream({ ...orders, description: 'touched' });
    expect(await run('apply', saved, '--yes')).toMatchObject({
      code: 3,
      json: { error: { code: 'plan-stale', details: { changed: ['stream ORDERS'] } } },
    });
    await account.updateStream(orders);
    expect(await run('apply', saved, '--yes')).toMatchObject({
      code: 0,
      json: { applied: ['stream CARTS'] },
    });
    expect(await run('apply', saved, '--yes')).toMatchObject({
      code: 3,
      json: { error: { code: 'plan-stale' } },
    });
    writeFileSync(saved, readFileSync(saved, 'utf8').slice(0, 40));
    expect((await run('apply', saved, '--yes')).code).toBe(64);
    expect((await run('apply', join(dir, 'nowhere.json'))).code).toBe(64);
  });

  it('shows an account that fits no mode, and refuses to apply to it', async () => {
    await run('apply', '--yes');
    await account.updateStream({ ...(await account.stream('OLD'))!.config, subjects: ['orders.>'] });
    await account.updateStream({ ...(await account.stream('CARTS'))!.config, subjects: ['carts.>'] });
    const plan = await text('plan');
    expect(plan.code).toBe(2);
    expect(plan.stdout).toContain('against one OLD lacks carts.>, CARTS should not own carts.>');
    expect(plan.stdout).toContain(
      "by hand, what is not one's first:\ntake carts.> from CARTS\ngive carts.> to OLD",
    );
    expect(plan.stdout).not.toContain('migrate --to'); // which is refused here
    expect((await run('plan')).json.mode).toMatchObject({ live: 'mixed' });
    const apply = await run('apply', '--yes');
    expect(apply).toMatchObject({ code: 3, json: { error: { code: 'mode-mixed' } } });
    expect((await text('apply', '--yes')).stderr).toContain('take carts.> from CARTS\n');
    expect((await text('status')).stdout).toContain(
      'no run is open: aa-ops plan says what to put right by hand',
    );
  });

  it('exits 6 while a migration is open, but still plans', async () => {
    await ensureBucket(account, STATE_BUCKET, 1);
    const open = {
      schemaVersion: 1,
      id: 'r1',
      status: 'open',
      steps: [],
      groups: [],
      consumers: [],
      shortcomings: [],
      command: 'migrate',
      from: 'one',
      to: 'two',
      operator: 'ann',
      startedAt: '2026-01-01T00:00:00Z',
    };
    await writeKey(account, STATE_BUCKET, 'shop.run.r1', open);
    await writeKey(account, STATE_BUCKET, 'shop.open', { run: 'r1' });
    expect(await run('plan')).toMatchObject({ code: 2, json: { run: { id: 'r1' } } });
    const refused = await run('apply', '--yes');
    expect(refused).toMatchObject({ code: 6, json: { error: { code: 'run-open' } } });
    expect(refused.json.error.message).toMatch(/begun by ann at 2026-01-01/);
  });
});

describe('streams and consumers', () => {
  it('apply the runbook steps 2 and 3 with its summary, safe to repeat', async () => {
    expect(await text('consumers', 'apply', '--yes')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('aa-ops streams apply') as unknown,
    });
    const dry = await text('streams', 'apply', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('Dry Run:      YES');
    expect(dry.stdout).toContain('➕ Stream ORDERS does not exist');
    expect(dry.stdout).not.toContain('created successfully');
    expect(await account.listStreams()).toEqual([]);

    const made = await text('streams', 'apply', '--yes');
    expect(made.code).toBe(0);
    expect(made.stdout).toContain('NATS JetStream - Stream Creation (Idempotent)');
    expect(made.stdout).toContain('✅ Stream ORDERS created successfully');
    expect(made.stdout).toContain('✅ All streams processed successfully');
    expect((await text('streams', 'apply')).stdout).toContain('✓  Stream ORDERS exists with correct config');

    expect((await run('streams', 'plan')).code).toBe(0);
    expect(await run('consumers', 'plan')).toMatchObject({ code: 2, json: { summary: { create: 1 } } });
    const durables = await text('consumers', 'apply', '--yes');
    expect(durables.stdout).toContain('✅ Consumer biller created successfully');
    expect(durables.stdout).toContain('biller on ORDERS belongs to mode two: aa-ops migrate --to two');
    expect((await run('plan')).code).toBe(0);
  });

  it('ls, info, view and next show what stands, and no byte of a message reaches the terminal raw', async () => {
    await run('apply', '--yes');
    await account.createStream({ name: 'MINE', subjects: ['mine.>'] });
    const js = account.connection.jetstream();
    await js.publish('carts.1', 'not for the biller');
    await js.publish('orders.paid', '\u001b[2Jgotcha\u0007');
    await js.publish('orders.paid', Uint8Array.of(0xff, 0xfe));

    expect((await run('streams', 'ls')).json.streams).toMatchObject([
      { name: 'CARTS', managed: true },
      { name: 'MINE', managed: false },
      { name: 'OLD', messages: 3, subjects: ['orders.>', 'carts.>'] },
      { name: 'ORDERS', subjects: [] },
    ]);
    expect((await run('streams', 'info', 'OLD')).json.stream).toMatchObject({ fields: { maxAge: '7d' } });
    expect((await run('streams', 'info', 'NOPE')).code).toBe(64);
    expect((await run('streams', 'info', 'a.b')).code).toBe(64);

    const seen = await text('streams', 'view', 'OLD');
    expect(seen.stdout).toContain('gotcha');
    expect(seen.stdout).not.toMatch(/[\u0007\u001b]/);
    const all = (await run('streams', 'view', 'OLD')).json.messages as { seq: number; data?: string }[];
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(all[2]).toMatchObject({ dataBase64: '//4=' });
    const paid = await run('streams', 'view', 'OLD', '--subject', 'orders.*', '--count', '1');
    expect(paid.json.messages).toMatchObject([
      { seq: 2, subject: 'orders.paid', data: '\u001b[2Jgotcha\u0007' },
    ]);

    expect((await run('consumers', 'ls')).json.consumers).toMatchObject([{ name: 'biller', pending: 2 }]);
    expect((await run('consumers', 'info', 'OLD', 'biller')).json.consumer.fields).toMatchObject({
      ackWait: '30s',
    });
    for (let n = 0; n < 2; n += 1)
      expect((await run('consumers', 'next', 'OLD', 'biller')).json).toMatchObject({
        message: { seq: 2 },
        acked: false,
      });
    const peeked = (await account.consumer('OLD', 'biller'))!;
    expect([peeked.num_pending, peeked.delivered.consumer_seq]).toEqual([2, 0]);
    expect((await run('consumers', 'next', 'OLD', 'biller', '--ack')).code).toBe(3);
    const taken = await run('consumers', 'next', 'OLD', 'biller', '--ack', '--yes');
    expect(taken.json).toMatchObject({ message: { seq: 2 }, acked: true });
    expect((await account.consumer('OLD', 'biller'))!.ack_floor.stream_seq).toBe(2);

    await account.deleteMessage('OLD', 3); // as a migration does with its sentinel
    const newest = await run('streams', 'view', 'OLD', '--count', '1');
    expect(newest.json.messages).toMatchObject([{ seq: 2 }]);
  });
});

describe('servers that are none', () => {
  const listening: Server[] = [];
  const listen = async (greet: string): Promise<string> => {
    const fake = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(greet);
    });
    listening.push(fake);
    await new Promise<void>((ready) => fake.listen(0, '127.0.0.1', ready));
    return `127.0.0.1:${(fake.address() as AddressInfo).port}`;
  };
  afterAll(() => listening.forEach((fake) => fake.close()));
  const planAt = (at: string) =>
    aaOps([
      'plan',
      '--topology',
      file,
      '--env',
      'test',
      '--server',
      at,
      '--timeout',
      '700ms',
      '--output',
      'json',
    ]);

  it.each([
    ['away', () => Promise.resolve('127.0.0.1:1')],
    ['silent', () => listen('')],
    ['speaking something else', () => listen('HTTP/1.1 400 Bad Request\r\n\r\n')],
    [
      'too old',
      () =>
        listen(
          'INFO {"server_id":"x","server_name":"x","version":"2.9.25","headers":true,"max_payload":1048576,"proto":1}\r\nPONG\r\n',
        ),
    ],
  ])('%s: a clear error, exit 1 or 3, no stack', async (_, at) => {
    const ended = await planAt(await at());
    expect([1, 3]).toContain(ended.code);
    expect(ended.json).toMatchObject({
      schemaVersion: 1,
      error: { code: expect.stringMatching(/^[a-z-]+$/) as unknown, hint: expect.any(String) as unknown },
    });
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  });

  it('without JetStream: told so', async () => {
    const plain = await startNats({ config: 'accounts { PLAIN { users: [{ user: p, password: p }] } }' });
    try {
      const ended = await planAt(`nats://p:p@127.0.0.1:${plain.port}`);
      expect(ended.code).toBe(1);
      expect(ended.json.error.code).toMatch(/^jetstream-/);
    } finally {
      await plain.stop();
    }
  });
});
