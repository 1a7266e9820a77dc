import { quoteIdentifier, quoteLiteral, quoteTable, splitTableName, tableName, type TableName } from '../../../model/names.ts';
import type { Column, ForeignKey, Index, Key, Schema, Sequence, Table, Trigger, View } from '../../../model/schema.ts';
import { qualified } from './differences.ts';
import { countsAs, hasReplicaIdentity, isOwned, isRelation, isTrigger } from './conditions.ts';
import { addConstraint, butFor, columnsText, guarded, hasColumn, hasFreeSequence, regclass } from './sql-text.ts';

/*
 * SQL that makes things of the model. Pure.
 */

/** A column as it stands in CREATE TABLE or ADD COLUMN. */
export function columnSql(column: Column, { sequence, nullable = column.nullable }: { readonly sequence?: Sequence | undefined; readonly nullable?: boolean } = {}): string {
  const { name, type, collation, default: value, generated, identity } = column;
  return [
    `${quoteIdentifier(name)} ${type}`,
    collation === undefined ? '' : ` COLLATE ${collation}`,
    generated === undefined ? '' : ` GENERATED ALWAYS AS (${generated}) ${column.virtual ? 'VIRTUAL' : 'STORED'}`,
    identity === undefined ? '' : ` ${identitySql(identity, sequence)}`,
    value === undefined || generated !== undefined || identity !== undefined ? '' : ` DEFAULT ${value}`,
    nullable ? '' : ' NOT NULL',
  ].join('');
}

export function identitySql(identity: 'always' | 'by default', sequence: Sequence | undefined): string {
  const options = sequence === undefined ? '' : ` (SEQUENCE NAME ${qualified(sequence.schema, sequence.name)} ${sequenceOptions(sequence)})`;
  return `GENERATED ${identity.toUpperCase()} AS IDENTITY${options}`;
}

export function sequenceOptions({ increment, min, max, start, cache, cycle }: Sequence): string {
  return `INCREMENT BY ${increment} MINVALUE ${min} MAXVALUE ${max}${start === undefined ? '' : ` START WITH ${start}`}${cache === undefined ? '' : ` CACHE ${cache}`}${cycle ? ' CYCLE' : ' NO CYCLE'}`;
}

export function createSequence(sequence: Sequence): string {
  return `CREATE SEQUENCE IF NOT EXISTS ${qualified(sequence.schema, sequence.name)} AS ${sequence.type} ${sequenceOptions(sequence)};`;
}

/** Where it counts otherwise. Where it stands outside of its new bounds, it starts anew. */
export function alterSequence(sequence: Sequence): string {
  const { schema, name, type, min, max, increment, start = increment.startsWith('-') ? max : min } = sequence;
  const alter = `ALTER SEQUENCE ${qualified(schema, name)} AS ${type} ${sequenceOptions(sequence)}`;
  const execute = `EXECUTE ${quoteLiteral(alter)} || (SELECT CASE WHEN last_value BETWEEN ${min} AND ${max} THEN '' ELSE ' RESTART WITH ${start}' END FROM ${qualified(schema, name)})`;
  return guarded(`${regclass(tableName(schema, name))} IS NOT NULL AND NOT ${countsAs(sequence)}`, execute);
}

/** Never that of an identity column, which may have taken the name. */
export function dropSequence({ schema, name }: Sequence): string {
  return guarded(hasFreeSequence(schema, name), `DROP SEQUENCE ${qualified(schema, name)}`);
}

/** Ties a sequence to its column, where both are there. */
export function ownSequence({ schema, name, ownedBy }: Pick<Sequence, 'schema' | 'name' | 'ownedBy'>): string {
  const owner = ownedBy === undefined ? 'NONE' : `${quoteTable(ownedBy.table)}.${quoteIdentifier(ownedBy.column)}`;
  return guarded(`${hasFreeSequence(schema, name)} AND NOT (${isOwned({ schema, name, ...(ownedBy === undefined ? {} : { ownedBy }) })})`, `ALTER SEQUENCE ${qualified(schema, name)} OWNED BY ${owner}`);
}

/** The next number is above the column's own. */
export function advanceSequence({ schema, name, ownedBy, increment, min }: Sequence): string {
  if (ownedBy === undefined || increment.startsWith('-')) return '';
  const column = quoteIdentifier(ownedBy.column);
  return `SELECT setval(${quoteLiteral(qualified(schema, name))}::regclass, greatest((SELECT ceil(max(${column}::text::numeric))::bigint FROM ${quoteTable(ownedBy.table)}) + 1, ${min}), false);`;
}

export function identitySequence(schema: Schema, table: TableName, column: string): Sequence | undefined {
  return schema.sequences.find(({ ownedBy }) => ownedBy?.identity === true && ownedBy.table === table && ownedBy.column === column);
}

