import { afterEach, describe, expect, it, vi } from 'vitest';
import { catalog } from '../../../cli/src/frame/catalog.ts';
import { globalOptionSpecs, readEarly } from '../../../cli/src/frame/globalOptions.ts';
import { parseLine } from '../../../cli/src/frame/parseLine.ts';
import type { CommandSpec } from '../../../cli/src/frame/spec.ts';
import { plainPaint } from '../../../cli/src/render/index.ts';

const VARIABLES = ['AA_OPS_DEV_DIR', 'AA_OPS_ENV', 'AA_OPS_TOPOLOGY', 'NATS_URL'];
for (const name of VARIABLES) vi.stubEnv(name, undefined);
afterEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
});

const parse = (line: string) =>
  parseLine(line.split(' ').filter(Boolean), { catalog, version: '1.2.3', paint: plainPaint });

async function run(line: string) {
  const parsed = await parse(line);
  if (parsed.kind !== 'run') throw new Error(`printed ${parsed.what}`);
  return parsed;
}

describe('a command line', () => {
  it('takes global options before, within and behind the command', async () => {
    for (const line of [
      '--env staging --output json streams ls --all',
      'streams --env staging ls --output json --all',
      'streams ls --all --env=staging -o json',
    ]) {
      const { spec, options, args } = await run(line);
      expect(spec.name).toBe('ls');
      expect(options).toMatchObject({ env: 'staging', output: 'json' });
      expect(args).toEqual({ all: true });
    }
  });

  it('has defaults, and leaves out what is not given', async () => {
    const { options } = await run('status');
    expect(options).toEqual({
      topology: './topology',
      output: 'text',
      progress: 'auto',
      yes: false,
      color: true,
      quiet: false,
      verbose: false,
      timeoutMs: 5_000,
    });
  });

  it('falls back to the environment, where it says something', async () => {
    vi.stubEnv('AA_OPS_ENV', 'staging');
    vi.stubEnv('AA_OPS_TOPOLOGY', '/etc/topology');
    expect((await run('status')).options).toMatchObject({ env: 'staging', topology: '/etc/topology' });
    expect((await run('status --env production')).options.env).toBe('production');
    vi.stubEnv('AA_OPS_ENV', '');
    vi.stubEnv('AA_OPS_TOPOLOGY', '');
    const { options } = await run('status');
    expect(options).toMatchObject({ topology: './topology' });
    expect(options).not.toHaveProperty('env');
  });

  it('has the local platform where AA_OPS_DEV_DIR says, or --dir', async () => {
    expect((await run('dev status')).args).toEqual({ dir: '.aa-ops/dev' });
    vi.stubEnv('AA_OPS_DEV_DIR', '/var/dev');
    expect((await run('dev status')).args).toEqual({ dir: '/var/dev' });
    expect((await run('dev status --dir here')).args).toEqual({ dir: 'here' });
    vi.stubEnv('AA_OPS_DEV_DIR', '');
    expect((await run('dev status')).args).toEqual({ dir: '.aa-ops/dev' });
  });

  it('reads durations, whole numbers and arguments', async () => {
    expect((await run('status --timeout 1m30s')).options.timeoutMs).toBe(90_000);
    expect((await run('streams view AA_DLQ --from 7 --count 3')).args).toEqual({
      stream: 'AA_DLQ',
      from: 7,
      count: 3,
    });
    expect((await run('apply')).args).toEqual({});
    expect((await run('apply staging.plan --dry-run')).args).toEqual({ plan: 'staging.plan', dryRun: true });
  });

  it.each([
    ['plna', 'unknown-command', /unknown command 'plna'/, 'did you mean plan?'],
    ['streams lss', 'unknown-command', /unknown command 'lss'/, 'did you mean ls?'],
    ['plan --otu x', 'unknown-option', /unknown option '--otu'/, 'did you mean --out?'],
    ['plan --nothing-like-it', 'unknown-option', /--nothing-like-it/, 'aa-ops plan --help'],
    ['help streams lss', 'unknown-command', /unknown command 'lss'/, 'did you mean ls?'],
    ['help plan more', 'unknown-command', /unknown command 'more'/, 'aa-ops plan --help'],
    ['', 'missing-command', /no command given/, 'aa-ops --help'],
    ['streams', 'missing-command', /streams needs a command/, 'aa-ops streams --help'],
    ['streams info', 'missing-argument', /'stream'/, 'aa-ops streams info --help'],
    ['plan one', 'excess-arguments', /too many arguments/, 'aa-ops plan --help'],
    ['plan --env', 'option-missing-argument', /--env <name>/, 'aa-ops plan --help'],
    ['plan --output xml', 'invalid-argument', /'xml' is invalid$/, 'allowed choices are text, json, yaml'],
    ['plan --timeout soon', 'invalid-argument', /'soon' is invalid$/, /^write a duration/],
    ['plan --timeout 0s', 'invalid-argument', /'0s' is invalid$/, /^write a duration/],
    ['plan --timeout 60d', 'invalid-argument', /'60d' is invalid$/, /24d/],
    ['streams view X --count -1', 'invalid-argument', /'-1' is invalid$/, /^write a whole number/],
    ['streams view X --count 0', 'invalid-argument', /'0' is invalid$/, /^write a whole number from 1 on/],
    [
      'dev up --nats-port 99999',
      'invalid-argument',
      /'99999' is invalid$/,
      /^write a whole number from 0 to 65535/,
    ],
    ['dev up --postgres-port 65536', 'invalid-argument', /'65536' is invalid$/, /65535/],
    ['dev up --front-door-port x', 'invalid-argument', /'x' is invalid$/, /65535/],
    ['help nosuch', 'unknown-command', /unknown command 'nosuch'/, 'aa-ops --help'],
    ['nosuch --help', 'unknown-command', /unknown command 'nosuch'/, 'aa-ops --help'],
    ['streams inof -h', 'unknown-command', /unknown command 'inof'/, 'did you mean info?'],
    ['help plna', 'unknown-command', /unknown command 'plna'/, 'did you mean plan?'],
    ['streams help inof', 'unknown-command', /unknown command 'inof'/, 'did you mean info?'],
    ['plan --server=', 'invalid-argument', /'' is invalid$/, /^it is empty: is a variable in it not set/],
    ['migrate --pause-before lunch', 'invalid-argument', /'lunch' is invalid$/, /handover/],
  ])('%s: %s', async (line, code, message, hint) => {
    const error = await parse(line).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'OpsError', kind: 'usage', code });
    expect((error as Error).message).toMatch(message);
    expect((error as { hint: string }).hint).toMatch(hint);
  });

  it('is told early how an error has to look, however wrong it is', () => {
    expect(readEarly(['bad', '--output', 'json'])).toMatchObject({ output: 'json', color: true });
    expect(readEarly(['-ojson', '--no-color', '-v'])).toMatchObject({
      output: 'json',
      color: false,
      verbose: true,
    });
    expect(readEarly(['--output=yaml', '--progress=ndjson'])).toMatchObject({
      output: 'yaml',
      progress: 'ndjson',
    });
    expect(readEarly(['--output', 'xml'])).toMatchObject({ output: 'text', progress: 'auto' });
    expect(readEarly(['--', '--output', 'json'])).toMatchObject({ output: 'text' });
  });

  it('prints help and version without running anything', async () => {
    expect(await parse('--version')).toEqual({ kind: 'print', what: 'version', text: '1.2.3\n' });
    for (const line of ['help', '--help', 'plan --help', 'help plan', 'streams ls --help'])
      expect(await parse(line)).toMatchObject({ kind: 'print', what: 'help' });
  });
});

