import type pg from 'pg';
import type { AcceptedTables, CatalogColumn, CatalogTable, SchemaChange } from '../../model/catalog.ts';
import { quoteTable, type TableName } from '../../model/names.ts';
import type { TableCatalog } from '../../ports/table-catalog.ts';
import { inTransaction } from '../connect.ts';
import { isTransient, sqlState } from '../transient.ts';
import { schemaChangeSql } from './schema-change-sql.ts';

/** The catalogue of one PostgreSQL database. */
export class PostgresTableCatalog implements TableCatalog {
  readonly #pool: pg.Pool;

  constructor(options: { readonly pool: pg.Pool }) {
    this.#pool = options.pool;
  }

  async read(table: TableName): Promise<CatalogTable | undefined> {
    const found = await this.#pool.query<TableRow>(TABLE_SQL, [quoteTable(table)]);
    const row = found.rows[0];
    return row && tableOf(table, row);
  }

  async make(changes: readonly SchemaChange[]): Promise<void> {
    try {
      await inTransaction(this.#pool, async (client) => {
        await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        for (const change of changes) for (const sql of schemaChangeSql(change)) await client.query(sql);
      });
    } catch (error) {
      // Somebody else was quicker.
      if (sqlState(error) !== DUPLICATE_COLUMN) throw error;
    }
  }

  sqlOf(change: SchemaChange): readonly string[] {
    return schemaChangeSql(change);
  }

  async accepted(stream: string): Promise<ReadonlyMap<TableName, AcceptedTables>> {
    const found = await this.#pool.query<{ table_name: TableName; tables: string }>('SELECT table_name, tables FROM banyan.accepted_shape WHERE stream = $1', [stream]);
    return new Map(found.rows.map((row) => [row.table_name, JSON.parse(row.tables) as AcceptedTables]));
  }

  async accept(stream: string, table: TableName, tables: AcceptedTables): Promise<void> {
    await this.#pool.query(
      'INSERT INTO banyan.accepted_shape (stream, table_name, tables) VALUES ($1, $2, $3) ' +
        'ON CONFLICT (stream, table_name) DO UPDATE SET tables = excluded.tables, at = clock_timestamp()',
      [stream, table, JSON.stringify(tables)],
    );
  }

  isTransient(error: unknown): boolean {
    return isTransient(error);
  }
}

/** Whoever waits for a table keeps everybody behind him waiting as well. */
const LOCK_TIMEOUT = '1s';
const DUPLICATE_COLUMN = '42701';

interface TableRow {
  readonly columns: string | null;
  readonly key: string | null;
  readonly key_name: string | null;
  readonly files: string;
  readonly lacking: string | null;
  readonly role: string;
}

interface ColumnFact extends Omit<CatalogColumn, 'default' | 'collation' | 'existing' | 'existingText' | 'filled'> {
  readonly existingText: string | null;
  readonly default: string | null;
  readonly collation: string | null;
  readonly existing: string | null;
}

function tableOf(name: TableName, row: TableRow): CatalogTable {
  const facts = JSON.parse(row.columns ?? '[]') as ColumnFact[];
  return {
    name,
    columns: facts.map(({ default: value, collation, existing, existingText, ...fact }): CatalogColumn => ({
      ...fact, filled: value !== null || fact.identity,
      ...(value === null ? {} : { default: value }), ...(collation === null ? {} : { collation }), ...(existing === null ? {} : { existing }),
      ...(existingText === null ? {} : { existingText }),
    })),
    key: JSON.parse(row.key ?? '[]') as string[],
    ...(row.key_name === null ? {} : { keyName: row.key_name }),
    files: row.files,
    lacking: JSON.parse(row.lacking ?? '[]') as string[],
    role: row.role,
  };
}

/** $1: the quoted name. What a partitioned table holds, its leaves hold. */
const TABLE_SQL = `
WITH RECURSIVE part AS (
  SELECT to_regclass($1)::oid AS relid
  UNION ALL
  SELECT i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.relid JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition
), leaf AS (
  SELECT c.oid AS relid, c.relfilenode FROM part p JOIN pg_class c ON c.oid = p.relid AND c.relkind = 'r'
)
SELECT
  (SELECT json_agg(json_build_object(
            'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'typeId', a.atttypid::bigint, 'modifier', a.atttypmod,
            'notNull', a.attnotnull, 'identity', a.attidentity <> '',
            'default', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum),
            'collation', (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
                           WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation),
            'existing', quote_literal(e.missing) || '::' || format_type(a.atttypid, a.atttypmod), 'existingText', e.missing
          ) ORDER BY a.attnum)
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN LATERAL (
       SELECT CASE WHEN bool_and(m.atthasmissing) AND count(DISTINCT m.attmissingval::text) = 1 THEN ((min(m.attmissingval::text))::text[])[1] END AS missing
         FROM leaf l JOIN pg_attribute m ON m.attrelid = l.relid AND m.attname = a.attname AND NOT m.attisdropped) e ON true
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
  (SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WHERE i.indexrelid = key.oid) AS key,
  (SELECT o.conname FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'p') AS key_name,
  (SELECT coalesce(string_agg(l.relid || ':' || l.relfilenode, ',' ORDER BY l.relid), '') FROM leaf l) AS files,
  (SELECT json_agg(p.name) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p(name) WHERE NOT has_table_privilege(c.oid, p.name)) AS lacking,
  current_user AS role
FROM pg_class c LEFT JOIN LATERAL (
  SELECT i.indexrelid AS oid FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident) ORDER BY i.indisprimary DESC LIMIT 1
) key ON true
WHERE c.oid = to_regclass($1)`;
