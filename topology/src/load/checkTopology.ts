import { checkRules } from '../rules/index.ts';
import { readShape } from '../schema/readShape.ts';
import type { TopologyFile } from '../schema/topologyFile.ts';
import { mergeFiles } from './mergeFiles.ts';
import { parseYaml } from './parseYaml.ts';
import { hasErrors, type Problem, sortProblems } from './problem.ts';
import { readSources } from './readSources.ts';

/** Everything that is wrong with a topology file, and what it says where nothing is (warnings aside). */
export interface CheckedTopology {
  problems: Problem[];
  /** The names to choose from, also where there are problems. */
  environments: string[];
  file?: TopologyFile;
}

/**
 * Reads one file, or the *.yaml files of a folder, and checks syntax, shape and rules: every problem at once, by place.
 * The rules are judged for one environment, or for all when none is given. Never throws for what a file says.
 */
export async function checkTopology(path: string, environment?: string): Promise<CheckedTopology> {
  const { sources, problems } = await readSources(path);
  const parsed = sources.map(parseYaml);
  for (const one of parsed) problems.push(...one.problems);
  const nodes = parsed.flatMap(({ node }) => (node ? [node] : []));
  const { node, problems: merging } = mergeFiles(nodes);
  problems.push(...merging);
  if (!node) return { problems: sortProblems(problems), environments: [] };
  const shape = readShape(node);
  // By the file as written: a name can be chosen even where something in its environment is wrong.
  const written = node.kind === 'map' ? node.entries.get('environments')?.node : undefined;
  const environments = written?.kind === 'map' ? [...written.entries.keys()] : [];
  // With a file missing, the rest would only be blamed for what stands in that one.
  if (nodes.length === sources.length && !problems.some(({ code }) => code === 'unreadable-file')) {
    problems.push(...shape.problems);
    problems.push(
      ...checkRules(
        node,
        shape,
        environment === undefined ? Object.keys(shape.file.environments) : [environment],
      ),
    );
  }
  const sorted = sortProblems(problems);
  return { problems: sorted, environments, ...(!hasErrors(sorted) && { file: shape.file }) };
}