/** The key's text, the same whether a person wrote it or the server printed it. */
export function keySql(key: Key): string {
  if (/without overlaps/i.test(key.definition)) return key.definition;
  const [, include] = /\sINCLUDE\s*(\([^)]*\))/i.exec(key.definition) ?? [];
  return [
    /^\s*PRIMARY/i.test(key.definition) ? 'PRIMARY KEY' : 'UNIQUE', key.nullsNotDistinct ? ' NULLS NOT DISTINCT' : '', ` ${columnsText(key.columns)}`,
    include === undefined ? '' : ` INCLUDE ${include}`, key.deferrable ? ' DEFERRABLE' : '', /INITIALLY DEFERRED/i.test(key.definition) ? ' INITIALLY DEFERRED' : '',
  ].join('');
}

/** The index that the key stands on, to be built beside the writers; undefined: the server must build it itself. */
export function keyIndex(table: TableName, key: Key): string | undefined {
  if (/without overlaps/i.test(key.definition)) return undefined;
  const [, include] = /\sINCLUDE\s*(\([^)]*\))/i.exec(key.definition) ?? [];
  return `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ${quoteIdentifier(key.name)} ON ${quoteTable(table)} ${columnsText(key.columns)}${include === undefined ? '' : ` INCLUDE ${include}`}${key.nullsNotDistinct ? ' NULLS NOT DISTINCT' : ''};`;
}

/** As {@link keySql}. Never NOT VALID. */
export function foreignKeySql(key: ForeignKey): string {
  const text = key.definition.replace(/\s+NOT VALID$/i, '');
  if (/\bPERIOD\b/i.test(text)) return text;
  const [, part] = /ON DELETE SET (?:NULL|DEFAULT)\s*(\([^)]*\))/i.exec(text) ?? [];
  return [
    `FOREIGN KEY ${columnsText(key.columns)} REFERENCES ${quoteTable(key.references)} ${columnsText(key.referencedColumns)}`,
    /MATCH FULL/i.test(text) ? ' MATCH FULL' : '',
    key.onUpdate === 'no action' ? '' : ` ON UPDATE ${key.onUpdate.toUpperCase()}`,
    key.onDelete === 'no action' ? '' : ` ON DELETE ${key.onDelete.toUpperCase()}${part === undefined ? '' : ` ${part}`}`,
    /(?<!NOT )DEFERRABLE/i.test(text) ? ' DEFERRABLE' : '', /INITIALLY DEFERRED/i.test(text) ? ' INITIALLY DEFERRED' : '',
  ].join('');
}

const INDEX_HEAD = /^\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?:(?:"(?:[^"]|"")+"|(?!ON\b)[^\s"]+)\s+)?ON\s+(?:ONLY\s+)?(?:"(?:[^"]|"")+"|[^\s".(]+)(?:\.(?:"(?:[^"]|"")+"|[^\s"(]+))?\s*/i;

/** What stands behind the table's name: `USING btree (a, b) WHERE …`. */
export function indexTail(index: Index): string {
  return index.definition.replace(INDEX_HEAD, '').replace(/;\s*$/, '');
}

export function createIndex(table: TableName, index: Index, { concurrently }: { readonly concurrently: boolean }): string {
  return `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF NOT EXISTS ${quoteIdentifier(index.name)} ON ${quoteTable(table)} ${indexTail(index)};`;
}

export function dropIndex(table: TableName, index: { readonly name: string }, { concurrently }: { readonly concurrently: boolean }): string {
  return `DROP INDEX ${concurrently ? 'CONCURRENTLY ' : ''}IF EXISTS ${qualified(splitTableName(table).schema, index.name)};`;
}

/** Where there is none that is the same to the letter. */
export function createTrigger(table: TableName, trigger: Trigger): string {
  const { enabled = 'origin' } = trigger;
  return guarded(`${regclass(table)} IS NOT NULL AND NOT ${isTrigger(table, trigger)}`,
    `DROP TRIGGER IF EXISTS ${quoteIdentifier(trigger.name)} ON ${quoteTable(table)}`,
    trigger.definition.replace(/;\s*$/, ''),
    ...(enabled === 'origin' ? [] : [`ALTER TABLE ${quoteTable(table)} ${{ always: 'ENABLE ALWAYS', replica: 'ENABLE REPLICA', disabled: 'DISABLE' }[enabled]} TRIGGER ${quoteIdentifier(trigger.name)}`]),
  );
}

/** `unless`: where it need not go. */
export function dropTrigger(table: TableName, trigger: Trigger, unless?: string): string {
  return guarded(`${regclass(table)} IS NOT NULL${butFor(unless)}`, `DROP TRIGGER IF EXISTS ${quoteIdentifier(trigger.name)} ON ${quoteTable(table)}`);
}

const commentText = (comment: string | undefined): string => (comment === undefined ? 'NULL' : quoteLiteral(comment));

export function commentOn(what: string, comment: string | undefined): string {
  return `COMMENT ON ${what} IS ${commentText(comment)};`;
}

/** Where the column is there and its comment another one. */
export function commentOnColumn(table: TableName, column: string, comment: string | undefined): string {
  return guarded(hasColumn(table, column, `col_description(a.attrelid, a.attnum) IS DISTINCT FROM ${commentText(comment)}`), commentOn(`COLUMN ${quoteTable(table)}.${quoteIdentifier(column)}`, comment));
}

