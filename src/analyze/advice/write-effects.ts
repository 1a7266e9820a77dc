import type { Table } from '../../model/schema.ts';
import type { Monolith, Operation, Reference } from '../input.ts';
import { itemAt } from '../lookup.ts';
import { listed, shortName } from '../text.ts';
import { visibleWords } from '../words.ts';

/** What such a table records has moved money or goods outside the database: no DELETE takes it back. */
const BINDING = new Set(['payment', 'charge', 'refund', 'payout', 'transfer', 'settlement', 'capture']);
/** What such a table records is read by somebody once it is sent. */
const SENT = new Set(['notification', 'email', 'mail', 'message', 'sms', 'webhook', 'newsletter']);

/** What one transaction does to the rows of one table. */
export interface TableEffect {
  readonly table: number;
  readonly name: string;
  /** Empty: the workload does not say. */
  readonly operations: readonly Operation[];
  /** Money or goods move: it can be answered by a counter-entry, not undone. */
  readonly binding: boolean;
  /** Somebody reads it: it can not be unsent. */
  readonly sent: boolean;
  /** What may refuse it; absent: it can be repeated until it succeeds. */
  readonly refusedBy?: string;
}

export function tableEffect(monolith: Monolith, table: number, operations: readonly Operation[]): TableEffect {
  const described = itemAt(monolith.tables, table);
  const name = shortName(described.name);
  const words = visibleWords(name);
  // `payment_methods` holds no payment: what a table records is its last word, or all of its words.
  const says = (known: ReadonlySet<string>): boolean => known.has(words.at(-1) ?? '');
  const refusedBy = refusal(described, operations);
  return { table, name, operations, binding: says(BINDING), sent: says(SENT), ...(refusedBy === undefined ? {} : { refusedBy }) };
}

/** What may refuse these writes for a reason that waiting does not cure. */
function refusal(table: Table, operations: readonly Operation[]): string | undefined {
  const name = shortName(table.name);
  if (operations.length === 0) return `the workload does not say what is done to ${name}`;
  const falling = operations.flatMap((operation) => operation.falling);
  if (falling.length > 0) return `something is taken from ${name}.${listed(falling)}, and there may not be enough`;
  if (operations.some(({ kind }) => kind === 'insert')) {
    const unique = table.uniques[0]?.columns ?? table.indexes.find((index) => index.unique)?.columns.filter((column) => column !== null);
    if (unique && unique.length > 0) return `${name} (${unique.join(', ')}) is unique, so a row may be refused`;
  }
  return undefined;
}

/** How one would undo it, table by table; children before their parents. */
export function compensations(monolith: Monolith, effects: readonly TableEffect[], references: readonly Reference[]): string[] {
  const inside = new Set(effects.map(({ table }) => table));
  const parents = new Map<number, number[]>();
  for (const { child, parent } of references) if (inside.has(child) && inside.has(parent)) parents.set(child, [...(parents.get(child) ?? []), parent]);
  const depth = (table: number, seen: readonly number[]): number =>
    Math.max(0, ...(parents.get(table) ?? []).filter((parent) => !seen.includes(parent)).map((parent) => 1 + depth(parent, [...seen, table])));
  return [...effects].sort((a, b) => depth(b.table, []) - depth(a.table, []) || a.table - b.table).flatMap((effect) => undo(monolith, effect));
}

function undo(monolith: Monolith, { table, name, operations, binding, sent }: TableEffect): string[] {
  const described = itemAt(monolith.tables, table);
  const key = described.primaryKey?.columns ?? [];
  if (binding) return [`book a counter-entry to ${name}; what has moved is not deleted`];
  if (sent) return [`nothing: what ${name} told cannot be unsaid; send a correction`];
  if (operations.length === 0) return [`undo ${name}: delete the rows inserted, restore the rows changed (the workload does not say which it does)`];
  const state = stateColumn(described);
  return operations.map(({ kind, columns, relative, falling }) => {
    if (kind === 'insert') {
      const by = key.length === 0 ? 'by a copy of them, since it has no key' : `by ${key.join(', ')}`;
      return `delete the rows inserted into ${name}, ${by}${state === undefined ? '' : `; or set ${name}.${state} to withdrawn where readers may have seen them`}`;
    }
    if (kind === 'delete') return `insert the deleted rows of ${name} again, from the copy the saga keeps`;
    const rising = relative.filter((column) => !falling.includes(column));
    const set = columns.filter((column) => !relative.includes(column));
    return [
      ...(falling.length === 0 ? [] : [`add back to ${name}.${listed(falling)} what was taken`]),
      ...(rising.length === 0 ? [] : [`take from ${name}.${listed(rising)} what was added`]),
      ...(set.length === 0 && relative.length > 0 ? [] : [`restore the old ${name}.${set.length === 0 ? '*' : listed(set)} from the saga's record, if nobody has changed it since`]),
    ].join('; ');
  });
}

/** Where rows can be marked as pending until the pivot: the state of those that are new, or whose state changes. */
export function pendingColumn(table: Table, operations: readonly Operation[]): string | undefined {
  const state = stateColumn(table);
  if (state === undefined) return undefined;
  return operations.some(({ kind, columns }) => kind === 'insert' || columns.includes(state)) ? state : undefined;
}

/** A column that says in which state a row is. */
function stateColumn(table: Table): string | undefined {
  return table.columns.find(({ name }) => ['status', 'state'].includes(visibleWords(name).at(-1) ?? ''))?.name;
}
