import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AA_OPS } from '../../support/cli.ts';
import { startParent } from '../../support/parent.ts';

const topology = resolve('topology');
let silent: Server;
beforeAll(async () => {
  silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(() => silent.close());

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends what waits for a server with 130, and says so',
    async (name) => {
      for (const command of [['plan'], ['apply', '--yes']]) {
        const url = `nats://127.0.0.1:${(silent.address() as AddressInfo).port}`;
        const asked = once(silent, 'connection');
        const child = spawn(
          process.execPath,
          [
            AA_OPS,
            ...command,
            '--topology',
            topology,
            '--env',
            'local',
            '--server',
            url,
            '--timeout',
            '1h',
            '-ojson',
          ],
          { stdio: ['ignore', 'pipe', 'ignore'] },
        );
        let stdout = '';
        child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
        await Promise.race([asked, once(child, 'close')]);
        child.kill(name);
        expect(await once(child, 'close')).toEqual([130, null]);
        expect(JSON.parse(stdout)).toEqual({
          schemaVersion: 1,
          error: { code: 'interrupted', message: `interrupted by ${name}` },
        });
      }
    },
  );

  it('that comes a second time ends at once', async () => {
    const { process: child } = await startParent('signals.ts');
    const lines = createInterface({ input: child.stdout! });
    child.kill('SIGINT');
    expect(await once(lines, 'line')).toEqual([
      JSON.stringify({ aborted: 'OpsError: interrupted by SIGINT' }),
    ]);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });
});

// util-linux's script gives a command a terminal.
const hasScript = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasScript)('a question on a terminal', () => {
  /** Types an answer once the question stands there. */
  async function answer(text: string, env = 'local'): Promise<{ code: number; screen: string }> {
    const command = `exec "$NODE" "$AA_OPS" migrate --to multi --topology "$TOPOLOGY" --env ${env} --server nats://127.0.0.1:9`;
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...process.env, NODE: process.execPath, AA_OPS, TOPOLOGY: topology, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let screen = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const before = screen;
      screen += chunk.toString();
      const asks = /\[y\/N\] $|to go on: $/;
      if (!asks.test(before) && asks.test(screen)) child.stdin.write(text);
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, screen };
  }

  it('is declined by anything but yes', async () => {
    const { code, screen } = await answer('\n');
    expect(screen).toContain('Migrate local (athlete-ally) to mode multi? [y/N]');
    expect(code).toBe(3);
  });

  it('is answered by yes: here the server is away', async () => {
    expect((await answer('y\n')).code).toBe(1);
  });

  it('asks for the name of a protected environment', async () => {
    expect((await answer('y\n', 'production')).code).toBe(3);
    const { code, screen } = await answer('production\n', 'production');
    expect(screen).toContain('production is protected. Type its name to go on:');
    expect(screen).not.toContain('declined');
    expect([1, 3]).toContain(code);
  });

  it('ends with 130 on Ctrl-C', async () => {
    expect((await answer('\u0003')).code).toBe(130);
  });
});