/** Where the table is there and its comment another one. */
export function commentOnTable(table: TableName, comment: string | undefined): string {
  return guarded(isRelation(table, `obj_description(c.oid, 'pg_class') IS DISTINCT FROM ${commentText(comment)}`), commentOn(`TABLE ${quoteTable(table)}`, comment));
}

/** Turns row security on or off, where the table is there and it is not so. */
export function setRowSecurity(table: TableName, on: boolean): string {
  return guarded(isRelation(table, `c.relrowsecurity <> ${on}`), `ALTER TABLE ${quoteTable(table)} ${on ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`);
}

/** Where the table is there and does not have it. */
export function setReplicaIdentity(table: Table): string {
  return guarded(`${regclass(table.name)} IS NOT NULL AND NOT ${hasReplicaIdentity(table)}`, replicaIdentity(table));
}

export function replicaIdentity(table: Table): string {
  const how = table.replicaIdentity === 'index' ? (table.replicaIdentityIndex === undefined ? 'DEFAULT' : `USING INDEX ${quoteIdentifier(table.replicaIdentityIndex)}`) : table.replicaIdentity.toUpperCase();
  return `ALTER TABLE ${quoteTable(table.name)} REPLICA IDENTITY ${how};`;
}

/** The whole table but its foreign keys, which may lead to tables that are made later. What it takes from its parent is left out. */
export function createTable(table: Table, schema: Schema): string {
  const name = quoteTable(table.name);
  const tail = table.partitionBy === undefined ? '' : ` PARTITION BY ${table.partitionBy}`;
  const kind = `CREATE ${table.unlogged ? 'UNLOGGED ' : ''}TABLE IF NOT EXISTS ${name}`;
  const columns = table.columns.map((column) => `  ${columnSql(column, { sequence: identitySequence(schema, table.name, column.name) })}`).join(',\n');
  const own = ownRules(table, schema);
  return [
    table.partitionOf ? `${kind} PARTITION OF ${quoteTable(table.partitionOf.parent)} ${table.partitionOf.bound}${tail};` : `${kind} (\n${columns}\n)${tail};`,
    ...own.keys.map((key) => addConstraint(table.name, key.name, keySql(key))),
    ...table.checks.map((check) => addConstraint(table.name, check.name, check.definition)),
    ...own.exclusions.map((each) => addConstraint(table.name, each.name, each.definition)),
    ...own.indexes.map((index) => createIndex(table.name, index, { concurrently: false })),
    ...table.triggers.map((trigger) => createTrigger(table.name, trigger)),
    ...(table.rowSecurity ? [setRowSecurity(table.name, true)] : []),
    ...(table.replicaIdentity === 'default' ? [] : [setReplicaIdentity(table)]),
    ...(table.comment === undefined ? [] : [commentOnTable(table.name, table.comment)]),
    ...table.columns.flatMap((column) => (column.comment === undefined ? [] : [commentOnColumn(table.name, column.name, column.comment)])),
    ...schema.sequences.filter(({ ownedBy }) => ownedBy?.table === table.name && !ownedBy.identity).map(ownSequence),
  ].join('\n');
}

/** The keys, exclusions and indexes that a table does not have from its parent. */
export function ownRules(table: Table, schema: Schema): { readonly keys: readonly Key[]; readonly exclusions: NonNullable<Table['exclusions']>; readonly indexes: readonly Index[] } {
  const parent = table.partitionOf && schema.tables.find(({ name }) => name === table.partitionOf?.parent);
  const keys = (each: Table): Key[] => [...(each.primaryKey ? [each.primaryKey] : []), ...each.uniques];
  if (!parent) return { keys: keys(table), exclusions: table.exclusions ?? [], indexes: table.indexes };
  return {
    keys: keys(table).filter((key) => !keys(parent).some((theirs) => keySql(theirs) === keySql(key))),
    exclusions: (table.exclusions ?? []).filter(({ definition }) => !parent.exclusions?.some((theirs) => theirs.definition === definition)),
    indexes: table.indexes.filter((index) => !parent.indexes.some((theirs) => theirs.unique === index.unique && indexTail(theirs) === indexTail(index))),
  };
}

export function createView(view: View): string {
  const body = view.definition.replace(/;\s*$/, '');
  const name = quoteTable(view.name);
  const columns = view.columns.length === 0 ? '' : ` ${columnsText(view.columns)}`;
  return view.materialized ? [`CREATE MATERIALIZED VIEW IF NOT EXISTS ${name}${columns} AS\n${body};`, ...(view.indexes ?? []).map((index) => createIndex(view.name, index, { concurrently: false }))].join('\n') : `CREATE OR REPLACE VIEW ${name}${columns} AS\n${body};`;
}

export function dropView(view: View): string {
  return guarded(hasView(view), `DROP ${view.materialized ? 'MATERIALIZED ' : ''}VIEW ${quoteTable(view.name)}`);
}

/** Whether a view of its kind has the name. */
export function hasView({ name, materialized }: Pick<View, 'name' | 'materialized'>): string {
  return `EXISTS (SELECT FROM pg_class WHERE oid = ${regclass(name)} AND relkind = '${materialized ? 'm' : 'v'}')`;
}
