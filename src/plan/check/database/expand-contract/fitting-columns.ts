import type { Check, Column, ForeignKey, Index, Key, Policy, Schema, Sequence, Table, Trigger } from '../../../../model/schema.ts';
import { splitTableName, tableName, type TableName } from '../../../../model/names.ts';
import { displayName } from '../differences.ts';
import { mentions } from '../sql-text.ts';
import { typeChange } from '../type-change.ts';
import { functionName, nullNames } from './keep-in-step.ts';

/** A column that changes its type or its name. */
export interface FittingColumn {
  readonly table: Table;
  readonly old: Column;
  /** As it will be, but for what other scripts change later. */
  readonly fresh: Column;
  /** That which it gives out numbers of. */
  readonly sequence?: Sequence;
}

/** Columns of one table that take over together, with what stands on them. */
export interface FittingTable {
  readonly table: Table;
  /** Along which rows are filled. */
  readonly key: Key;
  readonly columns: readonly FittingColumn[];
  /** The primary key, if one of the columns is part of it. */
  readonly primary?: Key;
  readonly indexes: readonly Index[];
  readonly uniques: readonly Key[];
  readonly checks: readonly Check[];
  readonly policies: readonly Policy[];
  readonly triggers: readonly Trigger[];
}

export interface OwnedForeignKey {
  readonly table: TableName;
  readonly key: ForeignKey;
}

/** What takes over in one transaction. */
export interface FittingGroup {
  /** Those that others refer to come first. */
  readonly tables: readonly FittingTable[];
  readonly foreignKeys: readonly OwnedForeignKey[];
}

const LONGEST_NAME = 63;
const TIMES = /^(date|time|timestamp|interval)\b/;
const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision)\b/;
const TEXTS = /^(character varying|character|text)\b/;

export interface Candidate {
  readonly schema: Schema;
  readonly table: Table;
  readonly old: Column;
  readonly target: Column;
}

/** The column, or why it is changed in its place. Pure. */
export function fittingColumn({ schema, table, old, target }: Candidate): FittingColumn | string {
  const refusal = refused({ schema, table, old, target });
  if (refusal !== undefined) return refusal;
  const sequence = ownedBy(schema, table, old)[0];
  // What has no default yet gets its own later, as any column; that of a sequence may not be there yet.
  const value = old.default === undefined ? undefined : sequence === undefined ? target.default : old.default;
  const fresh: Column = {
    name: target.name, type: target.type, nullable: old.nullable, ...(value === undefined ? {} : { default: value }), ...(old.identity === undefined ? {} : { identity: old.identity }),
    ...(target.collation === undefined ? {} : { collation: target.collation }), ...(old.comment === undefined ? {} : { comment: old.comment }),
  };
  return { table, old, fresh, ...(sequence === undefined ? {} : { sequence }) };
}

const ownedBy = ({ sequences }: Schema, { name }: Table, column: Column): Sequence[] => sequences.filter((each) => each.ownedBy?.table === name && each.ownedBy.column === column.name);

