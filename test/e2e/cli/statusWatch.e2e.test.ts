import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { connect } from 'nats';
import { AA_OPS, aaOps } from '../../support/cli.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

interface Shown {
  at: string;
  error?: { code: string };
  mode: string;
  streams: { name: string; messages: number; storedPerSecond: number | null }[];
  deadLetters: { messages: number; perSecond: number | null };
}

const MESSAGES = 200;
let server: NatsServer;
let options: string[];
beforeEach(async () => {
  server = await startNats();
  options = ['--topology', resolve('topology'), '--env', 'local', '--server', server.url];
  const { code, stderr } = await aaOps(['apply', '--yes', ...options]);
  if (code !== 0) throw new Error(stderr);
});
afterEach(() => server.stop());

it('status --watch shows a document a line with rates, through a server that is away, until a signal', async () => {
  const child = spawn(
    process.execPath,
    [AA_OPS, 'status', '--watch', '--interval', '200ms', '--timeout', '2s', '-ojson', ...options],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (wanted: (shown: Shown) => boolean): Promise<Shown> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`it ended: ${stderr}`);
      const shown = JSON.parse(value as string) as Shown;
      if (wanted(shown)) return shown;
    }
  };
  const streamOf = ({ streams }: Shown) => streams.find(({ name }) => name === 'ATHLETE_ALLY_EVENTS')!;

  const first = await next(() => true);
  expect(first).toMatchObject({ mode: 'single', deadLetters: { messages: 0, perSecond: null } });
  expect(streamOf(first)).toMatchObject({ messages: 0, storedPerSecond: null });

  const nc = await connect({ servers: server.url });
  for (let n = 0; n < MESSAGES; n++) await nc.jetstream().publish('sleep.scored');
  await nc.close();
  const counted = await next((shown) => streamOf(shown).messages > 0);
  expect(streamOf(counted).storedPerSecond).toBeGreaterThan(0);
  const settled = await next(
    (shown) => streamOf(shown).messages === MESSAGES && !streamOf(shown).storedPerSecond,
  );
  expect(Date.parse(settled.at)).toBeGreaterThan(Date.parse(first.at));

  await server.kill();
  expect(await next(({ error }) => error !== undefined)).not.toHaveProperty('mode');
  await server.restart();
  expect(streamOf(await next(({ error }) => !error)).messages).toBe(MESSAGES);

  child.kill('SIGINT');
  await next(({ error }) => error?.code === 'interrupted');
  expect(await closed).toEqual([130, null]);
});

it('status --watch that reaches no server ends as status does', async () => {
  await server.stop();
  const { code, stdout } = await aaOps(['status', '--watch', '-ojson', '--timeout', '1s', ...options]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'nats-unreachable' } });
});