const leaves = (specs: readonly CommandSpec[], above = ''): [string, CommandSpec][] =>
  specs.flatMap((spec) =>
    spec.commands
      ? leaves(spec.commands, `${above}${spec.name} `)
      : [[above + spec.name, spec] as [string, CommandSpec]],
  );
const names = (flags: string): string[] => flags.split(/[ ,]+/).filter((word) => word.startsWith('-'));

describe('the catalog', () => {
  it.each(leaves(catalog))('%s exists, and its help shows what it declares', async (path, spec) => {
    expect(await spec.load?.()).toBeTypeOf('function');
    const help = await parse(`${path} --help`);
    if (help.kind !== 'print') throw new Error('no help');
    expect(await parse(`help ${path}`)).toEqual(help);
    for (const { flags } of [...(spec.options ?? []), ...globalOptionSpecs])
      expect(help.text).toContain(flags);
    for (const { command } of spec.examples ?? []) {
      expect(help.text).toContain(`aa-ops ${command}`);
      // Up to a pipe or a redirection: the example is a line that parses, and as this very command.
      const [line = ''] = command.split(/ [|>;] ?/);
      expect((await run(line)).spec).toBe(spec);
    }
  });

  it('gives no option of a command the name of one that stands everywhere', () => {
    const taken = new Set(
      globalOptionSpecs.flatMap(({ flags }) => names(flags)).concat('-h', '-V', '--version'),
    );
    for (const [, { options = [] }] of leaves(catalog))
      expect(options.flatMap(({ flags }) => names(flags)).filter((name) => taken.has(name))).toEqual([]);
  });

  it('keeps to the tone: a summary is lower case, one line, without a full stop', () => {
    for (const [path, { summary, options = [] }] of leaves(catalog))
      for (const text of [summary, ...options.map((option) => option.summary)])
        expect(`${path}: ${text}`).toMatch(/: (?:[^A-Z\n]|[A-Z]{2})[^\n]*[^.\n]$/);
  });
});
