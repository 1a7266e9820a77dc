import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import { quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { ShapeColumn, TableShape } from '../../ports/checksummer.ts';
import { formOf } from './forms.ts';

/** User tables without partitions and without Banyan's own. */
const TABLES_SQL = `
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'banyan') AND n.nspname NOT LIKE 'pg\\_%'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/**
 * $1: the quoted name. A domain stands for its base type. Types are spelled as casts that keep the whole
 * value: without its -1, format_type says `character` and `bit`, which are of length 1.
 */
const COLUMNS_SQL = `
SELECT a.attname AS name, base.spelling AS type, base.built_in, base.judged, base.scale, a.attgenerated <> '' AS generated, NOT a.attnotnull AS nullable
  FROM pg_attribute a
  CROSS JOIN LATERAL (
    WITH RECURSIVE chain AS (
      SELECT t.*, a.atttypmod AS modifier FROM pg_type t WHERE t.oid = a.atttypid
      UNION ALL SELECT t.*, chain.typtypmod FROM chain JOIN pg_type t ON t.oid = chain.typbasetype WHERE chain.typtype = 'd')
    SELECT format_type(c.oid, -1) AS spelling,
           CASE WHEN c.typnamespace = 'pg_catalog'::regnamespace THEN c.typname END AS built_in,
           -- 11 bits and a sign, behind the precision and a header of 4.
           CASE WHEN c.oid = 'numeric'::regtype AND c.modifier >= 4 THEN ((c.modifier - 4) & 2047 # 1024) - 1024 END AS scale,
           c.typtype <> 'e' AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
             WHERE m.amname IN ('btree', 'hash') AND o.opcdefault
               AND o.opcintype IN (c.oid, CASE WHEN c.typcategory = 'A' THEN 'anyarray'::regtype
                 WHEN c.typtype = 'r' THEN 'anyrange'::regtype WHEN c.typtype = 'm' THEN to_regtype('anymultirange')
                 WHEN c.typtype = 'c' THEN 'record'::regtype END)) AS judged
      FROM chain c WHERE c.typtype <> 'd') AS base
 WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum`;

/** $1: the quoted name. The primary key first, else the unique index on the fewest columns, all of them not null. */
const KEY_SQL = `
SELECT array_to_json(array(SELECT a.attname FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.at <= i.indnkeyatts ORDER BY k.at)) AS key
  FROM pg_index i
 WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
   AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.at <= i.indnkeyatts AND NOT a.attnotnull)
 ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1`;

const ESTIMATE_SQL = `
SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::int8 AS rows
  FROM pg_class c WHERE c.oid = to_regclass($1)
     OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf)`;

/** $1: the quoted name, $2: the column. */
const KEY_ORDER_SQL = `
SELECT s.correlation FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
 WHERE c.oid = to_regclass($1) AND s.attname = $2 AND NOT s.inherited AND s.correlation IS NOT NULL`;

export async function listTables(pool: pg.Pool): Promise<readonly TableName[]> {
  const found = await pool.query<{ nspname: string; relname: string }>(TABLES_SQL);
  return found.rows.map((row) => tableName(row.nspname, row.relname));
}

export async function describeTable(pool: pg.Pool, table: TableName): Promise<TableShape> {
  const name = quoteTable(table);
  const columns = await pool.query<{ name: string; type: string; built_in: string | null; judged: string; scale: string | null; generated: string; nullable: string }>(
    COLUMNS_SQL,
    [name],
  );
  if (columns.rows.length === 0) {
    throw new BanyanError('BANYAN_TABLE_UNKNOWN', {
      message: `There is no table ${table}, or it has no columns.`,
      details: { table },
    });
  }
  const key = await pool.query<{ key: string }>(KEY_SQL, [name]);
  const estimate = await pool.query<{ rows: string }>(ESTIMATE_SQL, [name]);
  const keyJson = key.rows[0]?.key;
  const keyNames = keyJson === undefined ? [] : (JSON.parse(keyJson) as string[]);
  const order = keyNames.length === 0 ? undefined : (await pool.query<{ correlation: string }>(KEY_ORDER_SQL, [name, keyNames[0]])).rows[0];
  return {
    table,
    columns: columns.rows.map((row): ShapeColumn => {
      const { form, family } = formOf(row.built_in ?? undefined);
      return {
        name: row.name,
        type: row.type,
        form,
        family,
        // Of the other families the forms already are the server's own equality.
        judged: row.judged === 't' && form === 'text' && family !== 'text',
        generated: row.generated === 't',
        ...(row.scale === null ? {} : { scale: Number(row.scale) }),
        ...(row.nullable === 't' ? { nullable: true } : {}),
      };
    }),
    key: keyNames,
    estimatedRows: Number(estimate.rows[0]?.rows ?? 0),
    ...(order ? { keyOrder: Number(order.correlation) } : {}),
  };
}
