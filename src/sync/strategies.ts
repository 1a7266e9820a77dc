import type { ConflictingChange, ResolveConflict, Verdict } from './conflict.ts';
import { addChange } from '../core/exact-decimal.ts';

/** Built in, and told which columns of a table they go by. */
export type TableStrategy =
  | { readonly strategy: 'last-write-wins' | 'prefer-monolith' | 'prefer-service' | 'merge-columns' }
  /** `columns` are counters: what the service added to them is added here, too. The others are merged by column. */
  | { readonly strategy: 'add-up'; readonly columns: readonly string[] }
  /** The row with the later value of `column`, in the database's own order of its type, wins. */
  | { readonly strategy: 'latest-by-column'; readonly column: string };

/** Strategies that compare with the row before the service's change: its log must have the whole old row. */
export const NEEDS_OLD_ROW: ReadonlySet<string> = new Set(['merge-columns', 'add-up']);

/** What a strategy may ask of the database on whose side the conflict is settled. */
export interface Order {
  /** Below 0 if `a` is before `b` in the order of the column's type, 0 if they are equal, above 0 if it is after. */
  compare(change: ConflictingChange, column: string, a: string, b: string): Promise<number>;
}

export type DecideByStrategy = (monolith: ConflictingChange, service: ConflictingChange, order: Order) => Verdict | Promise<Verdict>;

/** Commit time decides; at the same microsecond, the monolith. */
export const lastWriteWins = (monolith: ConflictingChange, service: ConflictingChange): Verdict =>
  service.committedAt > monolith.committedAt
    ? { winner: 'service', reason: 'committed later' }
    : { winner: 'monolith', reason: service.committedAt === monolith.committedAt ? 'committed at the same time' : 'committed later' };

export const preferMonolith: ResolveConflict = () => ({ winner: 'monolith' });

export const preferService: ResolveConflict = () => ({ winner: 'service' });

/**
 * Takes each column from the side that changed it, by comparing both rows with the row before the
 * service's change. Where both changed a column, or there is no row before it, or one side deleted
 * the row, the last write wins.
 */
export const mergeColumns: ResolveConflict = (monolith, service) => merge(monolith, service, new Set(), 'merged by column');

/**
 * As {@link mergeColumns}, but a counter that both changed gets both changes: ours plus what the service
 * added to it. A counter that is no plain number on one side (null, NaN) is merged like any other column.
 */
function addUp(columns: readonly string[]): ResolveConflict {
  const counters = new Set(columns);
  return (monolith, service) => merge(monolith, service, counters, 'counters added up');
}

function merge(monolith: ConflictingChange, service: ConflictingChange, counters: ReadonlySet<string>, reason: string): Verdict {
  const last = lastWriteWins(monolith, service);
  const base = service.old;
  if (!base || !monolith.row || !service.row) return last;
  const merged: Record<string, string | null> = {};
  for (const [column, ours] of Object.entries(monolith.row)) {
    const theirs = service.row[column] ?? null;
    const before = base[column] ?? null;
    const sum = counters.has(column) && ours !== null && theirs !== null && before !== null ? addChange(ours, theirs, before) : undefined;
    if (sum !== undefined) merged[column] = sum;
    else if (theirs === before) merged[column] = ours;
    else if (ours === before) merged[column] = theirs;
    else merged[column] = last.winner === 'service' ? theirs : ours;
  }
  return { winner: merged, reason };
}

/** No value is before every value; a tie is the monolith's. Where one side deleted the row, the last write wins. */
function latestByColumn(column: string): DecideByStrategy {
  return async (monolith, service, order) => {
    if (!monolith.row || !service.row) return lastWriteWins(monolith, service);
    const [ours, theirs] = [monolith.row[column] ?? null, service.row[column] ?? null];
    if (theirs === null || theirs === ours) return { winner: 'monolith', reason: `its ${column} is not earlier` };
    if (ours !== null && (await order.compare(monolith, column, ours, theirs)) >= 0) return { winner: 'monolith', reason: `its ${column} is not earlier` };
    return { winner: 'service', reason: `its ${column} is later` };
  };
}

export function decideBy(choice: TableStrategy): DecideByStrategy {
  if (choice.strategy === 'add-up') return addUp(choice.columns);
  if (choice.strategy === 'latest-by-column') return latestByColumn(choice.column);
  return BY_NOTHING_MORE[choice.strategy];
}

const BY_NOTHING_MORE: Readonly<Record<Exclude<TableStrategy['strategy'], 'add-up' | 'latest-by-column'>, ResolveConflict>> = {
  'last-write-wins': lastWriteWins,
  'prefer-monolith': preferMonolith,
  'prefer-service': preferService,
  'merge-columns': mergeColumns,
};
