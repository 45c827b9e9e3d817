import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const command = resolve('dist/cli/aa-ops.js');
const shipped = resolve('topology');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aa-validate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function aaOps(args: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return { status, stdout, stderr };
}

describe('aa-ops validate', () => {
  it('passes the file that we ship, for every environment or one, from any folder', () => {
    expect(aaOps(['validate', '--topology', shipped])).toMatchObject({ status: 0 });
    const { status, stdout } = aaOps(['validate', '--topology', shipped, '--output', 'json'], {
      AA_OPS_ENV: 'staging',
    });
    expect({ status, ...(JSON.parse(stdout) as object) }).toEqual({
      status: 0,
      schemaVersion: 1,
      valid: true,
      environments: ['local', 'staging', 'production'],
      problems: [],
    });
  });

  it('ends with 64 and says all that is wrong, in one JSON document or as text', () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(
      file,
      'version: 1\nname: x\nstreams: { A: { maxAge: 7 days } }\nmodes: { m: { subjects: { B: [a] } } }\nenvironments: { e: { servers: [nats://x] } }\n',
    );
    const json = aaOps(['validate', '--topology', file, '--output', 'json']);
    expect(json.status).toBe(64);
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      error: { code: 'topology-invalid' },
      problems: [
        { file, line: 3, code: 'unused' },
        { file, line: 3, column: 25, code: 'bad-duration', fix: 'write 7d' },
        { file, line: 4, column: 27, code: 'unknown-stream', fix: 'choose one of A' },
      ],
    });
    const text = aaOps(['validate', '--topology', file]);
    expect(text.status).toBe(64);
    expect(text.stdout + text.stderr).toContain(
      `${file}:3:25: error: streams.A.maxAge is "7 days", not a duration or unlimited`,
    );
    expect(text.stdout + text.stderr).not.toMatch(/\n\s+at /);
  });

  it.each([
    ['a missing file', ['--topology', 'nowhere.yaml'], 'nowhere.yaml does not exist'],
    ['an unknown environment', ['--topology', shipped, '--env', 'prod'], 'there is no environment prod'],
  ])('ends with 64 for %s', (_, args, message) => {
    const { status, stdout, stderr } = aaOps(['validate', ...args]);
    expect(status).toBe(64);
    expect(stdout + stderr).toContain(message);
  });
});
