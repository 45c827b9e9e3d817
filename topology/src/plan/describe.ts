import { fieldPath, formatField } from '../fields/index.ts';
import type { WireChange } from './classify.ts';
import type { Change, FieldChange } from './plan.ts';

/** A wire-level change as the topology file names and writes it. */
export const fieldChange = (kind: Change['kind'], { wire, before, after }: WireChange): FieldChange => ({
  path: fieldPath(kind, wire),
  before: shown(kind, wire, before),
  after: shown(kind, wire, after),
});

/** Empty is shown as null: nothing is set. */
function shown(kind: Change['kind'], wire: string, value: unknown): unknown {
  if (value === '' || value === undefined || value === null) return null;
  if (typeof value === 'object' && Object.keys(value).length === 0) return null;
  return formatField(kind, wire, value);
}

/** Several reasons as one text, each once. */
export const reasons = (...all: (string | undefined)[]): string =>
  [...new Set(all.filter((one) => one !== undefined && one !== ''))].join('; ');

/** What to do where only making a thing anew would help. */
export const REPLACE_HINT = 'aa-ops apply --replace makes it anew, with its messages and positions';
