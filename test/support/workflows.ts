import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const GITHUB = fileURLToPath(new URL('../../.github/', import.meta.url));

export interface Step {
  name?: string;
  uses?: string;
  run?: string;
  if?: string;
  with?: Record<string, unknown>;
  env?: Record<string, string>;
}

export interface Job {
  uses?: string;
  needs?: string;
  if?: string;
  environment?: string;
  permissions?: Record<string, string>;
  concurrency?: { group: string; 'cancel-in-progress': boolean };
  strategy?: { matrix: Record<string, unknown[]> };
  'timeout-minutes'?: number;
  with?: Record<string, string>;
  steps?: Step[];
}

export interface Workflow {
  on: Record<string, { branches?: string[]; tags?: string[] } | null>;
  concurrency?: { group: string; 'cancel-in-progress': boolean | string };
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

/** Every workflow of the repository by its name, parsed as GitHub parses it (YAML 1.2: `on` is no boolean). */
export async function readWorkflows(): Promise<Record<string, Workflow>> {
  const files = await readdir(`${GITHUB}workflows`);
  const read = async (file: string) =>
    [file.replace(/\.yml$/, ''), parse(await readFile(`${GITHUB}workflows/${file}`, 'utf8'))] as const;
  return Object.fromEntries(await Promise.all(files.map(read))) as Record<string, Workflow>;
}

/** Workflows and actions as text, with their paths below .github. */
export async function readGithubFiles(): Promise<{ path: string; text: string }[]> {
  const paths = (await readdir(GITHUB, { recursive: true })).filter((path) => path.endsWith('.yml'));
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(`${GITHUB}${path}`, 'utf8') })),
  );
}
