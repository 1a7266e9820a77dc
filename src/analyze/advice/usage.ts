import { PairWeights } from '../graph.ts';
import type { Access, Monolith } from '../input.ts';
import { at, increase } from '../lookup.ts';
import { counted, whole } from '../text.ts';

const SECONDS_A_DAY = 86_400;

/** How often the workload touches each table and each two of them, in calls. */
export class Usage {
  /** Of every transaction. */
  readonly calls: number;
  readonly #seconds: number | undefined;
  readonly #reads: Float64Array;
  readonly #writes: Float64Array;
  readonly #deletes: Float64Array;
  readonly #joined: PairWeights;
  readonly #written: PairWeights;
  readonly #used: PairWeights;

  constructor(monolith: Monolith) {
    const size = monolith.tables.length;
    this.#seconds = monolith.seconds;
    this.#reads = new Float64Array(size);
    this.#writes = new Float64Array(size);
    this.#deletes = new Float64Array(size);
    this.#joined = new PairWeights(size);
    this.#written = new PairWeights(size);
    this.#used = new PairWeights(size);
    let calls = 0;
    for (const transaction of monolith.transactions) {
      calls += transaction.calls;
      this.#add(transaction);
    }
    this.calls = calls;
  }

  reads(table: number): number {
    return at(this.#reads, table);
  }

  writes(table: number): number {
    return at(this.#writes, table);
  }

  deletes(table: number): number {
    return at(this.#deletes, table);
  }

  /** Calls of transactions in which one statement names both. */
  joined(a: number, b: number): number {
    return this.#joined.get(a, b);
  }

  writtenTogether(a: number, b: number): number {
    return this.#written.get(a, b);
  }

  usedTogether(a: number, b: number): number {
    return this.#used.get(a, b);
  }

  /** Calls a day; undefined: the workload does not say in what time they ran. */
  perDay(calls: number): number | undefined {
    return this.#seconds === undefined ? undefined : Math.round((calls * SECONDS_A_DAY) / this.#seconds);
  }

  /** `7,680 times a day`, or `320 times` where the time is not known. */
  times(calls: number): string {
    const day = this.perDay(calls);
    return day === undefined ? counted(calls, 'time') : `${counted(day, 'time')} a day`;
  }

  /** `7,680 calls a day`, or `320 calls`. */
  says(calls: number): string {
    const day = this.perDay(calls);
    return day === undefined ? counted(calls, 'call') : `${counted(day, 'call')} a day`;
  }

  /** The bare number, by the day where the time is known. */
  number(calls: number): string {
    return whole(this.perDay(calls) ?? calls);
  }

  #add({ calls, reads, writes, joins, operations }: Access): void {
    for (const table of reads) increase(this.#reads, table, calls);
    for (const table of writes) increase(this.#writes, table, calls);
    const deleted = new Set(operations.flatMap(({ table, kind }) => (kind === 'delete' ? [table] : [])));
    for (const table of deleted) increase(this.#deletes, table, calls);
    addPairs(this.#written, [writes], calls);
    addPairs(this.#used, [[...new Set([...reads, ...writes])]], calls);
    addPairs(this.#joined, joins, calls);
  }
}

/** Each pair once, however many of the groups hold it. */
function addPairs(into: PairWeights, groups: readonly (readonly number[])[], calls: number): void {
  const seen = new Set<string>();
  for (const group of groups) {
    group.forEach((a, i) => {
      for (const b of group.slice(i + 1)) {
        const key = a < b ? `${a} ${b}` : `${b} ${a}`;
        if (seen.has(key)) continue;
        seen.add(key);
        into.add(a, b, calls);
      }
    });
  }
}
