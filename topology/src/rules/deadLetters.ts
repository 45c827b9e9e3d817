import { DEAD_LETTERS, deadLetterFilters, declaredPrefixes } from '../subjects/deadLetters.ts';
import type { Path } from '../load/located.ts';
import { show } from '../schema/explainIssue.ts';
import { covers, isValidFilter, isValidSubject, overlaps } from '../subjects/index.ts';
import { type Finding, placedConsumers, type Rule, type RuleView } from './rule.ts';

/** Where consumers-runtime publishes dead letters unless NORMALIZE_HRV_DLQ_SUBJECT says otherwise. */
const DEFAULT_PREFIX = 'dlq.normalize.hrv.raw-received';
/** The server's only word about a message whose deliveries are used up. */
const EXHAUSTED = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>';

/** What every stream of a mode hears, together. */
const heardIn = ({ topology }: RuleView, mode: string): string[] =>
  Object.values(topology.modes[mode]?.subjects ?? {})
    .flat()
    .filter(isValidFilter);

/** Modes whose subjects are all there to be judged. */
const wholeModes = (view: RuleView): string[] =>
  Object.keys(view.file.modes).filter((mode) => view.isWhole(['modes', mode], 2));

/** A dead letter that no stream hears is lost: the runtime would wait for a PubAck that never comes. */
export const unheldDeadLetters: Rule = {
  code: 'unheld-dead-letters',
  severity: 'error',
  why: 'a dead letter is published before its message is terminated: in every mode a stream must hold its subject',
  *check(view) {
    for (const { prefix, path } of prefixesOf(view)) {
      if (!isValidSubject(prefix)) {
        yield {
          path,
          message: `${show(prefix)} is no subject`,
          fix: `write a subject, such as ${DEFAULT_PREFIX}`,
        };
        continue;
      }
      for (const mode of wholeModes(view))
        if (!covers(heardIn(view, mode), `${prefix}.*`))
          yield unheld(mode, `${prefix}.*`, subjectsOf(view, mode));
    }
    yield* heldElsewhere(view);
  },
};

/** The prefixes that the pods are told of; the runtime's own where there are pods that consume and nothing else is said. */
function* prefixesOf({ file }: RuleView): Generator<{ prefix: string; path: Path }> {
  const declared = declaredPrefixes(file.configMap?.data);
  for (const [key, prefix] of declared) yield { prefix, path: ['configMap', 'data', key] };
  if (declared.length === 0 && file.workloads?.some(({ role }) => role === 'consumer'))
    yield { prefix: DEFAULT_PREFIX, path: ['workloads'] };
}

/** What one mode stores of `dlq.>`, another one must not let go. */
function* heldElsewhere(view: RuleView): Generator<Finding> {
  const modes = wholeModes(view);
  const held = new Set(
    modes.flatMap((mode) => heardIn(view, mode)).filter((subject) => overlaps(subject, DEAD_LETTERS)),
  );
  const declared = new Set([...prefixesOf(view)].map(({ prefix }) => `${prefix}.*`));
  for (const mode of modes)
    for (const subject of held)
      if (subject.startsWith('dlq.') && !declared.has(subject) && !covers(heardIn(view, mode), subject))
        yield unheld(mode, subject, subjectsOf(view, mode));
}

const subjectsOf = (view: RuleView, mode: string): Path =>
  view.file.modes[mode]?.subjects ? ['modes', mode, 'subjects'] : ['modes', mode];

function unheld(mode: string, subject: string, path: Path): Finding {
  const wanted = covers([DEAD_LETTERS], subject) ? DEAD_LETTERS : subject;
  return {
    path,
    at: 'key',
    message: `no stream of mode ${mode} holds the dead letters ${subject}`,
    fix: `give ${wanted} to a stream in modes.${mode}.subjects`,
  };
}

/** Deliveries that end without a dead letter or an advisory leave no trace. */
export const silentDeaths: Rule = {
  code: 'silent-deaths',
  severity: 'warning',
  why: 'when a process dies in the last delivery only an advisory tells; where nothing stores it, or holds dead letters, the message is gone unseen',
  *check(view) {
    const limited = [...placedConsumers(view)].filter(({ fields }) => (fields.max_deliver ?? -1) > 0);
    for (const mode of wholeModes(view)) {
      const consumer = limited.find((placed) => placed.mode.name === mode);
      if (!consumer) continue;
      const heard = heardIn(view, mode);
      const filters = deadLetterFilters(view.file.configMap?.data);
      for (const places of [[EXHAUSTED], filters])
        if (!places.some((place) => heard.some((one) => overlaps(one, place))))
          yield {
            path: subjectsOf(view, mode),
            at: 'key',
            message: `consumer ${consumer.name} gives up after ${consumer.fields.max_deliver} deliveries, and no stream of mode ${mode} holds ${places.join(' or ')}`,
            fix: `give ${places.at(-1)!} to a stream in modes.${mode}.subjects`,
          };
    }
  },
};

/** Only aa-ops writes the mode. */
export const modeInData: Rule = {
  code: 'mode-in-data',
  severity: 'error',
  why: 'only a migration writes the mode to the ConfigMap: a fixed value would be written over it',
  *check({ file }) {
    const { modeKey, data = {} } = file.configMap ?? {};
    if (modeKey !== undefined && Object.hasOwn(data, modeKey))
      yield {
        path: ['configMap', 'data', modeKey],
        at: 'key',
        message: `configMap.data sets ${modeKey}, which carries the mode`,
        fix: 'leave it out: the live mode decides',
      };
  },
};
