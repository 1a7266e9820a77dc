import type { ForeignKey, Table } from '../model/schema.ts';
import { append } from './lookup.ts';
import { visibleWords } from './words.ts';

/** A column by which nearly all tables divide their rows: whose they are, or where. */
export interface TenantColumn {
  /** As it is called, in lower case. */
  readonly column: string;
  /** The tables that have it. */
  readonly tables: readonly string[];
  /** The table that its keys refer to; absent: no key is declared. */
  readonly refersTo?: string;
}

/** From this share of tables on, a key that all have in common says whose rows they are, not what they belong with. */
const NEARLY_ALL = 0.7;
/** The same for columns whose name says so. */
const NAMED = 0.4;
const TENANT = new Set([
  'tenant', 'organization', 'organisation', 'org', 'workspace', 'company', 'region', 'site', 'realm', 'datacenter', 'shard',
]);
/** Fewer tables than this show no habit. */
const LEAST_TABLES = 8;

/**
 * The columns that say to which tenant or region a row belongs, and likewise who wrote it: keys
 * that nearly all tables have to one and the same table, or columns named for tenants or regions
 * that many have. They tie every table to every other, so they say nothing about where to cut.
 */
export function tenantColumns(tables: readonly Table[]): TenantColumn[] {
  if (tables.length < LEAST_TABLES) return [];
  const holders = new Map<string, Table[]>();
  for (const table of tables) for (const column of table.columns) append(holders, column.name.toLowerCase(), table);
  const found: TenantColumn[] = [];
  for (const [column, list] of [...holders].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const share = list.length / tables.length;
    const words = visibleWords(column);
    const named = words.length <= 2 && TENANT.has(words[0] ?? '');
    if (share < (named ? NAMED : NEARLY_ALL)) continue;
    const target = commonTarget(column, list);
    if (target === undefined && !named) continue;
    found.push({ column, tables: list.map((table) => table.name), ...(target === undefined ? {} : { refersTo: target }) });
  }
  return found;
}

/** Whether a key refers by something besides this column. */
function isOther(key: ForeignKey, column: string): boolean {
  return key.columns.some((name) => name.toLowerCase() !== column);
}

/** The one table that the keys of this column alone refer to, in most of the tables that have it. */
function commonTarget(column: string, tables: readonly Table[]): string | undefined {
  const targets = new Map<string, number>();
  // What has no other key is a child of the table, like the lines of an order, rather than one of its tenants'.
  const withOthers = tables.filter((table) => table.foreignKeys.some((key) => isOther(key, column)));
  if (withOthers.length < tables.length / 2) return undefined;
  for (const table of tables) {
    for (const key of table.foreignKeys) {
      if (key.columns.length !== 1 || key.columns[0]?.toLowerCase() !== column || key.references === table.name) continue;
      targets.set(key.references, (targets.get(key.references) ?? 0) + 1);
    }
  }
  const [most] = [...targets].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return most !== undefined && most[1] >= tables.length / 2 ? most[0] : undefined;
}
