// What a command costs before it does anything, as multiples of `node -e 0`: taken in turns, since the machine drifts.
// node bench/startup/startup.mjs [rounds]
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const aaOps = fileURLToPath(new URL('../../dist/cli/aa-ops.js', import.meta.url));
if (!existsSync(aaOps)) throw new Error('nothing is built: npm run build');

const rounds = Number(process.argv[2] ?? 31);
const lines = [
  ['node -e 0', ['-e', '0']],
  ['aa-ops --version', [aaOps, '--version']],
  ['aa-ops --help', [aaOps, '--help']],
  ['aa-ops plan --help', [aaOps, 'plan', '--help']],
  [
    'aa-ops validate',
    [aaOps, 'validate', '--topology', fileURLToPath(new URL('../../topology', import.meta.url))],
  ],
];

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const times = new Map(lines.map(([name]) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, args] of lines) {
    const begun = process.hrtime.bigint();
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    times.get(name).push(Number(process.hrtime.bigint() - begun) / 1e6);
  }
}

const bare = median(times.get('node -e 0'));
console.log(`| line | median of ${rounds}, ms | x node -e 0 |\n|---|---|---|`);
for (const [name, values] of times)
  console.log(`| \`${name}\` | ${median(values).toFixed(0)} | ${(median(values) / bare).toFixed(2)} |`);
