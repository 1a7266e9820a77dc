import { parseTableName, splitTableName, type TableName } from '../../../src/model/names.ts';
import type { Schema, Table } from '../../../src/model/schema.ts';
import type { Workload } from '../../../src/model/workload.ts';
import type { AnalyzerInput } from '../../../src/analyze/input.ts';
import { shuffled } from '../../../src/analyze/random.ts';
import { countBy } from '../../../src/analyze/convention.ts';
import { visibleWords } from '../../../src/analyze/words.ts';
import { seededRandom } from '../../../src/core/random.ts';

/** A case with other names, or with less known of it; `scored` finds each table of the original again. */
export interface Variant {
  readonly input: AnalyzerInput;
  readonly nameOf: (original: string) => string;
}

const plain = (name: string): string => name.replace(/^public\./, '').replaceAll('"', '');

/** Names without the word that the tables of a module share, where the rest is still a name of its own. */
function withoutPrefixes(input: AnalyzerInput): Variant {
  const names = input.schema.tables.map((table) => table.name);
  let left = names.map((name) => wordsOf(name));
  for (let depth = 0; depth < 2; depth += 1) {
    const counts = countBy(left.map((words) => words[0] ?? ''));
    const next = left.map((words) => (words.length > 1 && (counts.get(words[0] ?? '') ?? 0) >= 3 ? words.slice(1) : words));
    left = next;
    if (![...counts.values()].some((count) => count >= names.length * 0.8)) break;
  }
  const taken = new Set<string>();
  const renamed = new Map<TableName, TableName>();
  names.forEach((name, index) => {
    let short = left[index]!.join('_');
    while (taken.has(short)) short += 'x';
    taken.add(short);
    renamed.set(name, quoted(short));
  });
  return rename(input, renamed, (_, column) => column);
}

/** Names of tables and columns that say nothing at all. */
function meaningless(input: AnalyzerInput): Variant {
  const order = shuffled(input.schema.tables.length, seededRandom(7));
  const letters = (index: number): string =>
    [index % 26, Math.floor(index / 26) % 26, Math.floor(index / 676)].map((i) => String.fromCodePoint(97 + i)).join('');
  const renamed = new Map(input.schema.tables.map((table, index) => [table.name, quoted(`q${letters(order[index]!)}z`)]));
  const columns = new Map<string, string>();
  return rename(input, renamed, (table, column) => {
    const key = `${table}.${column}`;
    const name = columns.get(key) ?? `k${columns.size}`;
    columns.set(key, name);
    return name;
  });
}

/** Prefixes dealt out anew, so that names mislead; `share` of all tables. */
export function misled(input: AnalyzerInput, share: number, seed = 1): Variant {
  const random = seededRandom(seed);
  const names = input.schema.tables.map((table) => table.name);
  const chosen = names.filter(() => random() < share);
  const order = shuffled(chosen.length, random);
  const renamed = new Map(names.map((name): [TableName, TableName] => [name, name]));
  chosen.forEach((name, index) => {
    const donor = wordsOf(chosen[order[index]!]!);
    renamed.set(name, quoted([donor[0], ...wordsOf(name).slice(1), index].join('_')));
  });
  return rename(input, renamed, (_, column) => column);
}

function withoutKeys(input: AnalyzerInput): Variant {
  const schema = { ...input.schema, tables: input.schema.tables.map((table) => ({ ...table, foreignKeys: [] })) };
  return { input: { ...input, schema }, nameOf: plain };
}

export const VARIANTS: Readonly<Record<string, (input: AnalyzerInput) => Variant>> = {
  'as it is': (input) => ({ input, nameOf: plain }),
  'without prefixes': withoutPrefixes,
  'meaningless names': meaningless,
  'without keys': withoutKeys,
  'shuffled prefixes': (input) => misled(input, 1),
};

function quoted(name: string): TableName {
  return parseTableName(`"${name}"`);
}

function wordsOf(name: TableName): string[] {
  return visibleWords(splitTableName(name).table);
}

function rename(
  input: AnalyzerInput,
  tables: ReadonlyMap<TableName, TableName>,
  columnOf: (table: string, column: string) => string,
): Variant {
  const to = (name: TableName): TableName => tables.get(name) ?? name;
  const table = (old: Table): Table => {
    const own = (column: string): string => columnOf(old.name, column);
    return {
      ...old,
      name: to(old.name),
      columns: old.columns.map((column) => ({ ...column, name: own(column.name) })),
      ...(old.primaryKey ? { primaryKey: { ...old.primaryKey, columns: old.primaryKey.columns.map(own) } } : {}),
      uniques: old.uniques.map((key) => ({ ...key, columns: key.columns.map(own) })),
      foreignKeys: old.foreignKeys.map((key) => ({
        ...key,
        columns: key.columns.map(own),
        references: to(key.references),
        referencedColumns: key.referencedColumns.map((column) => columnOf(key.references, column)),
      })),
      indexes: old.indexes.map((index) => ({ ...index, columns: index.columns.map((column) => (column === null ? null : own(column))) })),
      triggers: [],
      ...(old.partitionOf ? { partitionOf: { ...old.partitionOf, parent: to(old.partitionOf.parent) } } : {}),
    };
  };
  const schema: Schema = { ...input.schema, tables: input.schema.tables.map(table), views: [] };
  const workload: Workload | undefined = input.workload && {
    ...input.workload,
    transactions: input.workload.transactions.map((item) => ({
      ...item,
      reads: item.reads.map(to),
      writes: item.writes.map(to),
      joins: item.joins.map((names) => names.map(to)),
    })),
  };
  const renamed = new Map([...tables].map(([from, name]) => [plain(from), plain(name)]));
  return {
    input: { schema, ...(workload ? { workload } : {}) },
    nameOf: (original) => renamed.get(plain(original)) ?? plain(original),
  };
}
