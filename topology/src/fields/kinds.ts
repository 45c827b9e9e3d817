/**
 * What a field holds, in the file and on the wire:
 * `duration` `2m` / ns · `age` the same, where 0 is `unlimited` · `size` `64KiB` or bytes / bytes, where -1 is `unlimited` ·
 * `limit` a count, where -1 is `unlimited` · `count` a number · `text`, `flag`, `time` (RFC 3339), `strings`, `metadata` as
 * they are · `durations` a list · `choice` one of a few words · `object` and `objects` with fields of their own.
 */
export type FieldKind =
  | {
      kind:
        | 'duration'
        | 'age'
        | 'size'
        | 'limit'
        | 'text'
        | 'flag'
        | 'time'
        | 'strings'
        | 'metadata'
        | 'durations';
    }
  | { kind: 'count'; min: number }
  | { kind: 'choice'; of: readonly string[] }
  | { kind: 'object' | 'objects'; fields: FieldTable };

export type FieldSpec = FieldKind & {
  /** The name in JetStream's JSON API. */
  wire: string;
  /** One line for editors and docs. */
  doc: string;
  required?: boolean;
};

/** Name in the topology file to what it is. */
export type FieldTable = Readonly<Record<string, FieldSpec>>;
