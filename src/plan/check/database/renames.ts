import { BanyanError } from '../../../core/errors.ts';
import { quoteIdentifier, quoteTable, splitTableName, tableName, type TableName } from '../../../model/names.ts';
import type { Check, ForeignKey, Index, Key, Schema, Table, View } from '../../../model/schema.ts';
import { displayName, PHASES, tablePath, type Differences } from './differences.ts';
import { guarded, hasColumn, hasRelation, regclass, renamed, waiting } from './sql-text.ts';

interface Rename {
  readonly table: TableName;
  /** Absent: the table itself. */
  readonly column?: string;
  readonly to: string;
}

/** The old schema in the new names, with the steps that rename. Columns go first, by the old names of their tables. */
export function applyRenames(before: Schema, renames: ReadonlyMap<string, string>, differences: Differences): Schema {
  const wanted = [...renames].map(([old, fresh]) => readRename(before, old, fresh));
  const ordered = [...wanted.filter(({ column }) => column !== undefined), ...wanted.filter(({ column }) => column === undefined)];
  return ordered.reduce((schema, rename) => (rename.column === undefined ? renameTable(schema, rename, differences) : renameColumn(schema, { ...rename, column: rename.column }, differences)), before);
}

function readRename(schema: Schema, old: string, fresh: string): Rename {
  const table = schema.tables.find(({ name }) => name === old || displayName(name) === old);
  if (table) return { table: table.name, to: splitTableName(fresh).table };
  const [owner, column] = splitColumn(old);
  const found = schema.tables.find(({ name, columns }) => (name === owner || displayName(name) === owner) && columns.some((each) => each.name === column));
  if (!found || column === undefined) throw new BanyanError('BANYAN_DOCUMENT', { message: `--rename ${old}=${fresh}: the old schema has no table or column ${old}.` });
  return { table: found.name, column, to: splitColumn(fresh)[1] ?? fresh };
}

/** What stands before the last point, and the name behind it, which may be quoted. */
function splitColumn(text: string): readonly [table: string, column: string | undefined] {
  const quoted = /^(.+)\."((?:[^"]|"")+)"$/.exec(text);
  if (quoted) return [quoted[1] ?? '', quoted[2]?.replaceAll('""', '"')];
  const at = text.lastIndexOf('.');
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text, undefined];
}

function renameColumn(schema: Schema, { table, column, to }: Rename & { readonly column: string }, differences: Differences): Schema {
  const title = `${displayName(table)}.${column}`;
  differences.find('column-renamed', {
    field_path: `${tablePath(table)}.columns.${to}`, old_value: column, new_value: to, description: `Column ${title} is called ${to}.`, affected_operations: ['SELECT', 'INSERT', 'UPDATE'],
  });
  const step = (from: string, fresh: string): string => waiting(guarded(`${hasColumn(table, from)} AND NOT ${hasColumn(table, fresh)}`, `ALTER TABLE ${quoteTable(table)} RENAME COLUMN ${quoteIdentifier(from)} TO ${quoteIdentifier(fresh)}`));
  differences.step({ phase: PHASES.rename - 1, about: [table], description: `Rename column ${title} to ${to}`, forward: step(column, to), back: step(to, column), holds: `${regclass(table)} IS NULL OR ${hasColumn(table, to)}`, renames: true });
  const each = (name: string): string => (name === column ? to : name);
  const text = (expression: string): string => renamed(expression, column, to);
  const key = (old: Key): Key => ({ ...old, columns: old.columns.map(each), definition: text(old.definition) });
  const check = (old: Check): Check => ({ ...old, definition: text(old.definition) });
  const own = (old: Table): Table => ({
    ...old, columns: old.columns.map((each_) => ({ ...each_, name: each(each_.name), ...(each_.generated === undefined ? {} : { generated: text(each_.generated) }) })),
    ...(old.primaryKey ? { primaryKey: key(old.primaryKey) } : {}), uniques: old.uniques.map(key), checks: old.checks.map(check), ...(old.policies ? { policies: old.policies.map((policy) => ({ ...policy, ...(policy.using === undefined ? {} : { using: text(policy.using) }), ...(policy.check === undefined ? {} : { check: text(policy.check) }) })) } : {}), ...(old.exclusions ? { exclusions: old.exclusions.map(check) } : {}),
    foreignKeys: old.foreignKeys.map((fk) => ({ ...fk, columns: fk.columns.map(each) })),
    indexes: old.indexes.map((index): Index => ({ ...index, columns: index.columns.map((name) => (name === null ? null : each(name))), definition: index.definition.replace(/(\sON\s[\s\S]*)$/i, text) })),
    triggers: old.triggers.map((trigger) => ({ ...trigger, definition: text(trigger.definition) })), ...(old.partitionBy === undefined ? {} : { partitionBy: text(old.partitionBy) }),
  });
  const isOwn = (old: Table): boolean => old.name === table || old.partitionOf?.parent === table;
  return {
    ...schema,
    tables: schema.tables.map((old) => {
      const made = isOwn(old) ? own(old) : old;
      return { ...made, foreignKeys: made.foreignKeys.map((fk): ForeignKey => (fk.references === table ? { ...fk, referencedColumns: fk.referencedColumns.map(each) } : fk)) };
    }),
    sequences: schema.sequences.map((sequence) => (sequence.ownedBy?.table === table ? { ...sequence, ownedBy: { ...sequence.ownedBy, column: each(sequence.ownedBy.column) } } : sequence)),
    ...(schema.grants ? { grants: schema.grants.map((grant) => (grant.on === 'table' && grant.name === table && grant.column !== undefined ? { ...grant, column: each(grant.column) } : grant)) } : {}),
    ...(schema.statistics ? { statistics: schema.statistics.map((of) => (of.table === table ? { ...of, columns: of.columns.map(each), expressions: of.expressions.map(text) } : of)) } : {}),
    views: schema.views.map((view): View => (view.reads.includes(table) ? { ...view, definition: text(view.definition) } : view)),
  };
}

