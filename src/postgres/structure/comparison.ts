import type pg from 'pg';
import { quoteTable, type TableName } from '../../model/names.ts';
import type { Schema } from '../../model/schema.ts';
import type { TableMapping } from '../../model/table-mapping.ts';
import type { StructureScope } from '../../ports/structure.ts';
import { PostgresIntrospector } from '../catalog/introspector.ts';
import { reshaped } from '../provision/reshape.ts';
import { spelledMappings } from '../provision/spelled-types.ts';

export interface ComparisonOptions {
  /** The monolith, where there is one. Only read. */
  readonly source: pg.Pool;
  readonly target: pg.Pool;
  /** Where sequences are read: a standby shows numbers as drawn up to 32 ahead. Default: at `source` and `target`. */
  readonly primaries?: { readonly source: pg.Pool; readonly target: pg.Pool };
  /**
   * How all tables of the two belong together, also those that are not compared: a foreign key between two
   * of them is expected on the target. Default: what {@link StructureScope} says of the compared ones.
   */
  readonly mappings?: readonly TableMapping[];
}

/** Two catalogues, and how they belong together. */
export interface Comparison {
  /** The source's tables as they are. */
  readonly own: Schema;
  /** The same in the target's names. */
  readonly expected: Schema;
  readonly actual: Schema;
  readonly mappings: readonly TableMapping[];
  /** Also of partitioned tables under other names, of which nothing but their columns is known. */
  readonly moved: readonly TableMapping[];
  readonly scopes: readonly StructureScope[];
  /** Whether the two servers print one expression alike: they have the same major version. */
  readonly sameSpelling: boolean;
}

/** Undefined: no table is on both sides. */
export async function readComparison(options: ComparisonOptions, wanted: readonly StructureScope[]): Promise<Comparison | undefined> {
  const { source, target } = options;
  const declared = options.mappings ?? wanted.map(mappingOf);
  const [here, there] = await Promise.all([existing(source, declared.map(({ monolith }) => monolith)), existing(target, declared.map((mapping) => mapping.service))]);
  const present = declared.filter((mapping) => here.has(mapping.monolith));
  const scopes = wanted.filter((scope) => here.has(scope.source) && there.has(scope.target));
  if (scopes.length === 0) return undefined;
  const [own, actual, all, sourceMajor, tsourceMajor] = await Promise.all([
    new PostgresIntrospector({ pool: source }).readSchema({ tables: [...new Set(present.map(({ monolith }) => monolith))] }),
    new PostgresIntrospector({ pool: target }).readSchema(),
    spelledMappings(target, present),
    majorVersion(source),
    majorVersion(target),
  ]);
  // A partitioned table under another name was made by hand, however its partitions are called.
  const partitioned = new Set(own.tables.filter(({ kind }) => kind !== 'table').map(({ name }) => name));
  const mappings = all.filter((mapping) => !partitioned.has(mapping.monolith) || isUnchanged(mapping));
  return { own, expected: reshaped(own, mappings, actual), actual, mappings, moved: all, scopes, sameSpelling: sourceMajor === tsourceMajor };
}

async function majorVersion(pool: pg.Pool): Promise<string> {
  const found = await pool.query<{ major: string }>("SELECT current_setting('server_version_num')::int4 / 10000 AS major");
  return found.rows[0]?.major ?? '';
}

function mappingOf({ source, target, columns, opaque }: StructureScope): TableMapping {
  return {
    monolith: source, service: target,
    ...(columns ? { columns: columns.map((column) => ({ monolith: column.source, service: column.target })) } : {}),
    ...(opaque === true ? { functions: { reads: [] } } : {}),
  };
}

const isUnchanged = ({ monolith, service, columns, computed, functions }: TableMapping): boolean => monolith === service && !columns && !computed && !functions;

/** Ordinary and partitioned tables among the names. */
async function existing(pool: pg.Pool, names: readonly TableName[]): Promise<ReadonlySet<TableName>> {
  const found = await pool.query<{ at: string }>(
    `SELECT n.at FROM unnest($1::text[]) WITH ORDINALITY AS n (name, at) JOIN pg_class c ON c.oid = to_regclass(n.name) WHERE c.relkind IN ('r', 'p')`,
    [names.map(quoteTable)],
  );
  return new Set(found.rows.flatMap(({ at }) => names[Number(at) - 1] ?? []));
}
