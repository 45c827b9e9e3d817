import type pg from 'pg';

/** A table of ours by name that somebody else made and that events cannot be written to as it stands. */
export class TableRefused extends Error {
  override readonly name = 'TableRefused';
}

interface Column {
  name: string;
  type: string;
  nullable: boolean;
  hasDefault: boolean;
}

/** Our columns, the types that hold their values, and how to add one that is missing. */
const NEEDED = [
  { name: 'user_id', types: /^(text|character varying)/, add: undefined },
  { name: 'date', types: /^(date|timestamp without time zone)$/, add: undefined },
  { name: 'rmssd', types: /^(double precision|numeric|real)$/, add: undefined },
  {
    name: 'ln_rmssd',
    types: /^(double precision|numeric|real)$/,
    add: 'double precision NOT NULL DEFAULT 0',
  },
  { name: 'captured_at', types: /^timestamp/, add: "timestamptz NOT NULL DEFAULT '-infinity'" },
  { name: 'created_at', types: /^timestamp/, add: 'timestamptz NOT NULL DEFAULT now()' },
  { name: 'updated_at', types: /^timestamp/, add: 'timestamptz NOT NULL DEFAULT now()' },
] as const;
const NAMES: ReadonlySet<string> = new Set(NEEDED.map((column) => column.name));

/**
 * Looks at an `hrv_data` that no migration of ours made (Prisma's, with `"userId"` and `"createdAt"`, is the known one).
 * False: there is none. True: it can be used as it is. Throws TableRefused with the SQL that would make it usable: renaming
 * columns under a service that still uses the old names is for a person to decide.
 */
export async function canAdopt(client: pg.ClientBase): Promise<boolean> {
  const columns = await readColumns(client);
  if (columns.length === 0) return false;
  const problems: string[] = [];
  const sql: string[] = [];
  const alter = (what: string): void => void sql.push(`ALTER TABLE hrv_data ${what};`);

  const named = new Map(columns.map((column) => [column.name, column]));
  for (const column of columns) {
    const ours = snakeCase(column.name);
    if (ours === column.name || !NAMES.has(ours) || named.has(ours)) continue;
    problems.push(`${ours} is called "${column.name}"`);
    alter(`RENAME COLUMN "${column.name}" TO ${ours}`);
    named.delete(column.name);
    named.set(ours, { ...column, name: ours });
  }
  for (const { name, types, add } of NEEDED) {
    const column = named.get(name);
    if (!column) {
      problems.push(`${name} is missing`);
      alter(add ? `ADD COLUMN ${name} ${add}` : `ADD COLUMN ${name} ... -- and fill it`);
    } else if (!types.test(column.type)) {
      problems.push(`${name} is of type ${column.type}`);
      alter(`ALTER COLUMN ${name} TYPE ... -- one of ${types.source}`);
    }
  }
  for (const { name, type, nullable, hasDefault } of named.values()) {
    const written = NAMES.has(name) && name !== 'created_at' && name !== 'updated_at';
    if (nullable || hasDefault || written) continue;
    problems.push(`"${name}" must not be null and has no default`);
    alter(`ALTER COLUMN "${name}" SET DEFAULT ${defaultFor(type)}`);
  }
  const keys = await readUniqueKeys(client);
  for (const { name, deferrable } of keys) {
    if (!deferrable) continue;
    problems.push(`its unique key ${name} is deferrable, which ON CONFLICT does not take`);
    alter(`DROP CONSTRAINT ${name}`);
  }
  if (!keys.some(({ deferrable }) => !deferrable)) {
    if (keys.length === 0) problems.push('there is no unique (user_id, date)');
    sql.push('CREATE UNIQUE INDEX hrv_data_user_id_date_key ON hrv_data (user_id, date);');
  }
  if (problems.length === 0) return true;
  throw new TableRefused(
    `hrv_data was not made by these migrations and cannot be used: ${problems.join('; ')}. ` +
      `When nobody needs the old names any more, run: ${sql.join(' ')}`,
  );
}

async function readColumns(client: pg.ClientBase): Promise<Column[]> {
  const { rows } = await client.query<Column>(`
    SELECT attname AS name, format_type(atttypid, NULL) AS type, NOT attnotnull AS nullable,
           (atthasdef OR attidentity <> '') AS "hasDefault"
    FROM pg_attribute WHERE attrelid = to_regclass('hrv_data') AND attnum > 0 AND NOT attisdropped ORDER BY attnum`);
  return rows;
}

interface UniqueKey {
  /** Quoted where it must be. */
  name: string;
  deferrable: boolean;
}

/** Those of (user_id, date), whatever the two columns are called at the moment. One that is deferrable breaks every upsert, even beside another. */
async function readUniqueKeys(client: pg.ClientBase): Promise<UniqueKey[]> {
  const { rows } = await client.query<UniqueKey & { names: string[] }>(`
    SELECT quote_ident(relname) AS name, NOT indimmediate AS deferrable, array_agg(attname::text) AS names
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indrelid = to_regclass('hrv_data') AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
    GROUP BY indexrelid, relname, indimmediate`);
  return rows.filter(({ names }) => names.map(snakeCase).sort().join() === 'date,user_id');
}

function defaultFor(type: string): string {
  if (type.startsWith('timestamp')) return 'now()';
  if (type === 'uuid') return 'gen_random_uuid()';
  return /^(text|character)/.test(type) ? 'gen_random_uuid()::text' : '...';
}

/** `lnRmssd` and `lnRMSSD` become `ln_rmssd`. */
const snakeCase = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
