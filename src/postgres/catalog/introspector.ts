import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import { parseTableName, tableName, type TableName } from '../../model/names.ts';
import type { DomainType, EnumType, Schema, Sequence, Table, View } from '../../model/schema.ts';
import type { Introspector } from '../../ports/introspector.ts';
import { buildTable } from './build-table.ts';
import * as queries from './queries.ts';
import { withObjects } from './read-objects.ts';
import type {
  ColumnRow,
  ConstraintRow,
  DomainRow,
  EnumRow,
  ExtensionRow,
  IndexRow,
  SequenceRow,
  StructuredTypeRow,
  TableListRow,
  TableRow,
  TriggerRow,
  ViewRow,
} from './rows.ts';

/**
 * Reads the structure of a PostgreSQL database (13 or newer) in a dozen statements, however many
 * tables there are, all of one read-only snapshot.
 *
 * A partitioned table brings its partitions with it. A partition's `kind` is `partition` even when
 * it is itself partitioned; `partitionBy` tells. Its checks and foreign keys that come from the
 * parent are listed at the parent only. Views are read only with the whole database; tables of
 * extensions, foreign tables and Banyan's own schema are left out.
 */
export class PostgresIntrospector implements Introspector {
  readonly #pool: pg.Pool;

  /** @param options.pool Made by `createPool`: its values are opaque text. */
  constructor(options: { readonly pool: pg.Pool }) {
    this.#pool = options.pool;
  }

    async readSchema(options: { readonly tables?: readonly TableName[] } = {}): Promise<Schema> {
    return await this.#inSnapshot((client) => read(client, options.tables));
  }

  /** The whole database, with routines, policies, grants, indexes of materialized views and versions of extensions. */
  async readEverything(): Promise<Schema> {
    return await this.#inSnapshot(async (client) => await withObjects(client, await read(client, undefined)));
  }

  async #inSnapshot(work: (client: pg.PoolClient) => Promise<Schema>): Promise<Schema> {
    const client = await this.#pool.connect();
    let lost: Error | boolean = true;
    try {
      // Own settings, so that whoever made the pool, names come out qualified.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog');
      const schema = await work(client);
      await client.query('COMMIT');
      lost = false;
      return schema;
    } finally {
      // A session left inside its transaction by an error is closed, not given back.
      client.release(lost);
    }
  }
}

async function read(client: pg.ClientBase, wanted: readonly TableName[] | undefined): Promise<Schema> {
  const rows = async <T>(sql: string, ...parameters: readonly string[]): Promise<readonly T[]> => {
    const result = await client.query<{ json: string }>(sql, [...parameters]);
    return JSON.parse(result.rows[0]?.json ?? '[]') as T[];
  };
  const version = await client.query<{ server_version_num: string }>('SHOW server_version_num');
  const serverVersion = Number(version.rows[0]?.server_version_num);

  const all = await rows<TableListRow>(queries.TABLE_LIST);
  const chosen = wanted === undefined ? all : chooseTables(all, wanted);
  const oids = `{${chosen.map((row) => row.oid).join(',')}}`;
  const every = wanted === undefined ? 't' : 'f';

  const tableRows = new Map((await rows<TableRow>(queries.TABLES, oids)).map((row) => [row.oid, row]));
  const columns = byTable(await rows<ColumnRow>(queries.COLUMNS, oids));
  const constraints = byTable(await rows<ConstraintRow>(queries.constraints(serverVersion), oids));
  const indexes = byTable(await rows<IndexRow>(queries.INDEXES, oids));
  const triggers = byTable(await rows<TriggerRow>(queries.TRIGGERS, oids));
  const nameOf = new Map(all.map((row) => [row.oid, tableName(row.schema, row.name)]));

  const tables = chosen.flatMap(({ oid, schema, name, parent }): readonly Table[] => {
    const table = tableRows.get(oid);
    // Dropped by somebody since the list was read; functions of the catalogue look at the present.
    if (!table) return [];
    return [
      buildTable({
        name: tableName(schema, name),
        parent: parent === null ? undefined : nameOf.get(parent),
        table,
        columns: columns.get(oid) ?? [],
        constraints: constraints.get(oid) ?? [],
        indexes: indexes.get(oid) ?? [],
        triggers: triggers.get(oid) ?? [],
      }),
    ];
  });
  const extensions = await rows<ExtensionRow>(queries.EXTENSIONS, oids, every);
  return {
    dialect: 'postgresql',
    tables: tables.sort(byName),
    enums: (await rows<EnumRow>(queries.ENUMS, oids, every)).map(buildEnum),
    domains: (await rows<DomainRow>(queries.DOMAINS, oids, every)).map(buildDomain),
    structuredTypes: await rows<StructuredTypeRow>(queries.STRUCTURED_TYPES, oids, every),
    sequences: (await rows<SequenceRow>(queries.SEQUENCES, oids, every)).map(buildSequence),
    views: wanted === undefined ? (await rows<ViewRow>(queries.VIEWS)).map(buildView).sort(byName) : [],
    extensions: extensions.map((row) => row.name),
    extensionSchemas: Object.fromEntries(extensions.map((row) => [row.name, row.schema])),
  };
}

