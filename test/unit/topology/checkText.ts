import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CheckedTopology, checkTopology, loadTopology, type Topology } from '@aa-ops/topology';

/** Writes files into a folder of their own, hands its path on, and takes it away again. */
export async function withFiles<T>(
  files: Record<string, string | Uint8Array>,
  use: (path: string) => Promise<T>,
) {
  const folder = await mkdtemp(join(tmpdir(), 'aa-topology-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Marks in a YAML text where a problem is expected. */
export const MARK = '▸';

/** Checks one text; `place` is where its mark stood, as line:column. Problems name the file `t.yaml`. */
export async function checkText(marked: string): Promise<CheckedTopology & { place: string }> {
  const at = marked.indexOf(MARK);
  const before = marked.slice(0, Math.max(at, 0)).split('\n');
  const checked = await withFiles({ 't.yaml': marked.replace(MARK, '') }, async (folder) => {
    const found = await checkTopology(join(folder, 't.yaml'));
    const problems = found.problems.map((problem) => ({
      ...problem,
      file: problem.file.replace(`${folder}/`, ''),
    }));
    return { ...found, problems };
  });
  return { ...checked, place: at === -1 ? '' : `${before.length}:${(before.at(-1)?.length ?? 0) + 1}` };
}

/** Loads one text as an environment sees it. */
export const loadText = (text: string, environment: string): Promise<Topology> =>
  withFiles({ 't.yaml': text }, (folder) => loadTopology(folder, environment));

/** `line:column code` of each problem. */
export const brief = ({ problems }: CheckedTopology): string[] =>
  problems.map(({ line, column, code }) => `${line}:${column} ${code}`);
