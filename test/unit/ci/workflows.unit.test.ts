import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { catalog } from '../../../cli/src/frame/catalog.ts';
import {
  type Job,
  readGithubFiles,
  readWorkflows,
  type Step,
  type Workflow,
} from '../../support/workflows.ts';

/** Fails where a workflow lost what the deployment relies on. GitHub itself is not here: what it makes of them, nobody saw. */
let workflows: Record<string, Workflow>;
let files: { path: string; text: string }[];
let stacks: string[];

beforeAll(async () => {
  workflows = await readWorkflows();
  files = await readGithubFiles();
  stacks = (await readdir('.')).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
});

describe('every workflow', () => {
  test('takes actions of others by commit, and says which release that is', () => {
    const uses = files.flatMap(({ path, text }) =>
      [...text.matchAll(/^.*\buses: (.*)$/gm)].map((match) => ({ path, it: match[1]! })),
    );
    expect(uses.length).toBeGreaterThan(10);
    const ours = /^\.\/\.github\/\S+$/;
    const pinned = /^[\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
    expect(uses.filter(({ it }) => !ours.test(it) && !pinned.test(it))).toEqual([]);
    const commits = new Map<string, Set<string>>();
    for (const [action, pin] of uses.filter(({ it }) => pinned.test(it)).map(({ it }) => it.split('@')))
      commits.set(action!, (commits.get(action!) ?? new Set()).add(pin!));
    expect([...commits].filter(([, pins]) => pins.size > 1)).toEqual([]);
    const missing = uses.filter(({ it }) => ours.test(it) && !existsSync(it));
    expect(missing).toEqual([]);
  });

  test('may read the repository, and write only what it is there for', () => {
    for (const workflow of Object.values(workflows))
      expect(workflow.permissions).toEqual({ contents: 'read' });
    const more = everyJob().filter(({ job }) => job.permissions);
    expect(more.map(({ workflow, id, job }) => [workflow, id, job.permissions])).toEqual(
      expect.arrayContaining([
        ['preview', 'preview', { contents: 'read', 'pull-requests': 'write' }],
        ['images', 'image', { contents: 'read', packages: 'write' }],
      ]),
    );
    expect(more).toHaveLength(2);
  });

  test('leaves no token behind in the clone, and ends', () => {
    for (const { job } of everyJob().filter(({ job }) => !job.uses)) {
      const checkout = job.steps!.find(({ uses }) => uses?.startsWith('actions/checkout@'));
      expect(checkout?.with).toMatchObject({ 'persist-credentials': false });
      expect(job['timeout-minutes']).toBeGreaterThan(0);
    }
  });

  test("puts no expression into a shell's line, and never runs a fork with our rights", () => {
    const steps = everyJob().flatMap(({ job }) => job.steps ?? []);
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
    for (const { on } of Object.values(workflows)) {
      expect(on).not.toHaveProperty('pull_request_target');
      expect(on).not.toHaveProperty('workflow_run');
    }
  });

  test('names commands, files and versions that are there', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: object };
    const commands = catalog.map(({ name }) => name);
    for (const { text } of files) {
      for (const [, script] of text.matchAll(/npm run (\S+)/g))
        expect(Object.keys(scripts)).toContain(script);
      for (const [, command] of text.matchAll(/aa-ops\.js (\S+)/g)) expect(commands).toContain(command);
      for (const [, dockerfile] of text.matchAll(/dockerfile: (\S+Dockerfile)/g))
        expect(existsSync(dockerfile!)).toBe(true);
    }
    const goMod = await readFile('tools/pulumi/go.mod', 'utf8');
    const tested = /pulumi\/pkg\/v3 v(\S+)/.exec(goMod)![1];
    expect(new Set(pulumiSteps().map(({ step }) => step.with!['pulumi-version']))).toEqual(new Set([tested]));
  });

  test('takes settings that docs/ci.md explains, and no others', async () => {
    const used = new Set(
      files.flatMap(({ text }) => [...text.matchAll(/\b(?:secrets|vars)\.([A-Z_]+)/g)].map((it) => it[1]!)),
    );
    const docs = await readFile('docs/ci.md', 'utf8');
    const told = [...docs.matchAll(/^\| `([A-Z_]+)` \| (?:secret|variable)/gm)].map((match) => match[1]!);
    expect(told.sort()).toEqual([...used].sort());
  });
});

describe('a pull request', () => {
  test('gets a preview of every stack as a comment, after the topology was validated', () => {
    const { on, jobs } = workflows['preview']!;
    expect(on).toHaveProperty('pull_request');
    const { strategy, needs, steps, ...job } = jobs['preview']!;
    expect(strategy!.matrix['stack']!.toSorted()).toEqual(stacks.toSorted());
    expect(steps!.find(uses('pulumi/actions'))!.with).toMatchObject({
      command: 'preview',
      'stack-name': '${{ matrix.stack }}',
      'comment-on-pr': true,
    });
    expect(needs).toBe('validate');
    expect(jobs['validate']!.steps!.some(({ run }) => run?.includes('aa-ops.js validate'))).toBe(true);
    expect(job.if).toBe('github.event.pull_request.head.repo.full_name == github.repository');
    expect(job.environment).toBe('${{ matrix.stack }}-preview');
  });

  test('sees what drift says, and fails only where drift could not tell', () => {
    const { run } = workflows['preview']!.jobs['preview']!.steps!.find(named('aa-ops drift'))!;
    expect(run).toMatch(/aa-ops\.js drift .*\|\| \[ \$\? -eq 2 \]$/);
  });
});

