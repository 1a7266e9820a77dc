import { BanyanError } from '../core/errors.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import type { ComparisonForm, HashMethod, SelectedColumn, Selection, ShapeColumn, TableShape } from '../ports/checksummer.ts';
import type { ColumnDrift, Level } from './report.ts';
import type { TemporalRules } from './rules/rule.ts';
import { columnTolerance, toleranceKind, type Bounds, type Tolerance, type ToleranceRules } from './tolerance.ts';

/** Two columns that hold the same, under two names or in two vocabularies. */
export interface ComparedColumn {
  readonly source: string;
  readonly target: string;
  /** The target's text for each of the source's. Not for a key column. */
  readonly values?: ReadonlyMap<string, string>;
}

/** A table to compare, and how the two sides' columns belong together. */
export interface TableToValidate {
  /** The source's name, as a user writes it. */
  readonly table: string;
  /** The target's name. Default: the same. */
  readonly as?: string;
  /** The columns to compare, where the names differ with both. Default: all. The key is always compared. */
  readonly columns?: readonly (string | ComparedColumn)[];
  /** Compare what both sides have, and say nothing of a column that only one of them has. */
  readonly sharedOnly?: boolean;
  /** Columns that are not compared: the source's names, or without `columns` that of one that only the target has. */
  readonly exclude?: readonly string[];
  /** The source's columns that identify a row. Default: the primary key, else a unique key without nulls. */
  readonly key?: readonly string[];
  /** SQL condition: only such rows are compared, on both sides. */
  readonly where?: string;
  /** The condition in the target's words, where its columns have other names. Default: `where`. */
  readonly targetWhere?: string;
  /** Default: the run's, as for all that follows. */
  readonly level?: Level;
  readonly exact?: boolean;
  /** Over the run's, kind by kind. */
  readonly tolerance?: Tolerance;
  readonly sampleRows?: number;
  /** What the times in its rows have to be, on either side. */
  readonly temporal?: TemporalRules;
}

export interface PairedColumn {
  readonly source: string;
  readonly target: string;
  readonly form: ComparisonForm;
  /** The type whose own equality decides when the forms differ. */
  readonly judgedAs?: string;
  readonly sameType: boolean;
  /** How far two values may be apart; never of a key column. */
  readonly tolerance?: Bounds;
  /** What the source's texts are compared as. */
  readonly values?: ReadonlyMap<string, string>;
}

/** One table on both sides, column by column. */
export interface TablePair {
  readonly table: TableName;
  readonly targetTable: TableName;
  /** Key columns first. */
  readonly columns: readonly PairedColumn[];
  readonly keyLength: number;
  readonly source: Selection;
  readonly target: Selection;
  readonly drift: readonly ColumnDrift[];
  readonly estimatedRows: number;
}

/** The names a specification means. */
export function pairNames(spec: TableToValidate): { readonly source: TableName; readonly target: TableName } {
  const source = parseTableName(spec.table);
  return { source, target: spec.as === undefined ? source : parseTableName(spec.as) };
}

/**
 * Joins two shapes. Generated columns are compared where both sides have the column; where only
 * one has it, it says nothing of the data and is passed over.
 * @throws BANYAN_VALIDATE_COLUMN if a named column does not exist.
 */
export function pairTables(options: {
  readonly spec: TableToValidate;
  readonly source: TableShape;
  readonly target: TableShape;
  readonly hash: HashMethod;
  /** Compare the text of every value. */
  readonly exact: boolean;
  readonly tolerance?: ToleranceRules;
}): TablePair {
  const { spec, source, target, tolerance = {} } = options;
  const sourceColumns = new Map(source.columns.map((column) => [column.name, column]));
  const targetColumns = new Map(target.columns.map((column) => [column.name, column]));
  const targetNames = new Map((spec.columns ?? []).map((column) => (typeof column === 'string' ? [column, column] : [column.source, column.target])));
  const targetNameOf = (name: string) => targetNames.get(name) ?? name;
  for (const name of [...(spec.exclude ?? []).filter((column) => spec.columns !== undefined || !targetColumns.has(column)), ...(spec.key ?? [])]) {
    if (!sourceColumns.has(name)) throw unknownColumn(source, name, 'source');
  }
  const { wanted, drift } = columnsToCompare(spec, source, target);
  const key = keyOf({ spec, source, target, targetNameOf });
  const names = [...key, ...wanted.filter((name) => !key.includes(name))];
  const columns = names.map((name): PairedColumn => {
    const a = sourceColumns.get(name);
    const b = targetColumns.get(targetNameOf(name));
    if (a === undefined) throw unknownColumn(source, name, 'source');
    if (b === undefined) throw unknownColumn(target, targetNameOf(name), 'target');
    const values = spec.columns?.find((column) => typeof column !== 'string' && column.source === name);
    if (typeof values === 'object' && values.values) return { source: name, target: b.name, form: 'text', sameType: false, values: values.values };
    const form = formOfPair(a, b, options.exact);
    const bounds = key.includes(name) ? undefined : columnTolerance(tolerance, name, form.form);
    return { source: name, target: b.name, sameType: a.type === b.type, ...form, ...(bounds ? { tolerance: bounds } : {}) };
  });
  for (const name of Object.keys(tolerance.columns ?? {})) refuseTolerance({ name, column: columns.find(({ source }) => source === name), isKey: key.includes(name), shape: source, exact: options.exact });
  if (columns.length === 0) {
    throw new BanyanError('BANYAN_VALIDATE_COLUMN', { message: `${source.table} has no column to compare.`, details: { table: source.table } });
  }
  const onlyKey = key.length === 1 ? sourceColumns.get(key[0] ?? '') : undefined;
  const otherKey = onlyKey && targetColumns.get(targetNameOf(onlyKey.name));
  const shared = {
    keyLength: key.length,
    hash: options.hash,
    placedByKey: onlyKey?.family === 'integer' && otherKey?.family === 'integer',
  };
  const targetWhere = spec.targetWhere ?? spec.where;
  return {
    table: source.table,
    targetTable: target.table,
    columns,
    keyLength: key.length,
    drift,
    estimatedRows: Math.max(source.estimatedRows, target.estimatedRows),
    source: {
      ...shared,
      table: source.table,
      columns: columns.map((column) => ({ name: column.source, ...selected(column), ...(column.values ? { values: column.values } : {}) })),
      ...(spec.where === undefined ? {} : { where: spec.where }),
    },
    target: {
      ...shared,
      table: target.table,
      columns: columns.map((column) => ({ name: column.target, ...selected(column) })),
      ...(targetWhere === undefined ? {} : { where: targetWhere }),
    },
  };
}