function renameTable(schema: Schema, { table, to }: Rename, differences: Differences): Schema {
  const parts = splitTableName(table);
  const fresh = tableName(parts.schema, to);
  differences.find('table-renamed', {
    field_path: tablePath(fresh), old_value: displayName(table), new_value: displayName(fresh), description: `Table ${displayName(table)} is called ${displayName(fresh)}.`, affected_operations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  });
  const step = (from: TableName, name: TableName): string => waiting(guarded(`${regclass(from)} IS NOT NULL AND ${regclass(name)} IS NULL`, `ALTER TABLE ${quoteTable(from)} RENAME TO ${quoteIdentifier(splitTableName(name).table)}`));
  differences.step({ phase: PHASES.rename - 0.5, about: [table, fresh], description: `Rename table ${displayName(table)} to ${to}`, forward: step(table, fresh), back: step(fresh, table), holds: `${regclass(fresh)} IS NOT NULL`, renames: true });
  const each = (name: TableName): TableName => (name === table ? fresh : name);
  const text = (expression: string): string => renamed(expression, parts.table, to);
  return {
    ...schema,
    tables: schema.tables.map((old) => ({
      ...old, name: each(old.name), foreignKeys: old.foreignKeys.map((key) => ({ ...key, references: each(key.references) })), ...(old.partitionOf ? { partitionOf: { ...old.partitionOf, parent: each(old.partitionOf.parent) } } : {}),
      ...(old.name === table ? { triggers: old.triggers.map((trigger) => ({ ...trigger, definition: text(trigger.definition) })) } : {}),
    })),
    sequences: schema.sequences.map((sequence) => (sequence.ownedBy ? { ...sequence, ownedBy: { ...sequence.ownedBy, table: each(sequence.ownedBy.table) } } : sequence)),
    ...(schema.grants ? { grants: schema.grants.map((grant) => (grant.on === 'table' && grant.name === table ? { ...grant, name: fresh } : grant)) } : {}),
    ...(schema.statistics ? { statistics: schema.statistics.map((of) => ({ ...of, table: each(of.table) })) } : {}),
    views: schema.views.map((view) => (view.reads.includes(table) ? { ...view, reads: view.reads.map(each), definition: text(view.definition) } : view)),
  };
}

/** Sequences of the same column under another name, which a renamed table or column leaves behind. */
export function followSequences(before: Schema, after: Schema, differences: Differences): Schema {
  const taken = new Set(before.sequences.map(({ schema, name }) => tableName(schema, name)));
  return after.sequences.reduce((schema, fresh) => {
    const { ownedBy: owner } = fresh;
    const old = owner && schema.sequences.find((each) => each.schema === fresh.schema && each.ownedBy?.table === owner.table && each.ownedBy.column === owner.column && each.ownedBy.identity === owner.identity);
    if (!old || old.name === fresh.name || taken.has(tableName(fresh.schema, fresh.name))) return schema;
    const [was, is] = [hasRelation(old.schema, old.name), hasRelation(fresh.schema, fresh.name)];
    const rename = (from: string, to: string): string => `ALTER SEQUENCE ${quoteIdentifier(fresh.schema)}.${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`;
    differences.step({
      phase: PHASES.rename, about: [displayName(owner.table)], description: `Rename sequence ${old.name} to ${fresh.name}`,
      forward: waiting(guarded(`${was} AND NOT (${is})`, rename(old.name, fresh.name))), back: waiting(guarded(`${is} AND NOT (${was})`, rename(fresh.name, old.name))), holds: is, renames: true,
    });
    const [from, to] = [tableName(old.schema, old.name), tableName(fresh.schema, fresh.name)];
    return {
      ...schema, sequences: schema.sequences.map((each) => (each === old ? { ...each, name: fresh.name } : each)),
      tables: schema.tables.map((table) => ({ ...table, columns: table.columns.map((column) => (column.default === undefined ? column : { ...column, default: column.default.replace(`'${from}'`, `'${to}'`) })) })),
    };
  }, before);
}
