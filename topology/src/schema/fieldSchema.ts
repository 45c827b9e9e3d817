import { z } from 'zod';
import { type FieldSpec, type FieldTable, UNLIMITED } from '../fields/index.ts';
import { DURATION_PATTERN, parseDuration, SIZE_PATTERN } from '../units/index.ts';

/*
 * `error` is the name of what was expected, not a text for people: explainIssue.ts makes the message out of it and of the
 * value that stands there.
 */

/** A string. */
export const text = z.string({ error: 'text' });
/** true or false. */
export const flag = z.boolean({ error: 'flag' });
/** A list of strings. */
export const texts = z.array(text, { error: 'list' });
/** Names to strings. */
export const textMap = z.record(z.string(), z.string({ error: 'string-value' }), { error: 'map' });
/** A whole number of at least `min`. */
export const count = (min: number) => z.int({ error: 'count' }).min(min, { error: 'count' });
/** A duration as text; parsed by toWire. */
export const duration = z
  .string({ error: 'duration' })
  .regex(DURATION_PATTERN, { error: 'duration', abort: true })
  .refine((value) => parseDuration(value) !== undefined, { error: 'duration' });

const unlimited = (error: string) => z.literal(UNLIMITED, { error });
const age = z.union([duration, unlimited('age')], { error: 'age' });
const size = z.union(
  [
    z.string({ error: 'size' }).regex(SIZE_PATTERN, { error: 'size' }),
    z.int({ error: 'size' }).min(-1, { error: 'size' }),
    unlimited('size'),
  ],
  { error: 'size' },
);
const limit = z.union([z.int({ error: 'limit' }).min(-1, { error: 'limit' }), unlimited('limit')], {
  error: 'limit',
});
const time = z.iso.datetime({ offset: true, error: 'time' });

/** A map with these keys and no others. Its error names the keys that there are, for whoever mistyped one. */
export const object = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : 'map'),
  });

/** The schema of a table of fields: each optional unless the table says so, nothing else allowed. */
export function tableSchema(table: FieldTable, extra: Record<string, z.ZodType> = {}) {
  const shape: Record<string, z.ZodType> = { ...extra };
  for (const [name, spec] of Object.entries(table)) {
    const schema = kindSchema(spec).describe(spec.doc);
    shape[name] = spec.required ? schema : schema.optional();
  }
  return object(shape);
}

function kindSchema(spec: FieldSpec): z.ZodType {
  switch (spec.kind) {
    case 'duration':
      return duration;
    case 'durations':
      return z.array(duration, { error: 'list' });
    case 'age':
      return age;
    case 'size':
      return size;
    case 'limit':
      return limit;
    case 'count':
      return count(spec.min);
    case 'text':
      return text;
    case 'flag':
      return flag;
    case 'time':
      return time;
    case 'strings':
      return texts;
    case 'metadata':
      return textMap;
    case 'choice':
      return z.enum(spec.of, { error: 'choice' });
    case 'object':
      return tableSchema(spec.fields);
    case 'objects':
      return z.array(tableSchema(spec.fields), { error: 'list' });
  }
}
