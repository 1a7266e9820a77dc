import { mergeOperations } from '../../model/merge-operations.ts';
import type { WorkloadTransaction } from '../../model/workload.ts';
import type { StatementStep } from '../../model/logged-statement.ts';

type Access = Extract<StatementStep, { readonly kind: 'access' }>;

interface Kind {
  calls: number;
  /** In the order of the first transaction of the kind. */
  readonly accesses: readonly number[];
  readonly committed: boolean;
  readonly line: number;
}

/**
 * Counts transactions by what they access. Bounded: when there are too many kinds, those seen least are
 * forgotten and counted in `dropped`.
 */
export class Kinds {
  readonly #limit: number;
  readonly #accesses: Access[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #kinds = new Map<string, Kind>();
  /** Transactions of one access, by its number: most are. */
  readonly #single: (Kind | undefined)[] = [];
  #dropped = 0;

  constructor({ limit }: { readonly limit: number }) {
    this.#limit = limit;
  }

  /** Transactions that were forgotten because their kinds were too many. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The number of an access; equal ones have the same. */
  numberOf(step: Access): number {
    const reads = [...new Set(step.reads)].sort();
    const writes = [...new Set(step.writes)].sort();
    const { operations = [] } = step;
    const key = JSON.stringify([reads, writes, operations]);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#accesses.push({ kind: 'access', reads, writes, operations });
    this.#numbers.set(key, this.#accesses.length - 1);
    return this.#accesses.length - 1;
  }

  /** Counts a transaction, or so many alike, that did these accesses. */
  count(accesses: ReadonlySet<number>, { committed, line, calls = 1 }: { readonly committed: boolean; readonly line: number; readonly calls?: number }): void {
    if (accesses.size === 0) return;
    const [only] = accesses;
    if (accesses.size === 1 && committed && only !== undefined) {
      const known = this.#single[only];
      if (known) known.calls += calls;
      else this.#single[only] = { calls, accesses: [only], committed, line };
      return;
    }
    const key = `${committed ? '' : '!'}${[...accesses].sort((a, b) => a - b).join()}`;
    const known = this.#kinds.get(key);
    if (known) {
      known.calls += calls;
      return;
    }
    if (this.#kinds.size >= this.#limit) this.#forgetRarest();
    this.#kinds.set(key, { calls, accesses: [...accesses], committed, line });
  }

  /** What was counted, as transactions of tables; those that access none are left out. */
  transactions(): WorkloadTransaction[] {
    const found: WorkloadTransaction[] = [];
    for (const kind of [...this.#single, ...this.#kinds.values()]) {
      const transaction = kind && this.#transaction(kind);
      if (transaction && transaction.reads.length + transaction.writes.length > 0) found.push(transaction);
    }
    return found;
  }

  #transaction({ accesses, calls, committed, line }: Kind): WorkloadTransaction {
    const all = accesses.flatMap((number) => this.#accesses[number] ?? []);
    const joins = all.map(({ reads, writes }) => [...new Set([...reads, ...writes])].sort()).filter((tables) => tables.length > 1);
    const operations = committed ? mergeOperations(all.flatMap((access) => access.operations ?? [])) : [];
    return {
      calls,
      reads: [...new Set(all.flatMap(({ reads }) => reads))].sort(),
      writes: committed ? [...new Set(all.flatMap(({ writes }) => writes))].sort() : [],
      ...(operations.length > 0 ? { operations } : {}),
      joins,
      line,
    };
  }

  #forgetRarest(): void {
    const byCalls = [...this.#kinds].sort(([, a], [, b]) => a.calls - b.calls);
    for (const [key, kind] of byCalls.slice(0, Math.ceil(byCalls.length / 2))) {
      this.#kinds.delete(key);
      this.#dropped += kind.calls;
    }
  }
}