/** The named tables with all their partitions. */
function chooseTables(all: readonly TableListRow[], wanted: readonly TableName[]): readonly TableListRow[] {
  const byTableName = new Map(all.map((row) => [tableName(row.schema, row.name), row]));
  const children = new Map<string, TableListRow[]>();
  for (const row of all) {
    if (row.parent !== null) children.set(row.parent, [...(children.get(row.parent) ?? []), row]);
  }
  const unknown = wanted.filter((name) => !byTableName.has(parseTableName(name)));
  if (unknown.length > 0) {
    throw new BanyanError('BANYAN_TABLE_UNKNOWN', {
      message: `The database has no table ${unknown.join(', ')}.`,
      details: { tables: unknown },
    });
  }
  const chosen = new Set<TableListRow>();
  const add = (row: TableListRow): void => {
    chosen.add(row);
    children.get(row.oid)?.forEach(add);
  };
  for (const name of wanted) {
    const row = byTableName.get(parseTableName(name));
    if (row) add(row);
  }
  return [...chosen];
}

function byTable<T extends { readonly table: string }>(rows: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const grouped = new Map<string, T[]>();
  for (const row of rows) {
    const group = grouped.get(row.table);
    if (group) group.push(row);
    else grouped.set(row.table, [row]);
  }
  return grouped;
}

const byName = (a: { readonly name: TableName }, b: { readonly name: TableName }): number => (a.name < b.name ? -1 : 1);

function buildEnum({ schema, name, labels }: EnumRow): EnumType {
  return { schema, name, labels: labels ?? [] };
}

function buildDomain(row: DomainRow): DomainType {
  const { schema, name, baseType, nullable, checks } = row;
  return { schema, name, baseType, nullable, ...(row.default !== null && { default: row.default }), checks };
}

function buildSequence(row: SequenceRow): Sequence {
  const { schema, name, type, increment, min, max, cycle, start, cache, ownerSchema, ownerTable, ownerColumn } = row;
  return {
    schema,
    name,
    type,
    increment,
    min,
    max,
    cycle,
    start,
    cache,
    ...(ownerSchema !== null &&
      ownerTable !== null &&
      ownerColumn !== null && {
        ownedBy: { table: tableName(ownerSchema, ownerTable), column: ownerColumn, identity: row.identity === true },
      }),
  };
}

function buildView(row: ViewRow): View {
  return {
    name: tableName(row.schema, row.name),
    materialized: row.materialized,
    columns: row.columns ?? [],
    definition: row.definition,
    reads: row.reads.map((table) => tableName(table.schema, table.name)),
  };
}