describe('what is on main', () => {
  test('goes up stack by stack, production last', () => {
    const { on, jobs } = workflows['up']!;
    expect(on).toEqual({ push: { branches: ['main'] } });
    const { checks: _checks, ...ups } = jobs;
    expect(Object.keys(ups).toSorted()).toEqual(stacks.toSorted());
    for (const [stack, job] of Object.entries(ups))
      expect(job).toMatchObject({ uses: './.github/workflows/up-stack.yml', with: { stack } });
    expect(jobs['production']!.needs).toBe('staging');
    const steps = pulumiSteps().filter(({ step }) => step.with!['command'] === 'up');
    expect(steps.map(({ workflow }) => workflow)).toEqual(['up-stack']);
  });

  test("waits for the stack's environment, and for the up before it", () => {
    const job = workflows['up-stack']!.jobs['up']!;
    expect(job.environment).toBe('${{ inputs.stack }}');
    expect(job.concurrency).toEqual({ group: 'up-${{ inputs.stack }}', 'cancel-in-progress': false });
    expect(Object.keys(workflows['up-stack']!.on)).toEqual(['workflow_call']);
  });

  test('is validated before, and looked at for drift after', () => {
    const steps = workflows['up-stack']!.jobs['up']!.steps!;
    const order = ['aa-ops validate', 'pulumi up', 'aa-ops drift'].map((name) =>
      steps.findIndex(named(name)),
    );
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order).not.toContain(-1);
  });

  test('is looked at for drift where its up failed, too: GitHub leaves out every step behind a failed one that does not ask for it', () => {
    const steps = workflows['up-stack']!.jobs['up']!.steps!;
    expect(steps.find(named('aa-ops drift'))!.if).toBe('success() || failure()');
    expect(steps.find(named('pulumi up'))!.if).toBeUndefined();
  });

  test('is compared with the clusters every night, and nothing is changed', () => {
    const { on, jobs } = workflows['drift']!;
    expect(on).toHaveProperty('schedule');
    const { strategy, steps } = jobs['drift']!;
    expect(strategy!.matrix['stack']!.toSorted()).toEqual(stacks.toSorted());
    expect(steps!.find(named('aa-ops drift'))!.run).not.toContain('||');
    const preview = steps!.find(uses('pulumi/actions'))!;
    expect(preview.with).toMatchObject({ command: 'preview', refresh: true, 'expect-no-changes': true });
  });
});

describe('what goes out', () => {
  test('waits for the checks, whoever deploys or publishes', () => {
    const call = './.github/workflows/checks.yml';
    expect(workflows['checks']!.on).toHaveProperty('workflow_call');
    for (const [workflow, first] of [
      ['up', 'staging'],
      ['images', 'image'],
    ] as const) {
      const { jobs } = workflows[workflow]!;
      expect(jobs['checks']!.uses, workflow).toBe(call);
      expect(jobs[first]!.needs, workflow).toBe('checks');
    }
    const { on } = workflows['checks']!;
    expect(on, 'main would run them twice').not.toHaveProperty('push');
  });

  test('is not cancelled by the next commit: only a pull request’s checks are', () => {
    expect(workflows['checks']!.concurrency).toEqual({
      group: 'checks-${{ github.ref }}',
      'cancel-in-progress': "${{ github.event_name == 'pull_request' }}",
    });
  });

  test('has the version of package.json: another tag makes no images', () => {
    const { jobs } = workflows['images']!;
    const { run } = jobs['version']!.steps!.find(named('Refuse a tag that is not the version'))!;
    expect(run).toMatch(/version="v\$\(jq --raw-output \.version package\.json\)"/);
    expect(run).toMatch(/"\$GITHUB_REF_NAME" != "\$version" .*\n.*\n\s*exit 1/);
    expect(jobs['checks']!.needs).toBe('version');
  });
});

test('the checks of CI are those of a developer, on every Node that is supported', async () => {
  const { steps, strategy } = workflows['checks']!.jobs['checks']!;
  expect(steps!.some(({ run }) => run === '.ci/run')).toBe(true);
  const { engines } = JSON.parse(await readFile('package.json', 'utf8')) as { engines: { node: string } };
  const oldest = Number(/\d+/.exec(engines.node)![0]);
  expect(strategy!.matrix['node']![0]).toBe(oldest);
});

test('credentials are written where only the runner reads them', () => {
  const { text } = files.find(({ path }) => path === 'actions/prepare/action.yml')!;
  const { run } = (parse(text) as { runs: { steps: Step[] } }).runs.steps.find(named('Credentials'))!;
  expect(run!.split('\n')[0]).toBe('umask 077');
  expect(run).not.toContain('${{');
});

const named = (name: string) => (step: Step) => step.name === name;
const uses = (action: string) => (step: Step) => step.uses?.startsWith(`${action}@`) ?? false;

const everyJob = (): { workflow: string; id: string; job: Job }[] =>
  Object.entries(workflows).flatMap(([workflow, { jobs }]) =>
    Object.entries(jobs).map(([id, job]) => ({ workflow, id, job })),
  );

const pulumiSteps = () =>
  everyJob().flatMap(({ workflow, job }) =>
    (job.steps ?? []).filter(uses('pulumi/actions')).map((step) => ({ workflow, step })),
  );
