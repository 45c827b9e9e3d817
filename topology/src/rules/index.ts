import { type Located, locate, type Path } from '../load/located.ts';
import type { Problem } from '../load/problem.ts';
import { resolveTopology } from '../load/resolve.ts';
import type { Shape } from '../schema/readShape.ts';
import type { TopologyFile } from '../schema/topologyFile.ts';
import * as consumers from './consumers.ts';
import * as deadLetters from './deadLetters.ts';
import * as environments from './environments.ts';
import * as names from './names.ts';
import * as references from './references.ts';
import type { Rule, RuleView } from './rule.ts';
import * as serverLimits from './serverLimits.ts';
import * as sources from './sources.ts';
import * as subjects from './subjects.ts';
import * as timing from './timing.ts';

/** Every rule, in the order of docs/topology.md. */
export const rules: readonly Rule[] = [
  references.nothingToChoose,
  references.unknownStream,
  references.unknownConsumer,
  references.unknownWorkload,
  references.unknownMode,
  references.duplicateWorkload,
  references.unused,
  subjects.badSubject,
  subjects.wildcardInToken,
  subjects.overlappingSubjects,
  subjects.reservedSubject,
  subjects.serverSubject,
  subjects.modesAlike,
  consumers.filterOutsideStream,
  consumers.silentStream,
  consumers.overlappingFilters,
  consumers.workqueueOverlap,
  consumers.workqueueConsumer,
  deadLetters.unheldDeadLetters,
  deadLetters.silentDeaths,
  deadLetters.modeInData,
  sources.sourceCycle,
  sources.unknownOrigin,
  sources.copiedInterest,
  sources.mirrorAlone,
  timing.deliveriesOutliveMaxAge,
  timing.refusedTime,
  timing.backoffTooLong,
  names.refusedNames,
  names.reservedStream,
  serverLimits.refusedValue,
  serverLimits.replicas,
  environments.badServerUrl,
  environments.secretInFile,
  environments.kubernetesTarget,
];

/**
 * Judges a file by every rule, as written and then as each of the environments sees it; what an environment has in common
 * with the file as written is said once.
 */
export function checkRules(root: Located, shape: Shape, environmentNames: readonly string[]): Problem[] {
  const { file, leftOut } = shape;
  const said = new Set<string>();
  const problems: Problem[] = [];
  const different = environmentNames.filter((name) => differs(file, name));
  for (const environment of [undefined, ...different]) {
    const view: RuleView = {
      file,
      environment,
      topology: resolveTopology(file, environment ?? '', ''),
      isWhole: (path, depth = Infinity) =>
        !leftOut.some(
          (gone) => (isWithin(gone, path) && gone.length <= path.length + depth) || isWithin(path, gone),
        ),
    };
    for (const rule of rules)
      for (const { path, at, message, fix, severity = rule.severity } of rule.check(view)) {
        const place = locate(root, path, at);
        const key = JSON.stringify([rule.code, place, message]);
        if (said.has(key)) continue;
        said.add(key);
        const where = environment === undefined ? '' : ` (environment ${environment})`;
        problems.push({ ...place, code: rule.code, severity, message: message + where, fix });
      }
  }
  return problems;
}

/** Whether an environment changes anything that a rule may judge otherwise than in the file as written. */
function differs(file: TopologyFile, name: string): boolean {
  const { streams, consumers } = file.environments[name] ?? {};
  // Only a durable that sets its own replicas is judged by those of its environment.
  const replicas = [file.consumers ?? {}, ...Object.values(file.modes).map((mode) => mode.consumers ?? {})];
  return (
    Boolean(streams ?? consumers) ||
    replicas.some((all) => Object.values(all).some((one) => 'replicas' in one))
  );
}

const isWithin = (path: Path, whole: Path): boolean =>
  path.length >= whole.length && whole.every((step, at) => step === path[at]);
