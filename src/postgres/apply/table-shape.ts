import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import { quoteIdentifier, quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Reference, TargetTable } from '../../ports/applier.ts';
import { APART_SQL, type Apart } from './clashing.ts';

/** What the applier's statements need to know of a table beyond its names. */
export interface TableShape extends TargetTable {
  /** Quoted, for SQL. */
  readonly sqlName: string;
  readonly sqlColumns: readonly string[];
  /** Each column's type without length or precision: an explicit cast to `varchar(3)` would cut silently. */
  readonly sqlTypes: readonly string[];
  /** Indexes of columns an UPDATE may set: neither key nor GENERATED ALWAYS AS IDENTITY. */
  readonly settable: readonly number[];
  readonly otherUniques: readonly (readonly number[])[];
  readonly references: readonly Reference[];
  /** Everything beside the key that may refuse a row for another's sake. */
  readonly apart: readonly Apart[];
  /** A column's default as SQL, where it is a plain value. */
  readonly defaults: readonly (string | undefined)[];
  /** How many columns the table has ever had. */
  readonly columnsEver: string;
  /** Columns that the server computes from the others. */
  readonly generated: readonly { readonly sqlName: string; readonly expression: string }[];
}

interface ShapeRow {
  readonly ever: string;
  readonly columns: string | null;
  readonly key: string | null;
  readonly uniques: string | null;
  readonly fks: string | null;
  readonly apart: string | null;
  readonly generated: string | null;
}

interface ColumnFact {
  readonly name: string;
  readonly type: string;
  readonly identity: string;
  readonly default: string | null;
}

interface GeneratedFact {
  readonly name: string;
  readonly expression: string;
}

interface ReferenceFact {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly there: readonly string[];
  readonly valid: boolean;
  /** The server's letter: a, r, c, n, d. */
  readonly action: string;
  readonly nullable: boolean;
  /** Columns of SET NULL (…). */
  readonly sets: readonly string[] | null;
}

/**
 * Reads the shapes of tables from the target's catalogue. Generated columns are left out: they are never
 * written. The key is the primary key, else a unique index of columns that are not null.
 *
 * @param options.keyless whether tables without a key are let through; theirs is empty. Default false.
 * @throws BANYAN_TABLE_UNKNOWN, BANYAN_NO_KEY
 */
export async function readShapes(
  client: pg.ClientBase | pg.Pool,
  tables: readonly TableName[],
  options: { readonly keyless?: boolean } = {},
): Promise<Map<TableName, TableShape>> {
  const shapes = new Map<TableName, TableShape>();
  for (const table of tables) {
    const found = await client.query<ShapeRow>(SHAPE_SQL, [quoteTable(table)]);
    const row = found.rows[0];
    if (!row?.columns) {
      throw new BanyanError('BANYAN_TABLE_UNKNOWN', { message: `The target has no table ${table}.` });
    }
    const shape = shapeOf(table, row);
    if (shape.key.length === 0 && options.keyless !== true) {
      throw new BanyanError('BANYAN_NO_KEY', {
        message: `${table} has neither a primary key that can be written (a deferrable one can not) nor a unique index of columns that are not null.`,
      });
    }
    shapes.set(table, shape);
  }
  return shapes;
}

function shapeOf(table: TableName, row: ShapeRow): TableShape {
  const facts = parsed<ColumnFact>(row.columns);
  const names = facts.map((fact) => fact.name);
  const places = parsed<string>(row.key).map((name) => names.indexOf(name));
  // A generated column is never written, so a row is not found by it either.
  const key = places.includes(-1) ? [] : places;
  return {
    name: table,
    columns: names,
    key,
    sqlName: quoteTable(table),
    sqlColumns: names.map(quoteIdentifier),
    sqlTypes: facts.map((fact) => fact.type),
    settable: names.map((_, i) => i).filter((i) => !key.includes(i) && facts[i]?.identity !== 'a'),
    otherUniques: parsed<string[]>(row.uniques).map((columns) => columns.map((name) => names.indexOf(name))).filter((u) => !u.includes(-1)),
    references: parsed<ReferenceFact>(row.fks).map(({ schema, table: parent, columns, there, valid, action, nullable, sets }) => {
      const nulls = action === 'n' && sets ? sets : nullable ? columns : undefined;
      return {
        columns: columns.map((name) => names.indexOf(name)), table: tableName(schema, parent), there, valid,
        onDelete: action === 'c' ? 'remove' : action === 'n' ? 'null' : 'keep', ...(nulls ? { nulls: nulls.map((name) => names.indexOf(name)) } : {}),
      };
    }),
    columnsEver: row.ever,
    apart: parsed<Apart>(row.apart),
    // Whatever calls something may have effects, or differ each time.
    defaults: facts.map((fact) => (fact.default === null || fact.default.includes('(') ? undefined : fact.default)),
    generated: parsed<GeneratedFact>(row.generated).map(({ name, expression }) => ({ sqlName: quoteIdentifier(name), expression })),
  };
}

/** A list that the server made. Nothing of a row is in it. */
const parsed = <T>(json: string | null): T[] => (json === null ? [] : (JSON.parse(json) as T[]));

/** $1: the quoted name. Columns that an index only INCLUDEs are behind its key columns. */
const SHAPE_SQL = `
SELECT c.relnatts AS ever,
  (SELECT json_agg(json_build_object('name', a.attname,
            'type', quote_ident(n.nspname) || '.' || quote_ident(t.typname),
            'identity', a.attidentity,
            'default', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum)) ORDER BY a.attnum)
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
  (SELECT json_agg(json_build_object('name', a.attname, 'expression', pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum)
     FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attgenerated <> '') AS generated,${APART_SQL} AS apart,
  (SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WHERE i.indexrelid = key.oid) AS key,
  (SELECT json_agg(u.columns) FROM (
     SELECT (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS columns
       FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indexrelid IS DISTINCT FROM key.oid AND i.indpred IS NULL AND i.indexprs IS NULL) u) AS uniques,
  (SELECT json_agg(json_build_object('schema', n.nspname, 'table', p.relname,
            'columns', (SELECT json_agg(a.attname ORDER BY k.i) FROM unnest(f.conkey) WITH ORDINALITY AS k(attnum, i)
                          JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
            'there', (SELECT json_agg(a.attname ORDER BY k.i) FROM unnest(f.confkey) WITH ORDINALITY AS k(attnum, i)
                        JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum),
            'valid', f.convalidated, 'action', f.confdeltype,
            'nullable', NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND (a.attnotnull OR a.attgenerated <> '')),
            'sets', (SELECT json_agg(a.attname) FROM jsonb_array_elements_text(nullif(to_jsonb(f) -> 'confdelsetcols', 'null')) AS s(attnum)
                       JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = s.attnum::int2)) ORDER BY f.conname)
     FROM pg_constraint f JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace n ON n.oid = p.relnamespace
    WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0) AS fks
FROM pg_class c LEFT JOIN LATERAL (
  SELECT i.indexrelid AS oid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
   WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
     AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attnotnull
                        AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
   ORDER BY i.indisprimary DESC, i.indisreplident DESC, x.relname COLLATE "C" LIMIT 1
) key ON true
WHERE c.oid = to_regclass($1)`;