function refused({ schema, table, old, target }: Candidate): string | undefined {
  const isRename = old.name !== target.name;
  const named = (text: string | undefined): boolean => text !== undefined && mentions(text, old.name);
  const on = rulesOn(table, [old.name]);
  const rules = [...on.indexes, ...on.checks];
  const first = <T extends { readonly name: string }>(items: readonly T[] | undefined, is: (item: T) => boolean): string | undefined => items?.find(is)?.name;
  const view = schema.views.find(({ reads, definition }) => reads.includes(table.name) && (named(definition) || definition.includes('*')));
  const sequences = ownedBy(schema, table, old);
  const policy = first(on.policies, ({ using, check }) => !isOfKind(old, target) || (isRename && /\bselect\b/i.test(`${using ?? ''} ${check ?? ''}`)));
  const names = [functionName(table.name, old.name).split('.').at(-1) ?? '', ...nullNames(old.name), ...[...rules, ...on.uniques, ...(on.primary ? [on.primary] : [])].map(({ name }) => `banyan_new_${name}`)];
  const odd = (kind: string, name: string | undefined): string => `${kind} ${name ?? ''}`.trim();
  const reasons: readonly (readonly [boolean, string])[] = [
    [table.kind !== 'table' && (mentions(table.partitionBy ?? '', old.name)), 'rows are told apart into partitions by it, which no script changes'],
    [table.kind !== 'table', 'the table is partitioned'],
    [!table.primaryKey, 'the table has no primary key'],
    [isRename && table.columns.some(({ name }) => name === target.name), 'its new name is that of another column'],
    [(old.identity ?? '') !== (target.identity ?? ''), 'it comes to give out numbers, or ceases to, or does so in another way'],
    [sequences.length > 1, 'it gives out numbers of several sequences'],
    [old.identity !== undefined && (schema.grants ?? []).some(({ on: what, name }) => what === 'sequence' && sequences.some((each) => tableName(each.schema, each.name) === name)), 'the sequence of its identity has privileges of its own, which would go with it'],
    [sequences.length > 0 && !/^(smallint|integer|bigint)$/.test(target.type), 'it gives out numbers'],
    [old.generated !== undefined || target.generated !== undefined, 'it is computed'],
    [table.columns.some(({ generated }) => named(generated)), `the ${odd('column', first(table.columns, ({ generated }) => named(generated)))} is computed of it`],
    [on.exclusion !== undefined, `the exclusion ${on.exclusion ?? ''} stands on it`],
    [on.triggers.length > 0, `the ${odd('trigger', on.triggers[0]?.name)} names it`],
    [policy !== undefined, `the ${odd('policy', policy)} reads it`],
    [view !== undefined, `the view ${view === undefined ? '' : displayName(view.name)} reads it; drop the view first, and make it again behind the scripts`],
    [(schema.grants ?? []).some(({ name, column }) => name === table.name && column === old.name), 'it has privileges of its own'],
    [[...on.uniques, ...(on.primary ? [on.primary] : [])].some(({ definition }) => /\bINCLUDE\b|WITHOUT OVERLAPS/i.test(definition)), 'a key includes more'],
    [rules.some(({ definition }) => isAmbiguous(definition, old.name)), 'a function or a type in an index or a check has its name'],
    [!isOfKind(old, target) && on.checks.length > 0, `the ${odd('check', on.checks[0]?.name)} stands on it`],
    [!isOfKind(old, target) && on.indexes.some(({ columns, partial }) => partial || columns.includes(null)), `the ${odd('index', first(on.indexes, ({ columns, partial }) => partial || columns.includes(null)))} stands on an expression`],
    [!isOfKind(old, target) && on.indexes.some(({ definition }) => /_ops\b|\bCOLLATE\b/i.test(definition)), `the ${odd('index', first(on.indexes, ({ definition }) => /_ops\b|\bCOLLATE\b/i.test(definition)))} says how values are compared`],
    [[old, target].some(({ type }) => /[."]/.test(type)), 'it is of a type of its own'],
    [old.type !== target.type && [old, target].some(({ type }) => TIMES.test(type)), 'what a time means hangs on the session'],
    [names.some((name) => Buffer.byteLength(name.replaceAll('"', '')) > LONGEST_NAME), 'its names are too long'],
  ];
  return reasons.find(([applies]) => applies)?.[1];
}

/** Whether an expression of the one type has a meaning with the other. */
function isOfKind({ type: from }: Column, { type: to }: Column): boolean {
  return from === to || [NUMBERS, TEXTS].some((kind) => kind.test(from) && kind.test(to));
}

/** Whether something that is no column has the name where it stands. */
function isAmbiguous(definition: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`::\s*"?${escaped}\b|\b${escaped}"?\s*\(`, 'i').test(definition.replace(/^[\s\S]*?\sON\s+\S+\s+USING\s+\w+\s*/i, '').replace(/^\s*CHECK\s*/i, ''));
}

interface RulesOn extends Pick<FittingTable, 'primary' | 'indexes' | 'uniques' | 'checks' | 'policies' | 'triggers'> {
  readonly exclusion?: string;
}

/** What of a table stands on one of the columns. */
export function rulesOn(table: Table, columns: readonly string[]): RulesOn {
  const named = (text: string | undefined): boolean => text !== undefined && columns.some((column) => mentions(text, column));
  const includes = (key: Key): boolean => key.columns.some((column) => columns.includes(column));
  const exclusion = table.exclusions?.find(({ definition }) => named(definition))?.name;
  return {
    ...(table.primaryKey && includes(table.primaryKey) ? { primary: table.primaryKey } : {}),
    indexes: table.indexes.filter((index) => index.columns.some((column) => column !== null && columns.includes(column)) || named(index.definition.replace(/^[\s\S]*?\sON\s/i, ''))), uniques: table.uniques.filter(includes),
    checks: table.checks.filter(({ definition }) => named(definition)), policies: (table.policies ?? []).filter(({ using, check }) => named(using) || named(check)),
    triggers: table.triggers.filter(({ definition }) => named(definition.replace(/^[\s\S]*?\sON\s+\S+/i, '')) || named(/\sOF\s[\s\S]*?\sON\s/i.exec(definition)?.[0])), ...(exclusion === undefined ? {} : { exclusion }),
  };
}

/** Whether the change of type would write the table anew. */
export function rewrites(old: Column, fresh: Column): boolean {
  return !['same', 'widened'].includes(typeChange(old, fresh).kind);
}

export const titleOf = ({ table, old }: Pick<FittingColumn, 'table' | 'old'>): string => `${displayName(table.name)}.${old.name}`;

export const isRename = ({ old, fresh }: FittingColumn): boolean => old.name !== fresh.name;

/** Where names of its indexes are taken. */
export const schemaOf = ({ table }: Pick<FittingTable, 'table'>): string => splitTableName(table.name).schema;
