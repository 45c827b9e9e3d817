import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writeFile } from 'node:fs/promises';
import { messageOf, type PublishOutcome } from '@aa-ops/topology';
import { inCache } from '../../../cli/src/servers/cache.ts';
import { run } from '../../../cli/src/servers/search.ts';

/** nats-py, NATS' own client for Python: one wheel without dependencies, by its SHA-256. */
const VERSION = '2.16.0';
const SHA256 = 'aeb1ff123966c05833d26c7df7e1d54c1c6d32b612428b21677a2e921f1fecae';
const SCRIPT = fileURLToPath(new URL('./publisher.py', import.meta.url));

export interface Order {
  how: 'js' | 'request' | 'core';
  subject: string;
  headers: Record<string, string>;
  data: Uint8Array;
  timeoutMs: number;
}

/** A publisher in Python, on a connection of its own. */
export interface PythonClient {
  publish(order: Order): Promise<PublishOutcome>;
  close(): Promise<void>;
}

/** The folder that holds the client, fetched into the cache unless it is there; or why there is none. */
export async function findPythonClient(): Promise<{ path: string } | { missing: string }> {
  try {
    const path = await inCache(`nats-py-${VERSION}`, async (folder) => {
      const wanted = join(folder, 'requirements.txt');
      await writeFile(wanted, `nats-py==${VERSION} --hash=sha256:${SHA256}\n`);
      const pip = [
        '-m',
        'pip',
        '--disable-pip-version-check',
        '--no-input',
        'download',
        '--quiet',
        '--no-deps',
      ];
      await run('python3', [...pip, '--require-hashes', '--requirement', wanted, '--dest', folder], {
        timeoutMs: 120_000,
      });
      const wheel = join(folder, `nats_py-${VERSION}-py3-none-any.whl`);
      await run('python3', ['-m', 'zipfile', '-e', wheel, folder]);
    });
    return { path };
  } catch (error) {
    return { missing: `python3 with pip and PyPI are needed: ${messageOf(error)}` };
  }
}

export async function openPythonClient(folder: string, url: string): Promise<PythonClient> {
  // It ends with us: our end closes its stdin.
  const child = spawn('python3', [SCRIPT, url], {
    env: { ...process.env, PYTHONPATH: folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = new Map<number, (outcome: PublishOutcome) => void>();
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (line) => {
    const { id, outcome } = JSON.parse(line) as { id: number; outcome: PublishOutcome };
    waiting.get(id)?.(outcome);
    waiting.delete(id);
  });
  let orders = 0;
  return {
    publish({ data, timeoutMs, ...order }) {
      const id = orders++;
      const text = { id, ...order, data: Buffer.from(data).toString('base64'), timeout: timeoutMs / 1_000 };
      return new Promise((answered) => {
        waiting.set(id, answered);
        child.stdin.write(`${JSON.stringify(text)}\n`);
      });
    },
    async close() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
