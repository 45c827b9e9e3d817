// Runs the built demo three times and writes what it printed into docs/results.md, and the first run's ledger into README.md.
// npx tsx bench/demo/record.ts, after npm run build, on a machine that does nothing else.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const RUNS = 3;
const root = fileURLToPath(new URL('../..', import.meta.url));
const README_BLOCK = /(<!-- demo output -->\n)[^]*(<!-- \/demo output -->)/;

interface Run {
  stages: string[];
  servers: string[];
  ledger: string;
}

function runDemo(): Run {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['dist/cli/aa-ops.js', 'demo', '--progress', 'plain'],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    },
  );
  if (status !== 0) throw new Error(`the demo ended with ${status}:\n${stderr}\n${stdout}`);
  const lines = stderr.split('\n');
  return {
    stages: lines.filter((line) => /^== .*: done, /.test(line)),
    servers: lines.flatMap((line) => /^(.*) listens on port/.exec(line)?.[1] ?? []),
    ledger: stdout.trim(),
  };
}

const fence = (text: string): string => `\`\`\`\n${text}\n\`\`\``;

const runs = Array.from({ length: RUNS }, runDemo);
const [first] = runs as [Run, ...Run[]];
const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${first.servers.sort().join(', ')}`;

writeFileSync(
  `${root}/docs/results.md`,
  `# Results

## The demo, three times

${fence('for i in 1 2 3; do npm run demo; done')}

Recorded by \`npx tsx bench/demo/record.ts\` on ${machine}, with the demo's defaults. The RMSSD values are real
([where they come from](../examples/README.md)); users, days and instants are synthetic. Of stderr only the ends of the stages are shown.

How it is counted: *lost* is acked and then in no stream; *doubled* is twice in one stream, or stored directly in two; *out of
order* is behind a later message of the same publisher and subject, in the stream that owns the subject in the end; *refused* is
every publish without an ack; *unaccounted* is a user and day whose newest acked event is neither its row nor a dead
letter. \`aa-ops demo --output json\` gives the same as one document.

${runs.map(({ stages, ledger }, index) => `### Run ${index + 1}\n\n${fence(stages.join('\n'))}\n\n${fence(ledger)}`).join('\n\n')}
`,
);

const readme = readFileSync(`${root}/README.md`, 'utf8');
const totals = first.ledger.split('\n').filter((line) => /^[A-Z][a-z ]+: {2,}/.test(line));
const shown = [...first.stages, '', ...totals, '', first.ledger.split('\n').at(-1)!];
writeFileSync(
  `${root}/README.md`,
  readme.replace(
    README_BLOCK,
    (_, open: string, close: string) => `${open}${fence(shown.join('\n'))}\n${close}`,
  ),
);
