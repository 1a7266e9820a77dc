import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import { decideBy, type DecideByStrategy, type Order, type TableStrategy } from './strategies.ts';

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

/** A strategy that needs to be told nothing more. */
export type PlainStrategy = Exclude<TableStrategy['strategy'], 'add-up' | 'latest-by-column'>;

export type StrategyName = TableStrategy['strategy'] | 'custom';

type Strategy =
  | { readonly name: 'custom'; readonly resolve: ResolveConflict }
  | { readonly name: TableStrategy['strategy']; readonly choice: TableStrategy; readonly decide: DecideByStrategy };

const builtIn = (choice: TableStrategy): Strategy => ({ name: choice.strategy, choice, decide: decideBy(choice) });

/** Which strategy decides for which table. */
export class ConflictResolver {
  readonly #default: Strategy;
  readonly #byTable = new Map<TableName, Strategy>();
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(options: {
    readonly clock: Clock;
    /** For tables without one of their own. Default `last-write-wins`. */
    readonly default?: PlainStrategy;
    /** A function for tables without a strategy of their own; instead of `default`. */
    readonly custom?: ResolveConflict;
    /** How long a custom function may take, in milliseconds. Default 5000; the stream waits for it. */
    readonly timeoutMs?: number;
  }) {
    this.#clock = options.clock;
    this.#default = options.custom ? { name: 'custom', resolve: options.custom } : builtIn({ strategy: options.default ?? 'last-write-wins' });
    this.#timeoutMs = options.timeoutMs ?? 5000;
  }

  /** Uses a built-in strategy for a table (its name on the monolith). */
  use(table: TableName, choice: TableStrategy): void {
    this.#byTable.set(table, builtIn(choice));
  }

  /** Uses a function for a table (its name on the monolith). If it throws, the change goes to quarantine. */
  register(table: TableName, resolve: ResolveConflict): void {
    this.#byTable.set(table, { name: 'custom', resolve });
  }

  /** How conflicts of a table are decided. */
  choiceOf(table: TableName): TableStrategy | { readonly strategy: 'custom' } {
    const strategy = this.#byTable.get(table) ?? this.#default;
    return strategy.name === 'custom' ? { strategy: 'custom' } : strategy.choice;
  }

  /** @throws BANYAN_RESOLVER if a custom function fails, takes too long or gives no verdict. */
  async resolve(monolith: ConflictingChange, service: ConflictingChange, order: Order): Promise<Verdict & { readonly strategy: StrategyName }> {
    const strategy = this.#byTable.get(monolith.table) ?? this.#default;
    if (strategy.name !== 'custom') return { ...(await strategy.decide(monolith, service, order)), strategy: strategy.name };
    const verdict = await this.#bounded(strategy.resolve, monolith, service);
    if (!isVerdict(verdict)) {
      throw new BanyanError('BANYAN_RESOLVER', { message: `The resolver of ${monolith.table} returned no verdict.` });
    }
    return { ...verdict, strategy: 'custom' };
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
