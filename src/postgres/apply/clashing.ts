import { UNCHANGED, type Row } from '../../model/change.ts';
import { quoteIdentifier, splitTableName } from '../../model/names.ts';
import type { Statement } from './statements.ts';
import type { TableShape } from './table-shape.ts';

/** What keeps two rows of a table apart: a unique index or an exclusion constraint, in the server's own words. */
export interface Apart {
  readonly parts: readonly {
    /** A column or an expression, as SQL whose names are the table's own columns. */
    readonly expression: string;
    /** By which the index compares: `OPERATOR(schema.=)`. */
    readonly operator: string;
    readonly collation: string | null;
  }[];
  /** Only rows for which it is true are in the index. */
  readonly predicate: string | null;
  /** NULLS NOT DISTINCT. */
  readonly nullsEqual: boolean;
}

/**
 * Gives the keys, as `k0`, `k1`, …, of rows other than the one with `key` that keep a row from being
 * written. The server itself computes the index's expressions and its predicate for the row. What the row
 * leaves unchanged is as the row with `key` has it, or has its default if that is a plain value.
 */
export function clashing(shape: TableShape, apart: Apart, { key, row }: { readonly key: readonly string[]; readonly row: Row }): Statement {
  const alias = quoteIdentifier(splitTableName(shape.name).table);
  const mine = (of: string, column: number, i: number): string => `${of}.${shape.sqlColumns[column]} = $${i + 1}::text::${shape.sqlTypes[column]}`;
  const given = row.filter((cell) => cell !== UNCHANGED);
  let next = key.length;
  const cells = shape.columns.map((_, i) => {
    const column = shape.sqlColumns[i];
    if (row[i] !== UNCHANGED) return `$${++next}::text::${shape.sqlTypes[i]} AS ${column}`;
    return `CASE WHEN ${shape.key.map((part) => `t.${shape.sqlColumns[part]} IS NULL`).join(' AND ')} THEN ${shape.defaults[i] ?? 'NULL'} ELSE t.${column} END AS ${column}`;
  });
  const generated = shape.generated.map(({ sqlName, expression }) => `, (${expression}) AS ${sqlName}`);
  const same = apart.parts.map(({ expression, operator, collation }, i) => {
    const value = `(SELECT incoming.v${i} FROM incoming)`;
    const equal = `(${expression})${collation === null ? '' : ` COLLATE ${collation}`} ${operator} ${value}`;
    return apart.nullsEqual ? `(${equal} OR ((${expression}) IS NULL AND ${value} IS NULL))` : equal;
  });
  const inside = apart.predicate === null ? '' : ` AND (${apart.predicate})`;
  return {
    text:
      `WITH incoming AS MATERIALIZED (SELECT ${apart.parts.map(({ expression }, i) => `(${expression}) AS v${i}`).join(', ')} ` +
      `FROM (SELECT ${alias}.*${generated.join('')} FROM (SELECT ${cells.join(', ')} FROM (SELECT) AS one ` +
      `LEFT JOIN ${shape.sqlName} AS t ON ${shape.key.map((column, i) => mine('t', column, i)).join(' AND ')}) AS ${alias}) AS ${alias} WHERE true${inside}) ` +
      `SELECT ${shape.key.map((column, i) => `${alias}.${shape.sqlColumns[column]}::text AS k${i}`).join(', ')} FROM ${shape.sqlName} AS ${alias} ` +
      `WHERE EXISTS (SELECT FROM incoming) AND ${same.join(' AND ')}${inside} AND NOT (${shape.key.map((column, i) => mine(alias, column, i)).join(' AND ')})`,
    values: [...key, ...given],
  };
}

/** Columns of a query on pg_index `i`: JSON of each {@link Apart} of table `c`, but for the index `key`. */
export const APART_SQL = `
  (SELECT json_agg(json_build_object('predicate', pg_get_expr(i.indpred, i.indrelid),
            'nullsEqual', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
            'parts', (SELECT json_agg(json_build_object('expression', pg_get_indexdef(i.indexrelid, p.n, false),
                                'operator', format('OPERATOR(%I.%s)', os.nspname, o.oprname),
                                'collation', quote_ident(ls.nspname) || '.' || quote_ident(l.collname)) ORDER BY p.n)
                        FROM generate_series(1, i.indnkeyatts) AS p(n)
                        JOIN pg_opclass oc ON oc.oid = i.indclass[p.n - 1]
                        LEFT JOIN pg_amop m ON m.amopfamily = oc.opcfamily AND m.amoplefttype = oc.opcintype
                         AND m.amoprighttype = oc.opcintype AND m.amopstrategy = 3 AND m.amoppurpose = 's'
                        JOIN pg_operator o ON o.oid = coalesce(x.conexclop[p.n], m.amopopr)
                        JOIN pg_namespace os ON os.oid = o.oprnamespace
                        LEFT JOIN pg_collation l ON l.oid = i.indcollation[p.n - 1]
                        LEFT JOIN pg_namespace ls ON ls.oid = l.collnamespace)) ORDER BY i.indexrelid)
     FROM pg_index i LEFT JOIN pg_constraint x ON x.conindid = i.indexrelid AND x.conexclop IS NOT NULL
    WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND i.indislive AND i.indexrelid IS DISTINCT FROM key.oid)`;
