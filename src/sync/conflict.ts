import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';

/** One side's part in a conflict. */
export interface ConflictingChange {
  readonly table: TableName;
  readonly key: NamedRow;
  /** The row as this side left it; null: deleted. Values are opaque text. */
  readonly row: NamedRow | null;
  /** The row before this side's change, where its log has it (REPLICA IDENTITY FULL). */
  readonly old?: NamedRow;
  /** Commit time by this side's own clock, microseconds since 1970. */
  readonly committedAt: bigint;
}

export interface Verdict {
  /** A side, or the row that both shall hold. */
  readonly winner: 'monolith' | 'service' | NamedRow;
  readonly reason?: string;
}

/** Decides a conflict. Asked once for each conflict, on the monolith's side only, so it need not be deterministic. */
export type ResolveConflict = (
  monolithChange: ConflictingChange,
  serviceChange: ConflictingChange,
) => Verdict | Promise<Verdict>;

export type StrategyName = 'last-write-wins' | 'prefer-monolith' | 'prefer-service' | 'merge-columns' | 'custom';

/** Commit time decides; at the same microsecond, the monolith. */
export const lastWriteWins: ResolveConflict = (monolith, service) =>
  service.committedAt > monolith.committedAt
    ? { winner: 'service', reason: 'committed later' }
    : { winner: 'monolith', reason: service.committedAt === monolith.committedAt ? 'committed at the same time' : 'committed later' };

export const preferMonolith: ResolveConflict = () => ({ winner: 'monolith' });

export const preferService: ResolveConflict = () => ({ winner: 'service' });

/**
 * Takes each column from the side that changed it, by comparing both rows with the row before the
 * service's change. Where both changed a column, or the old row is not in the log, or one side
 * deleted the row, the last write wins.
 */
export const mergeColumns: ResolveConflict = async (monolith, service) => {
  const base = service.old;
  if (!base || !monolith.row || !service.row) return lastWriteWins(monolith, service);
  const last = await lastWriteWins(monolith, service);
  const merged: Record<string, string | null> = {};
  for (const [column, value] of Object.entries(monolith.row)) {
    const theirs = service.row[column] ?? null;
    const before = base[column] ?? null;
    if (theirs === before) merged[column] = value;
    else if (value === before) merged[column] = theirs;
    else merged[column] = last.winner === 'service' ? theirs : value;
  }
  return { winner: merged, reason: 'merged by column' };
};

const BUILT_IN: Readonly<Record<Exclude<StrategyName, 'custom'>, ResolveConflict>> = {
  'last-write-wins': lastWriteWins,
  'prefer-monolith': preferMonolith,
  'prefer-service': preferService,
  'merge-columns': mergeColumns,
};

interface Strategy {
  readonly name: StrategyName;
  readonly resolve: ResolveConflict;
}

/** Which strategy decides for which table. */
export class ConflictResolver {
  readonly #default: Strategy;
  readonly #byTable = new Map<TableName, Strategy>();
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(options: {
    readonly clock: Clock;
    /** For tables without one of their own. Default `last-write-wins`. */
    readonly default?: Exclude<StrategyName, 'custom'>;
    /** A function for tables without a strategy of their own; instead of `default`. */
    readonly custom?: ResolveConflict;
    /** How long a custom function may take, in milliseconds. Default 5000; the stream waits for it. */
    readonly timeoutMs?: number;
  }) {
    this.#clock = options.clock;
    const name = options.default ?? 'last-write-wins';
    this.#default = options.custom ? { name: 'custom', resolve: options.custom } : { name, resolve: BUILT_IN[name] };
    this.#timeoutMs = options.timeoutMs ?? 5000;
  }

  /** Uses a built-in strategy for a table (its name on the monolith). */
  use(table: TableName, strategy: Exclude<StrategyName, 'custom'>): void {
    this.#byTable.set(table, { name: strategy, resolve: BUILT_IN[strategy] });
  }

  /** Uses a function for a table (its name on the monolith). If it throws, the change goes to quarantine. */
  register(table: TableName, resolve: ResolveConflict): void {
    this.#byTable.set(table, { name: 'custom', resolve });
  }

  /** @throws BANYAN_RESOLVER if a custom function fails, takes too long or gives no verdict. */
  async resolve(monolith: ConflictingChange, service: ConflictingChange): Promise<Verdict & { readonly strategy: StrategyName }> {
    const { name: strategy, resolve } = this.#byTable.get(monolith.table) ?? this.#default;
    if (strategy !== 'custom') return { ...(await resolve(monolith, service)), strategy };
    const verdict = await this.#bounded(resolve, monolith, service);
    if (!isVerdict(verdict)) {
      throw new BanyanError('BANYAN_RESOLVER', { message: `The resolver of ${monolith.table} returned no verdict.` });
    }
    return { ...verdict, strategy };
  }

  async #bounded(resolve: ResolveConflict, monolith: ConflictingChange, service: ConflictingChange): Promise<Verdict> {
    const done = new AbortController();
    const timeout = async (): Promise<never> => {
      await this.#clock.sleep(this.#timeoutMs, done.signal);
      throw new Error(`it took longer than ${this.#timeoutMs} ms`);
    };
    try {
      return await Promise.race([Promise.resolve(resolve(monolith, service)), timeout()]);
    } catch (error) {
      throw new BanyanError('BANYAN_RESOLVER', { message: `The resolver of ${monolith.table} failed: ${messageOf(error)}`, cause: error });
    } finally {
      done.abort();
    }
  }
}

function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null || !('winner' in value)) return false;
  const { winner } = value;
  if (winner === 'monolith' || winner === 'service') return true;
  return (
    typeof winner === 'object' && winner !== null &&
    Object.values(winner).every((cell) => cell === null || typeof cell === 'string')
  );
}
