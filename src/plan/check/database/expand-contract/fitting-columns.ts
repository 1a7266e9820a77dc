import { displayName } from '../differences.ts';
import type { Column, Index, Key, Schema, Table } from '../../../../model/schema.ts';
import { mentions } from '../sql-text.ts';
import { typeChange } from '../type-change.ts';
import { functionName, keepingName } from './keep-in-step.ts';

/** A column that changes its type or its name, with what of its table goes along. */
export interface FittingColumn {
  readonly table: Table;
  readonly key: Key;
  readonly old: Column;
  /** As it will be, but for what other scripts change later. */
  readonly fresh: Column;
  readonly indexes: readonly Index[];
  readonly uniques: readonly Key[];
}

const LONGEST_NAME = 63;
const TIMES = /^(date|time|timestamp|interval)\b/;

interface Candidate {
  readonly schema: Schema;
  readonly table: Table;
  readonly old: Column;
  readonly target: Column;
}

/** The column with what goes along, or why it is changed in its place. Pure. */
export function fittingColumn({ schema, table, old, target }: Candidate): FittingColumn | string {
  const indexes = table.indexes.filter(({ definition }) => mentions(definition.replace(/^[\s\S]*?\sON\s/i, ''), old.name));
  const uniques = table.uniques.filter(({ columns }) => columns.includes(old.name));
  const refusal = refused({ schema, table, old, target }, indexes, uniques);
  if (refusal !== undefined || !table.primaryKey) return refusal ?? 'the table has no primary key';
  // What has no default yet gets its own later, as any column.
  const value = old.default === undefined ? undefined : target.default;
  const fresh: Column = {
    name: target.name, type: target.type, nullable: old.nullable, ...(value === undefined ? {} : { default: value }),
    ...(target.collation === undefined ? {} : { collation: target.collation }), ...(old.comment === undefined ? {} : { comment: old.comment }),
  };
  return { table, key: table.primaryKey, old, fresh, indexes, uniques };
}

function refused({ schema, table, old, target }: Candidate, indexes: readonly Index[], uniques: readonly Key[]): string | undefined {
  const named = (text: string | undefined): boolean => text !== undefined && mentions(text, old.name);
  const names = [functionName(table.name, old.name).split('.').at(-1) ?? '', keepingName(old.name), ...[...indexes, ...uniques].map(({ name }) => `banyan_new_${name}`)];
  const reasons: readonly (readonly [boolean, string])[] = [
    [table.kind !== 'table', 'the table is partitioned'],
    [!table.primaryKey, 'the table has no primary key'],
    [table.primaryKey?.columns.includes(old.name) ?? false, 'it is part of the primary key'],
    [old.identity !== undefined || target.identity !== undefined || schema.sequences.some(({ ownedBy }) => ownedBy?.table === table.name && ownedBy.column === old.name), 'it gives out numbers'],
    [old.generated !== undefined || target.generated !== undefined || table.columns.some(({ generated }) => named(generated)), 'it is computed, or something is computed of it'],
    [schema.tables.some(({ name, foreignKeys }) => foreignKeys.some((key) => (name === table.name && key.columns.includes(old.name)) || (key.references === table.name && key.referencedColumns.includes(old.name)))), 'a foreign key stands on it'],
    [[...table.checks, ...(table.exclusions ?? [])].some(({ definition }) => named(definition)), 'a check or an exclusion stands on it'],
    [table.triggers.some(({ definition }) => named(definition)), 'a trigger names it'],
    [(table.policies ?? []).some(({ using, check }) => named(using) || named(check)), 'a policy reads it'],
    [schema.views.some(({ reads, definition }) => reads.includes(table.name) && (named(definition) || definition.includes('*'))), 'a view reads it'],
    [(schema.grants ?? []).some(({ name, column }) => name === table.name && column === old.name), 'it has privileges of its own'],
    [table.replicaIdentity === 'index', 'the replica identity is an index'],
    [uniques.some(({ definition }) => /\bINCLUDE\b|WITHOUT OVERLAPS/i.test(definition)), 'a unique constraint includes more'],
    [indexes.some(({ columns, partial, definition }) => partial || columns.includes(null) || !columns.includes(old.name) || /\bINCLUDE\b|\bCOLLATE\b|_ops\b/i.test(definition)), 'an index stands on an expression'],
    [[old, target].some(({ type }) => /[."]/.test(type)), 'it is of a type of its own'],
    [old.type !== target.type && [old, target].some(({ type }) => TIMES.test(type)), 'what a time means hangs on the session'],
    [names.some((name) => Buffer.byteLength(name.replaceAll('"', '')) > LONGEST_NAME), 'its names are too long'],
  ];
  return reasons.find(([applies]) => applies)?.[1];
}

/** Whether the change of type would write the table anew. */
export function rewrites(old: Column, fresh: Column): boolean {
  return !['same', 'widened'].includes(typeChange(old, fresh).kind);
}

export const titleOf = ({ table, old }: Pick<FittingColumn, 'table' | 'old'>): string => `${displayName(table.name)}.${old.name}`;
