import { covers } from './sets.ts';
import { isValidSubject } from './validity.ts';

/** By convention all dead letters are below this; raw advisories beside them are none. */
export const DEAD_LETTERS = 'dlq.>';
/** Keys of the ConfigMap that name a dead-letter prefix. */
const PREFIX_KEY = /_DLQ_SUBJECT$/;

/** The prefixes that the ConfigMap gives the pods, by their keys. */
export const declaredPrefixes = (
  data: Readonly<Record<string, string>> = {},
): [key: string, prefix: string][] => Object.entries(data).filter(([key]) => PREFIX_KEY.test(key));

/** Where dead letters are, by convention and by what the pods are told; none of these filters is within another. */
export function deadLetterFilters(data?: Readonly<Record<string, string>>): string[] {
  const filters = [DEAD_LETTERS];
  for (const [, prefix] of declaredPrefixes(data)) {
    const filter = `${prefix}.>`;
    if (!isValidSubject(prefix) || covers(filters, filter)) continue;
    filters.splice(0, filters.length, ...filters.filter((one) => !covers([filter], one)), filter);
  }
  return filters;
}
