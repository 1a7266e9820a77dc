import { splitTableName } from '../model/names.ts';
import type { Column, Table } from '../model/schema.ts';
import { reference, type Monolith, type Reference } from './input.ts';
import { visibleWords, type Vocabulary } from './words.ts';
import { append } from './lookup.ts';

const GENERIC_KEYS = new Set(['id', 'uuid', 'guid', 'key', 'code', 'name', 'no', 'number', 'rowguid']);
const KEY_ENDING = /^(.+?)_?(?:id|uuid|guid|code|key|no|ref|fk)$/i;

/**
 * Foreign keys that nobody declared: a column named for another table (`customer_id`, `customerid`)
 * or like another table's own key column, of the same type as that key. A column that is part of a
 * declared key is left alone, and so is a name that fits several tables equally well, and one whose
 * table stands in a column of its own (`subject_type`).
 */
export function inferReferences(monolith: Monolith, vocabulary: Vocabulary): Reference[] {
  const { tables } = monolith;
  const byName = new Map<string, number[]>();
  const byKeyColumn = new Map<string, number[]>();
  tables.forEach((table, index) => {
    const words = vocabulary.words(splitTableName(table.name).table);
    // `sales_order` may be called order_id elsewhere: every ending of the name is a way to say it.
    for (let start = 0; start < words.length; start += 1) {
      const ending = words.slice(start).join('');
      append(byName, ending, index);
    }
    const key = table.primaryKey?.columns ?? [];
    const [only] = key;
    if (only !== undefined && key.length === 1 && !GENERIC_KEYS.has(only.toLowerCase())) {
      const column = only.toLowerCase();
      append(byKeyColumn, column, index);
    }
  });
  const found: Reference[] = [];
  tables.forEach((table, child) => {
    const declared = new Set(table.foreignKeys.flatMap((key) => key.columns));
    for (const found of monolith.confirmed) if (found.child === child) for (const name of found.columns) declared.add(name);
    const columnNames = new Set(table.columns.map((column) => column.name.toLowerCase()));
    for (const column of table.columns) {
      if (declared.has(column.name) || isPolymorphic(column.name, columnNames)) continue;
      const parent = targetOf({ table, child, column }, { monolith, byName, byKeyColumn, vocabulary });
      if (parent !== undefined) found.push(inferred({ table, child, column, parent, monolith }));
    }
  });
  return found;
}

/** Whether a column beside it says to which table it refers: `subject_id` and `subject_type`. */
function isPolymorphic(column: string, beside: ReadonlySet<string>): boolean {
  const stem = /^(.+)_id$/i.exec(column)?.[1]?.toLowerCase();
  return stem !== undefined && (beside.has(`${stem}_type`) || beside.has(`${stem}_class`));
}

interface Lookup {
  readonly monolith: Monolith;
  readonly byName: ReadonlyMap<string, readonly number[]>;
  readonly byKeyColumn: ReadonlyMap<string, readonly number[]>;
  readonly vocabulary: Vocabulary;
}

function targetOf(
  from: { readonly table: Table; readonly child: number; readonly column: Column },
  lookup: Lookup,
): number | undefined {
  const { tables } = lookup.monolith;
  const refuted = (index: number): boolean =>
    lookup.monolith.refuted.has(`${from.table.name} ${from.column.name} ${tables[index]?.name ?? ''}`);
  const fits = (index: number): boolean => index !== from.child && keyFits(from.column, tables[index]) && !refuted(index);
  const sameColumn = (lookup.byKeyColumn.get(from.column.name.toLowerCase()) ?? []).filter(fits);
  const stem = KEY_ENDING.exec(from.column.name)?.[1];
  const stemWords = stem === undefined ? [] : visibleWords(stem);
  for (let start = 0; start < stemWords.length; start += 1) {
    const candidates = (lookup.byName.get(stemWords.slice(start).join('')) ?? []).filter(fits);
    const target = closest(from.child, candidates, lookup);
    if (target !== undefined) return target;
    // `billing_address_id` may end in a table's name; a single last letter group may not (`paid`).
    if (start >= 2) break;
  }
  return sameColumn.length === 1 ? sameColumn[0] : undefined;
}

/** The candidate with the shortest name; among equals the one that shares most of the child's beginning. */
function closest(child: number, candidates: readonly number[], lookup: Lookup): number | undefined {
  const { tables } = lookup.monolith;
  const wordsOf = (index: number): readonly string[] => {
    const table = tables[index];
    return table ? lookup.vocabulary.words(splitTableName(table.name).table) : [];
  };
  const own = wordsOf(child);
  const ranked = candidates
    .map((index) => {
      const words = wordsOf(index);
      let shared = 0;
      while (shared < words.length && words[shared] === own[shared]) shared += 1;
      return { index, rank: words.length - 2 * shared };
    })
    .sort((a, b) => a.rank - b.rank || a.index - b.index);
  const [first, second] = ranked;
  if (!first || (second && second.rank === first.rank)) return undefined;
  return first.index;
}

function keyFits(column: Column, target: Table | undefined): boolean {
  const key = target?.primaryKey?.columns ?? [];
  if (!target || key.length > 1) return false;
  const keyColumn = target.columns.find((candidate) => candidate.name === key[0]);
  return keyColumn === undefined || family(keyColumn.type) === family(column.type);
}

function family(type: string): string {
  if (/^(?:smallint|integer|bigint|int|mediumint|tinyint)\b/.test(type)) return 'integer';
  if (/^(?:character|text|varchar|char)\b/.test(type)) return 'text';
  return type.replace(/\(.*\)/, '');
}

function inferred(link: {
  readonly table: Table;
  readonly child: number;
  readonly column: Column;
  readonly parent: number;
  readonly monolith: Monolith;
}): Reference {
  const key = link.monolith.tables[link.parent]?.primaryKey?.columns ?? [];
  return reference(link.table, {
    child: link.child,
    parent: link.parent,
    key: {
      name: `${link.column.name} (inferred)`,
      columns: [link.column.name],
      referencedColumns: key,
      onDelete: 'no action',
    },
    tenancy: link.monolith.tenancy,
    declared: false,
  });
}