function selected({ form, sameType, judgedAs }: PairedColumn): Omit<SelectedColumn, 'name'> {
  return { form, ...(sameType ? { sameType } : {}), ...(judgedAs === undefined ? {} : { judged: true }) };
}

function columnsToCompare(
  spec: TableToValidate,
  source: TableShape,
  target: TableShape,
): { readonly wanted: readonly string[]; readonly drift: readonly ColumnDrift[] } {
  const excluded = new Set(spec.exclude ?? []);
  if (spec.columns) {
    const named = spec.columns.map((column) => (typeof column === 'string' ? column : column.source));
    return { wanted: named.filter((name) => !excluded.has(name)), drift: [] };
  }
  const onSource = new Set(source.columns.map((column) => column.name));
  const onTarget = new Set(target.columns.map((column) => column.name));
  const here = source.columns.filter((column) => !excluded.has(column.name));
  return {
    wanted: here.map((column) => column.name).filter((name) => onTarget.has(name)),
    drift: spec.sharedOnly === true ? [] : [
      ...here.filter((column) => !onTarget.has(column.name) && !column.generated).map((column) => ({ column: column.name, absentOn: 'target' as const })),
      ...target.columns
        .filter((column) => !onSource.has(column.name) && !excluded.has(column.name) && !column.generated)
        .map((column) => ({ column: column.name, absentOn: 'source' as const })),
    ],
  };
}

/** The given key, else the source's, else the target's in the source's names; empty if neither has one. */
function keyOf(options: {
  readonly spec: TableToValidate;
  readonly source: TableShape;
  readonly target: TableShape;
  readonly targetNameOf: (name: string) => string;
}): readonly string[] {
  const { spec, source, target, targetNameOf } = options;
  if (spec.key) return spec.key;
  const onTarget = new Set(target.columns.map((column) => column.name));
  if (source.key.length > 0 && source.key.every((name) => onTarget.has(targetNameOf(name)))) return source.key;
  const back = new Map(source.columns.map((column) => [targetNameOf(column.name), column.name]));
  const key = target.key.map((name) => back.get(name));
  return key.every((name) => name !== undefined) ? key : [];
}

function formOfPair(a: ShapeColumn, b: ShapeColumn, exact: boolean): Pick<PairedColumn, 'form' | 'judgedAs'> {
  if (exact) return { form: 'text' };
  if (a.type === b.type && a.scale !== undefined && a.scale === b.scale) return { form: 'fixed' };
  if (a.type === b.type) return { form: a.form, ...(a.judged && b.judged ? { judgedAs: a.type } : {}) };
  const both = new Set([a.family, b.family]);
  const within = (...families: readonly ShapeColumn['family'][]) => [...both].every((family) => families.includes(family));
  if (within('integer')) return { form: 'integer' };
  // Values travel as text: what a `real` 0.1 becomes is the double 0.1, not the double next to the real.
  if (within('float')) return { form: 'digits' };
  if (within('integer', 'decimal')) return { form: 'decimal' };
  if (within('date', 'timestamp')) return { form: 'timestamp' };
  if (within('date', 'timestamp', 'instant')) return { form: 'instant' };
  if (within('document')) return { form: 'document', judgedAs: 'jsonb' };
  return { form: 'text' };
}

/** A bound that could have no effect was meant for another column. */
function refuseTolerance(given: { readonly name: string; readonly column: PairedColumn | undefined; readonly isKey: boolean; readonly shape: TableShape; readonly exact: boolean }): void {
  const { name, column, isKey, shape, exact } = given;
  const known = shape.columns.find((own) => own.name === name);
  if (!known) throw unknownColumn(shape, name, 'source');
  if (exact || (column && !isKey && toleranceKind(column.form) !== undefined)) return;
  throw new BanyanError('BANYAN_VALIDATE_COLUMN', {
    message: `The tolerance of ${shape.table}'s column "${name}" has no effect: ${isKey ? 'it belongs to the key' : column ? `${known.type} is neither a floating-point nor a decimal type` : 'it is not compared'}.`,
    details: { table: shape.table, column: name, side: 'source' },
  });
}

function unknownColumn(shape: TableShape, name: string, side: 'source' | 'target'): BanyanError {
  return new BanyanError('BANYAN_VALIDATE_COLUMN', {
    message: `The ${side}'s table ${shape.table} has no column "${name}"; it has ${shape.columns.map((column) => column.name).join(', ')}.`,
    details: { table: shape.table, column: name, side },
  });
}
