import { quoteIdentifier, quoteLiteral, quoteTable, splitTableName, type TableName } from '../../../../model/names.ts';
import type { Column, Schema, Table } from '../../../../model/schema.ts';
import { columnSql } from '../definitions.ts';
import { displayName } from '../differences.ts';
import { guarded, isTable, regclass, waiting } from '../sql-text.ts';
import { chained, type Draft } from './draft.ts';
import type { InPlace } from './fitting-groups.ts';
import type { MigrationScript } from '../../finding.ts';

/** A table that has another name, and a view under the old one until that goes. */
export interface RenamedTable {
  readonly table: Table;
  readonly to: TableName;
}

interface RenamedTables {
  readonly renamed: readonly RenamedTable[];
  readonly inPlace: readonly InPlace[];
}

/** The tables among what is renamed. One whose columns change too would be held by its view: it is renamed in its place. */
export function renamedTables({ before, after, renames }: { readonly before: Schema; readonly after: Schema; readonly renames: ReadonlyMap<string, string> }): RenamedTables {
  const found = before.tables.flatMap((table): { readonly table: Table; readonly to: TableName; readonly reason?: string }[] => {
    const name = renames.get(table.name) ?? renames.get(displayName(table.name));
    const fresh = name === undefined ? undefined : after.tables.find((each) => each.name === name || displayName(each.name) === name || splitTableName(each.name).table === name);
    if (!fresh) return [];
    const reason = splitTableName(fresh.name).schema !== splitTableName(table.name).schema ? 'it comes into another schema'
      : [...after.tables, ...after.views].some((each) => each.name === table.name) ? 'its old name is taken'
      : table.columns.some((column) => !isKept(column, fresh)) || [...renames.keys()].some((each) => each.startsWith(`${table.name}.`) || each.startsWith(`${displayName(table.name)}.`)) ? 'its columns change too; rename it in a check of its own'
      : before.routines?.some(({ signature, returns = '' }) => mentionsRow(signature, table.name) || mentionsRow(returns, table.name)) ? 'a function takes or gives its rows'
      : undefined;
    return [{ table, to: fresh.name, ...(reason === undefined ? {} : { reason }) }];
  });
  return { renamed: found.filter(({ reason }) => reason === undefined), inPlace: found.flatMap(({ table, reason }) => (reason === undefined ? [] : [{ column: displayName(table.name), reason }])) };
}

function isKept(column: Column, { columns }: Table): boolean {
  const same = columns.find(({ name }) => name === column.name);
  const shape = ({ name, type, collation, generated }: Column): string => columnSql({ name, type, nullable: true, ...(collation === undefined ? {} : { collation }), ...(generated === undefined ? {} : { generated }) });
  return same !== undefined && shape(same) === shape(column);
}

const mentionsRow = (types: string, table: TableName): boolean => types.split(/[,\s]+/).some((type) => [table, displayName(table)].includes(type.replace(/\[\]$/, '')));

/** Scripts before all others, and behind them. */
export function renameByView({ table, to }: RenamedTable, { grants = [] }: Schema): { readonly expand: readonly MigrationScript[]; readonly contract: readonly MigrationScript[] } {
  const from = table.name;
  const title = displayName(from);
  const rename = (of: TableName, name: TableName): string => `ALTER TABLE ${quoteTable(of)} RENAME TO ${quoteIdentifier(splitTableName(name).table)}`;
  const isView = `EXISTS (SELECT FROM pg_class WHERE oid = ${regclass(from)} AND relkind = 'v')`;
  const given = grants.filter(({ on, name, privilege }) => on === 'table' && name === from && ['SELECT', 'INSERT', 'UPDATE', 'DELETE'].includes(privilege));
  const view = [
    `CREATE VIEW ${quoteTable(from)} AS SELECT ${table.columns.map(({ name }) => quoteIdentifier(name)).join(', ')} FROM ${quoteTable(to)}`,
    // Before version 15 a view always asks what its owner may do.
    guarded("current_setting('server_version_num')::integer >= 150000", `ALTER VIEW ${quoteTable(from)} SET (security_invoker = true)`),
    ownerOf(from, to),
    ...given.map(({ column, grantee, privilege, grantable }) => `GRANT ${privilege}${column === undefined ? '' : ` (${quoteIdentifier(column)})`} ON ${quoteTable(from)} TO ${grantee === 'public' ? 'PUBLIC' : quoteIdentifier(grantee)}${grantable ? ' WITH GRANT OPTION' : ''}`),
  ];
  const drop = guarded(isView, `DROP VIEW ${quoteTable(from)}`);
  const expand: Draft = {
    description: `Rename table ${title} to ${displayName(to)}, with a view under the old name`,
    forward: waiting(rename(from, to), ...view), back: waiting(drop, guarded(`${isTable(to)} AND ${regclass(from)} IS NULL`, rename(to, from))), holds: `${isTable(to)} AND NOT ${isTable(from)}`,
  };
  const contract: Draft = { description: `Drop the view under the old name ${title}`, forward: waiting(drop), back: waiting(...view), holds: `NOT ${isView}` };
  return { expand: chained([expand]), contract: chained([contract]) };
}

/** The view belongs to whom the table does, who may do with it what he did. */
function ownerOf(view: TableName, table: TableName): string {
  return `DO $banyan$ BEGIN\n  EXECUTE ${quoteLiteral(`ALTER VIEW ${quoteTable(view)} OWNER TO `)} || (SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = ${regclass(table)});\nEND $banyan$`;
}

/** A database in which the table is renamed already, and its view is still there. */
export function leadOnRenamed({ before, after, renames }: { readonly before: Schema; readonly after: Schema; readonly renames: ReadonlyMap<string, string> }): { readonly schema: Schema; readonly renames: ReadonlyMap<string, string>; readonly over: readonly RenamedTable[] } {
  const over = before.views.flatMap((view): RenamedTable[] => {
    const name = renames.get(view.name) ?? renames.get(displayName(view.name));
    const table = before.tables.find((each) => name !== undefined && [each.name, displayName(each.name), splitTableName(each.name).table].includes(name) && view.reads.length === 1 && view.reads[0] === each.name);
    return table && ![...after.views, ...after.tables].some((each) => each.name === view.name) ? [{ table: { ...table, name: view.name }, to: table.name }] : [];
  });
  const gone = new Set(over.map(({ table }) => table.name));
  return {
    over, schema: over.length === 0 ? before : { ...before, views: before.views.filter(({ name }) => !gone.has(name)), ...(before.grants ? { grants: before.grants.filter(({ name }) => ![...gone].some((view) => view === name)) } : {}) },
    renames: new Map([...renames].filter(([name]) => ![...gone].some((view) => name === view || name === displayName(view)))),
  };
}
