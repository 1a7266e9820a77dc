import { splitTableName, type TableName } from '../model/names.ts';
import type { Column, Schema, Table } from '../model/schema.ts';
import { append } from './lookup.ts';
import { visibleWords } from './words.ts';

/** A column that may refer to another table's key, to be tested against the values of both. */
export interface KeyCandidate {
  readonly table: TableName;
  readonly column: string;
  readonly parent: TableName;
  readonly parentColumn: string;
  readonly family: 'integer' | 'uuid' | 'text';
  /** The column's name says so: it ends in a name of the parent. */
  readonly named: boolean;
}

/** What a sample of the column's values says. */
export interface TestedKey extends KeyCandidate {
  /** Different values in the sample. */
  readonly distinct: number;
  /** How many of them the parent has. */
  readonly included: number;
  /** Of numbers: the share of all numbers from the smallest to the largest that the parent has. */
  readonly density?: number;
}

export interface JudgedKeys {
  /** The values say, by themselves or with the name, that it is a key. */
  readonly confirmed: readonly TestedKey[];
  /** The name says that it is a key, and the values that it is not. */
  readonly refuted: readonly TestedKey[];
}

const KEY_ENDING = /(?:_|^|[a-z])(?:id|uuid|guid|no|nr|key|ref|fk|code|by)$/i;
/** So many different values must be seen before a name is believed or doubted, */
const LEAST_NAMED = 3;
/** and so many where nothing but the values speaks: flags and small numbers are in every table. */
const LEAST_UNNAMED = 12;
/** Rows that were deleted without their children leave orphans. */
const INCLUDED = 0.98;
const EXCLUDED = 0.9;
/** How likely a parent's keys may hold all values by chance. */
const CHANCE = 0.001;

/**
 * Undeclared keys worth testing, the likeliest first: columns named for a table, then those of a type
 * that only keys have (uuid), then those that are called like keys. Numbers that are not called
 * like keys are left alone: amounts and years are in every table whose numbers are dense.
 */
export function keyCandidates(schema: Schema): KeyCandidate[] {
  const parents = new Map<KeyCandidate['family'], { readonly table: Table; readonly column: Column; readonly endings: ReadonlySet<string> }[]>();
  for (const table of schema.tables) {
    const [only, second] = table.primaryKey?.columns ?? [];
    const column = table.columns.find(({ name }) => name === only);
    const family = column && second === undefined ? familyOf(column.type) : undefined;
    if (column && family && table.kind !== 'partition') append(parents, family, { table, column, endings: endingsOf(table.name) });
  }
  const ranked: { readonly rank: number; readonly candidate: KeyCandidate }[] = [];
  for (const table of schema.tables) {
    if (table.kind === 'partition') continue;
    const keyed = new Set([...table.foreignKeys.flatMap((key) => key.columns), ...(table.primaryKey?.columns ?? [])]);
    for (const column of table.columns) {
      const family = familyOf(column.type);
      if (keyed.has(column.name) || family === undefined) continue;
      const stem = visibleWords(column.name.replace(/_?(?:id|uuid|guid|no|nr|key|ref|fk|code)$/i, '')).join('');
      const called = KEY_ENDING.test(column.name);
      for (const parent of parents.get(family) ?? []) {
        if (parent.table === table) continue;
        const named = parent.endings.has(stem);
        if (!named && !called && family !== 'uuid') continue;
        const rank = named ? 0 : family === 'uuid' ? 1 : family === 'text' ? 2 : 3;
        const candidate = { table: table.name, column: column.name, parent: parent.table.name, parentColumn: parent.column.name, family, named };
        ranked.push({ rank, candidate });
      }
    }
  }
  return ranked.sort((a, b) => a.rank - b.rank).map(({ candidate }) => candidate);
}

/** `sales_order` may be called order elsewhere. */
function endingsOf(name: TableName): ReadonlySet<string> {
  const words = visibleWords(splitTableName(name).table);
  return new Set(words.map((_, start) => words.slice(start).join('')));
}

function familyOf(type: string): KeyCandidate['family'] | undefined {
  if (/^(?:integer|bigint)\b/.test(type)) return 'integer';
  if (type === 'uuid') return 'uuid';
  return /^(?:character|text|varchar)/.test(type) ? 'text' : undefined;
}

/**
 * What the values say. A name is confirmed by values that the parent has, and refuted by values that
 * it lacks. Without a name, values count only if the parent could not have them by chance (numbers
 * from 1 to n are in every table that counts from 1 to more), and only if it is the only such parent.
 */
export function judgeKeys(tested: readonly TestedKey[]): JudgedKeys {
  const byColumn = new Map<string, TestedKey[]>();
  for (const key of tested) append(byColumn, `${key.table} ${key.column}`, key);
  const confirmed: TestedKey[] = [];
  const refuted: TestedKey[] = [];
  for (const keys of byColumn.values()) {
    const named = keys.filter((key) => key.named && key.distinct >= LEAST_NAMED);
    const fitting = named.filter(({ included, distinct }) => included >= distinct * INCLUDED);
    refuted.push(...named.filter(({ included, distinct }) => included < distinct * EXCLUDED));
    if (fitting.length > 0) {
      if (fitting.length === 1) confirmed.push(...fitting);
      continue;
    }
    const telling = keys.filter((key) => !key.named && isTelling(key));
    if (telling.length === 1) confirmed.push(...telling);
  }
  return { confirmed, refuted };
}

function isTelling({ family, distinct, included, density }: TestedKey): boolean {
  if (distinct < LEAST_UNNAMED || included < distinct * INCLUDED) return false;
  return family !== 'integer' || (density !== undefined && Math.min(1, density) ** distinct < CHANCE);
}
