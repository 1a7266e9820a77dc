import { splitTableName } from '../model/names.ts';
import type { Table } from '../model/schema.ts';
import type { Monolith, Reference } from './input.ts';
import { itemAt } from './lookup.ts';
import { visibleWords } from './words.ts';

export type SharedKind = 'reference' | 'log' | 'framework';

const FRAMEWORK =
  /^(?:django_(?:migrations|content_type|site|session|admin_log)|schema_migrations|ar_internal_metadata|flyway_schema_history|databasechangelog(?:lock)?|__efmigrationshistory|alembic_version|knex_migrations(?:_lock)?|_prisma_migrations|migrations|typeorm_metadata|goose_db_version|spatial_ref_sys|sequelizemeta|failed_jobs|jobs|job_batches|delayed_jobs|schema_version)$/i;
const LOG = new Set(['audit', 'log', 'logging', 'changelog', 'outbox', 'eventlog']);
const REFERENCE = new Set([
  'country', 'currency', 'language', 'locale', 'timezone', 'culture', 'unit', 'region', 'state', 'province', 'city',
  'continent', 'translation', 'setting', 'config', 'configuration', 'lookup', 'calendar',
]);

/**
 * Whether a table serves several services rather than one. Framework tables and logs are known by
 * name; reference data by shape: it refers to nothing much itself, several services refer to it and
 * the workload does not write it, or its name says so.
 */
export function sharedKind(options: {
  readonly monolith: Monolith;
  readonly table: number;
  readonly references: readonly Reference[];
  /** Services other than the owner's whose tables refer to it. */
  readonly foreignServices: number;
}): SharedKind | undefined {
  const { monolith, table: index } = options;
  const table = monolith.tables[index];
  if (!table) return undefined;
  const name = splitTableName(table.name).table;
  if (FRAMEWORK.test(name)) return 'framework';
  const words = visibleWords(name);
  const outgoing = options.references.filter((reference) => reference.child === index);
  const incoming = options.references.filter((reference) => reference.parent === index);
  if (incoming.length === 0 && words.some((word) => LOG.has(word))) return 'log';
  if (incoming.length === 0) return undefined;
  const last = words.at(-1) ?? '';
  const written = monolith.transactions.some((transaction) => transaction.writes.includes(index));
  const named = REFERENCE.has(last) || REFERENCE.has(words[0] ?? '');
  const small = table.columns.length <= 8 && outgoing.length === 0;
  if (options.foreignServices >= 1 && named && outgoing.length <= 1 && !written) return 'reference';
  if (options.foreignServices >= 2 && small && !written && keyedByCode(table)) return 'reference';
  return undefined;
}

/** Whether a table's name and shape say reference data, whoever uses it: a word for it, two referrers, no parent of its own. */
export function looksLikeReference(monolith: Monolith, table: number, references: readonly Reference[]): boolean {
  const words = visibleWords(splitTableName(itemAt(monolith.tables, table).name).table);
  if (!REFERENCE.has(words.at(-1) ?? '')) return false;
  const referrers = new Set<number>();
  for (const { child, parent } of references) {
    if (child === table) return false;
    if (parent === table) referrers.add(child);
  }
  return referrers.size > 1;
}

function keyedByCode(table: Table): boolean {
  const [key] = table.primaryKey?.columns ?? [];
  const column = table.columns.find((candidate) => candidate.name === key);
  return column !== undefined && /^(?:character|text|char|varchar|smallint)/.test(column.type);
}

const REMEDY: Readonly<Record<SharedKind, string>> = {
  reference: 'Keep one owner and give the others a read-only replica; it changes rarely, so minutes of delay are harmless.',
  log: 'Let every service write a log of its own; merge them where they are read.',
  framework: 'Every service gets its own copy from its own framework; do not migrate the rows.',
};

export function sharedRemedy(kind: SharedKind): string {
  return REMEDY[kind];
}
