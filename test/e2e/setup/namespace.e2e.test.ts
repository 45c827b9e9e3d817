import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** What in-namespace.mjs ends with where such namespaces are forbidden. */
const FORBIDDEN = 69;

const inNamespace = (...command: string[]) =>
  spawnSync(
    'sh',
    ['-c', 'umask 077; exec "$0" "$@"', process.execPath, 'scripts/in-namespace.mjs', ...command],
    {
      encoding: 'utf8',
    },
  );

it.skipIf(process.platform !== 'linux' || inNamespace('true').status === FORBIDDEN)(
  'what a cluster’s command writes is open to its pods, whoever started it',
  () => {
    const { status, stdout } = inNamespace('sh', '-c', 'umask');
    expect({ status, umask: stdout.trim() }).toEqual({ status: 0, umask: '0022' });
  },
);
