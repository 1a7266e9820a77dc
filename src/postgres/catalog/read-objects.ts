import type pg from 'pg';
import { quoteIdentifier, quoteLiteral, tableName } from '../../model/names.ts';
import type { Grant, Index, ObjectGrant, Policy, RoutineDefinition, Schema, StatisticsDefinition } from '../../model/schema.ts';
import * as queries from './object-queries.ts';

interface RoutineRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'f' | 'p';
  readonly signature: string;
  readonly arguments: string;
  readonly returns: string | null;
  readonly language: string;
  readonly volatility: 'i' | 's' | 'v';
  readonly strict: boolean;
  readonly securityDefiner: boolean;
  readonly leakproof: boolean;
  readonly parallel: 's' | 'r' | 'u';
  readonly cost: string;
  readonly rows: string;
  readonly isSet: boolean;
  readonly settings: readonly string[] | null;
  readonly body: string;
  readonly sqlBody: string | null;
}

interface PolicyRow {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly command: '*' | 'r' | 'a' | 'w' | 'd';
  readonly permissive: boolean;
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}

interface ViewIndexRow extends Index {
  readonly schema: string;
  readonly view: string;
}

interface GrantRow extends Omit<Grant, 'name' | 'column'> {
  readonly schema: string;
  readonly name: string | null;
  readonly column: string | null;
}

interface ObjectGrantRow extends Omit<ObjectGrant, 'signature' | 'withheld'> {
  readonly signature: string | null;
  readonly withheld: boolean;
}

interface StatisticsRow extends Omit<StatisticsDefinition, 'table'> {
  readonly tableSchema: string;
  readonly table: string;
}

const COMMANDS = { '*': 'all', r: 'select', a: 'insert', w: 'update', d: 'delete' } as const;

/** The schema with what only a comparison needs, from the same snapshot. */
export async function withObjects(client: pg.ClientBase, schema: Schema): Promise<Schema> {
  const rows = async <T>(sql: string): Promise<readonly T[]> => JSON.parse((await client.query<{ json: string }>(sql)).rows[0]?.json ?? '[]') as T[];
  const version = await client.query<{ server_version_num: string }>('SHOW server_version_num');
  const policies = await rows<PolicyRow>(queries.POLICIES);
  const forced = new Set((await rows<{ schema: string; name: string }>(queries.FORCED_TABLES)).map((row) => tableName(row.schema, row.name)));
  const indexes = await rows<ViewIndexRow>(queries.MATERIALIZED_VIEW_INDEXES);
  const versions = await rows<{ name: string; version: string }>(queries.EXTENSION_VERSIONS);
  return {
    ...schema,
    tables: schema.tables.map((table) => {
      const own = policies.filter((row) => tableName(row.schema, row.table) === table.name).map(buildPolicy);
      return { ...table, ...(own.length > 0 && { policies: own }), ...(forced.has(table.name) && { rowSecurityForced: true }) };
    }),
    views: schema.views.map((view) => {
      const own = indexes.filter((row) => tableName(row.schema, row.view) === view.name).map(({ name, columns, unique, partial, definition }): Index => ({ name, columns, unique, partial, definition }));
      return own.length === 0 ? view : { ...view, indexes: own };
    }),
    routines: (await rows<RoutineRow>(queries.routines(Number(version.rows[0]?.server_version_num)))).map(buildRoutine),
    grants: (await rows<GrantRow>(queries.GRANTS)).map(({ on, schema: of, name, column, grantee, privilege, grantable }): Grant => ({ on, name: name === null ? of : tableName(of, name), ...(column !== null && { column }), grantee, privilege, grantable })),
    objectGrants: (await rows<ObjectGrantRow>(queries.OBJECT_GRANTS)).map(({ on, schema: of, name, signature, grantee, grantable, withheld }): ObjectGrant => ({ on, schema: of, name, ...(signature !== null && { signature }), grantee, grantable, ...(withheld && { withheld }) })),
    statistics: (await rows<StatisticsRow>(queries.statistics(Number(version.rows[0]?.server_version_num)))).map(({ tableSchema, table, ...row }): StatisticsDefinition => ({ ...row, table: tableName(tableSchema, table) })),
    extensionVersions: Object.fromEntries(versions.filter(({ name }) => schema.extensions.includes(name)).map(({ name, version: of }) => [name, of])),
  };
}

function buildPolicy(row: PolicyRow): Policy {
  const { name, command, permissive, roles, using, check } = row;
  return { name, command: COMMANDS[command], permissive, roles, ...(using !== null && { using }), ...(check !== null && { check }) };
}

function buildRoutine(row: RoutineRow): RoutineDefinition {
  const attributes = [
    ...(row.volatility === 'v' ? [] : [row.volatility === 'i' ? 'IMMUTABLE' : 'STABLE']), ...(row.leakproof ? ['LEAKPROOF'] : []), ...(row.strict ? ['STRICT'] : []), ...(row.securityDefiner ? ['SECURITY DEFINER'] : []),
    ...(row.parallel === 'u' ? [] : [row.parallel === 's' ? 'PARALLEL SAFE' : 'PARALLEL RESTRICTED']), ...(row.cost === '100' ? [] : [`COST ${row.cost}`]), ...(!row.isSet || row.rows === '1000' ? [] : [`ROWS ${row.rows}`]),
    ...(row.settings ?? []).map(settingText),
  ];
  const { schema, name, signature, arguments: list, returns, language, body, sqlBody } = row;
  return {
    schema, name, kind: row.kind === 'p' ? 'procedure' : 'function', signature, arguments: row.kind === 'p' ? withoutIn(list) : list, ...(returns !== null && row.kind === 'f' && { returns }), language,
    attributes: attributes.join(' '), body: sqlBody ?? body, standardBody: sqlBody !== null,
  };
}

/** Of procedures, and only of those, the server of version 14 and newer tells what is put in too. */
function withoutIn(list: string): string {
  return list.replaceAll(/(^|, )IN /g, '$1');
}

/** `search_path=a, "b"` holds a list as it is written; of other settings it is one text. */
function settingText(setting: string): string {
  const at = setting.indexOf('=');
  const [name, value] = [setting.slice(0, at), setting.slice(at + 1)];
  const isList = /^(search_path|temp_tablespaces|session_preload_libraries|local_preload_libraries)$/.test(name);
  return `SET ${/^[a-z_][a-z0-9_.]*$/.test(name) ? name : quoteIdentifier(name)} TO ${isList && value !== '' ? value : quoteLiteral(value)}`;
}
