import type pg from 'pg';
import { tableName, type TableName } from '../../model/names.ts';

/** What the model does not hold of a table and its partitions. */
export interface TableFacts {
  readonly name: TableName;
  /** As in pg_class: r, p, v, m, f. */
  readonly kind: string;
  /** The connected role counts as its owner, as publications demand. */
  readonly owned: boolean;
  readonly rules: readonly string[];
  /** Inheritance other than partitioning, either way. */
  readonly inherits: boolean;
  /** Partitions that live on another server. */
  readonly foreignPartitions: readonly string[];
  /** `column type` of columns that refer to large objects. */
  readonly largeObjects: readonly string[];
  /** `column type` of columns whose type rests on code or on a table's row: they are not provisioned. */
  readonly handMadeTypes: readonly string[];
  /** Functions of the database's own that defaults, checks, generated columns and indexes call. */
  readonly functions: readonly string[];
}

/** One statement for all relations of the database that a user made. */
export async function readTableFacts(pool: Pick<pg.Pool, 'query'>): Promise<ReadonlyMap<TableName, TableFacts>> {
  const result = await pool.query<{ json: string }>(TABLE_FACTS);
  const rows = JSON.parse(result.rows[0]?.json ?? '[]') as (Omit<TableFacts, 'name'> & {
    readonly schema: string;
    readonly relation: string;
  })[];
  return new Map(
    rows.map(({ schema, relation, ...facts }) => {
      const name = tableName(schema, relation);
      return [name, { ...facts, name }];
    }),
  );
}

/** Whether a routine with these argument types exists, for each signature. */
export async function missingFunctions(pool: Pick<pg.Pool, 'query'>, signatures: readonly string[]): Promise<readonly string[]> {
  if (signatures.length === 0) return [];
  const result = await pool.query<{ json: string }>(
    `SELECT coalesce(json_agg(f), '[]')::text AS json FROM json_array_elements_text($1::json) f WHERE to_regprocedure(f) IS NULL`,
    [JSON.stringify(signatures)],
  );
  return JSON.parse(result.rows[0]?.json ?? '[]') as string[];
}

const TABLE_FACTS = `
WITH RECURSIVE base (oid, root) AS (
  SELECT t.oid, t.oid FROM pg_type t WHERE t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  UNION SELECT x.oid, b.root FROM base b JOIN pg_type t ON t.oid = b.oid
    CROSS JOIN LATERAL (
      SELECT t.typelem WHERE t.typcategory = 'A' UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
      UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL SELECT g.rngsubtype FROM pg_range g WHERE g.rngtypid = t.oid
      UNION ALL SELECT d.refobjid FROM pg_depend d WHERE t.typtype = 'm' AND d.classid = 'pg_type'::regclass AND d.objid = t.oid
                                                     AND d.refclassid = 'pg_type'::regclass
    ) x (oid) WHERE x.oid <> 0
), hand_made (oid) AS (
  SELECT DISTINCT b.root FROM base b JOIN pg_type t ON t.oid = b.oid
   WHERE (t.typtype = 'b' AND t.typcategory <> 'A'
          OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
          OR t.typtype = 'r' AND EXISTS (SELECT FROM pg_range r LEFT JOIN pg_proc f ON f.oid = r.rngsubdiff
                WHERE r.rngtypid = t.oid AND (r.rngcanonical <> 0 OR f.pronamespace <> 'pg_catalog'::regnamespace)))
     AND t.typnamespace <> 'pg_catalog'::regnamespace
     AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
)
SELECT coalesce(json_agg(row_to_json(r)), '[]')::text AS json FROM (
  SELECT n.nspname AS schema, c.relname AS relation, c.relkind AS kind, pg_has_role(c.relowner, 'USAGE') AS owned,
    (SELECT coalesce(json_agg(w.rulename), '[]') FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN') AS rules,
    EXISTS (SELECT FROM pg_inherits i JOIN pg_class k ON k.oid = i.inhrelid
             WHERE (i.inhrelid = c.oid OR i.inhparent = c.oid) AND NOT k.relispartition) AS inherits,
    (SELECT coalesce(json_agg(k.oid::regclass::text), '[]') FROM pg_partition_tree(c.oid) p JOIN pg_class k ON k.oid = p.relid
      WHERE k.relkind = 'f') AS "foreignPartitions",
    (SELECT coalesce(json_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum), '[]')
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND (t.oid = 'oid'::regtype OR t.typtype = 'd' AND t.typbasetype = 'oid'::regtype)) AS "largeObjects",
    (SELECT coalesce(json_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum), '[]')
       FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid IN (SELECT oid FROM hand_made)) AS "handMadeTypes",
    (SELECT coalesce(json_agg(DISTINCT p.oid::regprocedure::text), '[]')
       FROM (SELECT 'pg_attrdef'::regclass AS classid, d.oid AS objid FROM pg_attrdef d WHERE d.adrelid = c.oid
             UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k WHERE k.conrelid = c.oid
             UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid) part
       JOIN pg_depend d ON d.classid = part.classid AND d.objid = part.objid AND d.refclassid = 'pg_proc'::regclass
       JOIN pg_proc p ON p.oid = d.refobjid
      WHERE p.pronamespace <> 'pg_catalog'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
    ) AS functions
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'banyan')
   AND n.nspname NOT LIKE 'pg\\_%'
) r`;
