import type { TableName } from '../model/names.ts';
import type { Mark, TableMark } from '../ports/mark-store.ts';
import { TouchedTable, type Part } from './touched-table.ts';

export interface TouchedLimits {
  /** Leaves of one table in one generation. Default 65,536: then they are made coarser. */
  readonly leaves?: number;
  /** Keys of one table in one generation. Default 20,000: then all of it counts as touched. */
  readonly keys?: number;
  /** Leaves and keys of all tables. Default 262,144: then the table with most of them makes room. */
  readonly total?: number;
}

/** What was taken from {@link Touched} to be stored. */
export interface Taken {
  readonly generation: bigint;
  readonly marks: readonly TableMark[];
  readonly parts: ReadonlyMap<TableName, Part>;
}

/**
 * Collects what a stream touches, in bounded memory, and forgets nothing: where there is too much of it, it is
 * noted more coarsely.
 *
 * What is stored in a generation need not be stored again there. When another one has begun, it must be: so
 * everything since the last time is kept until then, whether it is stored or not.
 */
export class Touched {
  readonly #limits: Required<TouchedLimits>;
  readonly #tables = new Map<TableName, TouchedTable>();
  #generation: bigint | undefined;
  /** Leaves and keys of all tables; never less than there are. */
  #size = 0;

  constructor(limits: TouchedLimits = {}) {
    this.#limits = { leaves: 65_536, keys: 20_000, total: 262_144, ...limits };
  }

  /** Whether something was touched since it was last taken. */
  get pending(): boolean {
    return [...this.#tables.values()].some((table) => table.pending);
  }

  /** @param exact The key is no whole number, whatever it looks like. */
  row(name: TableName, columns: readonly string[], key: readonly string[], exact = false): void {
    const table = this.#of(name);
    if (!table.add(columns, key, exact)) return;
    this.#size += 1;
    this.#bound(table);
  }

  whole(name: TableName, reason: string): void {
    this.#of(name).becomeWhole(reason);
  }

  /** Everything since the last time, less what the generation has already. Then {@link stored} or {@link failed}, before it is asked again. */
  take(generation: bigint): Taken {
    const begun = generation !== this.#generation;
    this.#generation = generation;
    const marks: TableMark[] = [];
    const parts = new Map<TableName, Part>();
    for (const [name, table] of this.#tables) {
      if (begun) table.forgetStored();
      const part = table.take();
      if (!part) continue;
      parts.set(name, part);
      for (const mark of table.unstored(part)) marks.push({ table: name, mark });
    }
    return { generation, marks, parts };
  }

  stored({ parts }: Taken): void {
    for (const [name, part] of parts) this.#of(name).stored(part);
    this.#count();
  }

  /** It is not stored, as far as is known. */
  failed({ parts }: Taken): void {
    for (const [name, part] of parts) {
      const table = this.#of(name);
      table.putBack(part);
      this.#count();
      this.#bound(table);
    }
  }

  #of(name: TableName): TouchedTable {
    let table = this.#tables.get(name);
    if (!table) this.#tables.set(name, (table = new TouchedTable()));
    return table;
  }

  #bound(table: TouchedTable): void {
    const { leaves, keys, total } = this.#limits;
    while (table.leaves > leaves) table.coarsen();
    if (table.keys > keys) table.becomeWhole(TOO_MANY);
    if (this.#size <= total) return;
    for (this.#count(); this.#size > total; this.#count()) {
      const largest = [...this.#tables.values()].reduce((most, each) => (each.leaves + each.keys > most.leaves + most.keys ? each : most));
      if (largest.leaves >= largest.keys) largest.coarsen();
      else largest.becomeWhole(TOO_MANY);
    }
  }

  #count(): void {
    this.#size = 0;
    for (const table of this.#tables.values()) this.#size += table.leaves + table.keys;
  }
}

const TOO_MANY: Extract<Mark, { kind: 'whole' }>['reason'] = 'too many rows were written';
