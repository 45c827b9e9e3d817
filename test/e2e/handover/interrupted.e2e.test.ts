import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTopology, openWriter, silentHost } from '@aa-ops/topology';
import { takeLease } from '../../../cli/src/saga/lease.ts';
import { StateStore } from '../../../cli/src/saga/stateStore.ts';
import { aaOps, type CliOptions, type CliResult } from '../../support/cli.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { standStill } from '../../support/standStill.ts';

const FILE = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'aa-interrupted-'));
let server: NatsServer;

const run = (args: string[], options: CliOptions = {}, env = 'test'): Promise<CliResult> =>
  aaOps([...args, '--topology', FILE, '--env', env, '--server', server.url, '--output', 'json'], {
    cwd,
    ...options,
  });

beforeAll(async () => {
  server = await startNats();
  const account = await openWriter({ servers: [server.url] });
  await applyTopology(account, await loadTopology(FILE, 'test'));
  await account.close();
});
afterAll(async () => {
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

interface StatusJson {
  mode: string;
  run: { id: string } | null;
}
const status = async (): Promise<StatusJson> => (await run(['status'])).json<StatusJson>();

describe('Ctrl-C', () => {
  it.each(['plan', 'consumers', 'handover', 'verify'])(
    'in step %s: exit 130, the run stays open, --resume ends it',
    async (step) => {
      let sent = false;
      const interrupted = await run(['migrate', '--to', 'multi', '--yes', '--progress', 'ndjson'], {
        onProgress(line, child) {
          if (sent || !line.includes('step-started') || !line.includes(`"${step}"`)) return;
          sent = true;
          child.kill('SIGINT');
        },
      });
      expect(sent).toBe(true);
      expect(interrupted, interrupted.stderr).toMatchObject({ code: 130 });
      const { id } = (await status()).run!;
      expect(interrupted.json()).toMatchObject({
        error: {
          code: 'interrupted',
          details: { run: id },
          hint: 'the run stands where it is: aa-ops migrate --resume goes on, aa-ops rollback turns it round',
        },
      });
      expect(interrupted.stderr).toContain(`run ${id} is open`);
      const again = await run(['migrate', '--to', 'multi', '--yes']);
      expect(again, again.stdout).toMatchObject({ code: 3 });
      expect(again.json()).toMatchObject({ error: { code: 'run-open' } });
      const resumed = await run(['migrate', '--resume']);
      expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
      expect(await status()).toMatchObject({ mode: 'multi', run: null });
      expect(await run(['rollback', '--yes'])).toMatchObject({ code: 0 });
    },
  );
});

describe('a server that answers no more', () => {
  it('is told of while it is waited for, and blamed on nobody else: exit 4, --resume ends it once it answers', async () => {
    let stands: Promise<void> | undefined;
    try {
      const ended = await run(['migrate', '--to', 'multi', '--yes', '--progress', 'ndjson'], {
        onProgress(line) {
          if (!stands && line.includes('step-started') && line.includes('"consumers"'))
            stands = standStill(server.pid);
        },
      });
      expect(stands).toBeDefined();
      expect(ended, ended.stderr).toMatchObject({ code: 4 });
      expect(ended.json()).toMatchObject({ error: { code: 'state-away' } });
      expect(ended.stderr.split('\n').filter((line) => line.includes('waiting for up to 30 s'))).toHaveLength(
        1,
      );
      expect(ended.stderr).not.toContain('another process');
    } finally {
      await stands;
      process.kill(server.pid, 'SIGCONT');
    }
    const resumed = await run(['migrate', '--resume']);
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
    expect(await status()).toMatchObject({ mode: 'multi', run: null });
    expect(await run(['rollback', '--yes'])).toMatchObject({ code: 0 });
  });
});

describe('safe to repeat', () => {
  it('answers unchanged, with exit 0, to what is already so', async () => {
    expect((await run(['migrate', '--to', 'single', '--yes'])).json()).toMatchObject({ result: 'unchanged' });
    expect(await run(['migrate', '--resume'])).toMatchObject({ code: 0 });
    expect((await run(['rollback', '--yes'])).json()).toMatchObject({ result: 'unchanged', to: 'single' });
  });

  it('asks nobody for leave to do nothing', async () => {
    const migrate = await run(['migrate', '--to', 'single']);
    expect(migrate, migrate.stderr).toMatchObject({ code: 0 });
    expect(migrate.json()).toMatchObject({ result: 'unchanged', to: 'single' });
    const rollback = await run(['rollback'], {}, 'guarded');
    expect(rollback, rollback.stderr).toMatchObject({ code: 0 });
    expect(rollback.json()).toMatchObject({ result: 'unchanged', to: 'single' });
  });

  it('changes nothing in a dry run', async () => {
    const dry = await run(['migrate', '--to', 'multi', '--dry-run']);
    expect(dry, dry.stderr).toMatchObject({ code: 0 });
    expect(dry.json<{ handovers: unknown[] }>().handovers).toHaveLength(2);
    expect(await status()).toMatchObject({ mode: 'single', run: null });
  });
});

describe('questions', () => {
  it('declines without a terminal: exit 3, nothing done', async () => {
    expect(await run(['migrate', '--to', 'multi'])).toMatchObject({ code: 3 });
    expect(await status()).toMatchObject({ mode: 'single', run: null });
  });

  it('wants the name of a protected environment, --yes is not enough', async () => {
    const yes = await run(['migrate', '--to', 'multi', '--yes'], {}, 'guarded');
    expect(yes, yes.stdout).toMatchObject({ code: 3 });
    const named = await run(['migrate', '--to', 'multi', '--confirm', 'guarded'], {}, 'guarded');
    expect(named, named.stderr).toMatchObject({ code: 0 });
    expect(await run(['rollback', '--confirm', 'guarded'], {}, 'guarded')).toMatchObject({ code: 0 });
  });

  it('asks nothing of a mode that there is none of: exit 64', async () => {
    const unasked = await run(['migrate', '--to', 'mutli']);
    expect(unasked, unasked.stdout).toMatchObject({ code: 64 });
    expect(unasked.json()).toMatchObject({ error: { code: 'mode-unknown' } });
  });

  it('refuses a mode that there is none of, and a step that there is none of: exit 64', async () => {
    expect(await run(['migrate', '--to', 'mutli', '--yes'])).toMatchObject({ code: 64 });
    expect(await run(['migrate', '--to', 'multi', '--pause-before', 'hand-over', '--yes'])).toMatchObject({
      code: 64,
    });
  });
});

describe('two operators at once', () => {
  it('sends the second one away with exit 6, and says who runs what since when', async () => {
    const account = await openWriter({ servers: [server.url] });
    const store = await StateStore.open(account, await loadTopology(FILE, 'test'));
    const lease = await takeLease(store, 'migrate --to multi', {
      host: silentHost,
      signal: new AbortController().signal,
    });
    try {
      for (const command of [
        ['migrate', '--to', 'multi', '--yes'],
        ['rollback', '--yes'],
        ['migrate', '--resume'],
      ]) {
        const second = await run(command);
        expect(second, second.stderr).toMatchObject({ code: 6 });
        expect(second.json()).toMatchObject({
          error: { code: 'locked', details: { command: 'migrate --to multi', pid: process.pid } },
        });
        expect(second.json<{ error: { message: string } }>().error.message).toMatch(
          / since \d{4}-\d\d-\d\dT/,
        );
      }
    } finally {
      await lease.release();
      await account.close();
    }
    expect(await run(['rollback', '--yes'])).toMatchObject({ code: 0 });
  });
});
