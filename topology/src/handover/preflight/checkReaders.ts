import { type ConsumerInfo, RANGE_READER, type StreamInfo } from '../../jetstream/index.ts';
import { intersectSets } from '../../subjects/sets.ts';
import { epochOfSource } from '../names.ts';
import { isKeeper } from '../keeping.ts';
import type { HandoverGroup } from '../types.ts';
import type { Finding } from './finding.ts';

export const filtersOf = (config: { filter_subject?: string; filter_subjects?: string[] }): string[] =>
  config.filter_subjects?.length
    ? config.filter_subjects
    : config.filter_subject
      ? [config.filter_subject]
      : ['>'];

/**
 * Readers of moved subjects that the topology does not move along would fall silent without an error: consumers that the
 * target mode does not place (`placed`; ephemerals and push consumers too), and streams that mirror or source the origin. A way back only
 * warns of durables that the topology names: what it places in one mode only has no place in the other.
 */
export function checkReaders(
  group: HandoverGroup,
  consumersOf: (stream: string) => readonly ConsumerInfo[],
  streams: readonly StreamInfo[],
  placed: ReadonlySet<string>,
  named: ReadonlySet<string> = new Set(),
  wayBack = false,
): Finding[] {
  return group.copies.flatMap(({ origin, target, filters }) => {
    const consumers = consumersOf(origin)
      .filter(
        ({ name, config }) =>
          !placed.has(name) &&
          !isKeeper({ name }) &&
          config.description !== RANGE_READER && // ours, of a run that was killed a moment ago
          intersectSets(filtersOf(config), filters).length > 0,
      )
      .map(({ name, config }) => ({
        reader: `${config.durable_name ? 'durable' : 'ephemeral'} ${origin} > ${name}`,
        isNamed: named.has(name),
      }));
    const copies = streams
      .filter(({ config }) => config.name !== target && readsFrom(config, origin, filters))
      .map(({ config }) => ({
        reader: `stream ${config.name}, which ${config.mirror ? 'mirrors' : 'sources'} ${origin}`,
        isNamed: false,
      }));
    return [...consumers, ...copies].map(({ reader, isNamed }): Finding => ({
      code: 'undeclared-reader',
      severity: wayBack && isNamed ? 'warn' : 'refuse',
      override: 'leave-readers',
      message: `${reader} reads subjects that move to ${target} and would fall silent: ${filters.join(', ')}`,
      hint: 'place it in the mode that the run goes to, end it, or pass --leave-readers',
      details: { reader, origin, target, filters },
    }));
  });
}

function readsFrom(config: StreamInfo['config'], origin: string, filters: string[]): boolean {
  if (config.mirror?.name === origin) return true;
  return (config.sources ?? []).some((source) => {
    if (source.name !== origin || epochOfSource(source) !== undefined) return false;
    const read = source.subject_transforms?.map(({ src }) => src) ?? filtersOf(source);
    return intersectSets(read, filters).length > 0;
  });
}
