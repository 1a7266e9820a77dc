import type { TableName } from '../../src/model/names.ts';
import type { Position } from '../../src/model/position.ts';
import type { Direction } from '../../src/model/side.ts';
import type { Beginning } from '../../src/ports/change-source.ts';
import type { Baseline, Mark, MarkedStream, MarkStore } from '../../src/ports/mark-store.ts';

/** Faults of a store that its callers must not have to live with: the tests have to see each. */
export interface MarkPlants {
  /** A run takes what was marked while it ran, too. */
  readonly forgetsYounger?: boolean;
  /** What differed is not kept. */
  readonly forgetsLeft?: boolean;
  /** A stream that begins is believed to have missed nothing. */
  readonly trustsBeginning?: boolean;
  /** A run does not see what another one has left meanwhile. */
  readonly readsOlderOnly?: boolean;
  /** A run that answers late takes the place of a later one's answer. */
  readonly lastAnswerStands?: boolean;
}

interface Kept {
  readonly table: TableName;
  readonly generation: bigint;
  readonly mark: Mark;
}

const textOf = (mark: Mark): string => JSON.stringify(mark, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

/** The marks of one service in memory: transactions are one step each, but for the lock on the generation, which flushes share. */
export class MemoryMarks implements MarkStore {
  readonly #pause: () => Promise<void>;
  readonly #plants: MarkPlants;
  #generation = 1n;
  #sharers = 0;
  #kept = new Map<string, Kept>();
  readonly #baselines = new Map<TableName, Baseline>();
  readonly #streams = new Map<Direction, { history: string; position: Position }>();

  constructor(options: { readonly pause?: () => Promise<void>; readonly plants?: MarkPlants } = {}) {
    this.#pause = options.pause ?? (() => Promise.resolve());
    this.#plants = options.plants ?? {};
  }

  async install(): Promise<void> {}

  async begin({ direction }: MarkedStream, beginning: Beginning | undefined, tables: readonly TableName[]): Promise<boolean> {
    await this.#pause();
    const known = this.#streams.get(direction);
    if (known && beginning && (this.#plants.trustsBeginning === true || (known.history === beginning.history && beginning.position <= known.position))) return true;
    for (const table of tables) this.#add(table, { kind: 'whole', reason: 'begun anew' });
    this.#streams.set(direction, { history: beginning?.history ?? '', position: beginning?.position ?? (0n as Position) });
    return false;
  }

  async flush({ direction }: MarkedStream, { history, through, marks }: Parameters<MarkStore['flush']>[1]): Promise<bigint> {
    await this.#pause();
    this.#sharers += 1;
    try {
      const generation = this.#generation;
      const rows = [...marks(generation)];
      const position = through();
      await this.#pause();
      const stream = this.#streams.get(direction);
      if (stream?.history !== history) throw new Error('of another history');
      for (const { table, mark } of rows) this.#add(table, mark);
      if (position > stream.position) stream.position = position;
      return generation;
    } finally {
      this.#sharers -= 1;
    }
  }

  stored(): Promise<ReadonlyMap<Direction, Position>> {
    return Promise.resolve(new Map([...this.#streams].map(([direction, { position }]) => [direction, position])));
  }

  async advance(): Promise<bigint> {
    do await this.#pause(); while (this.#sharers > 0);
    this.#generation += 1n;
    return this.#generation;
  }

  async read(_service: string, table: TableName): Promise<{ readonly marks: readonly Mark[]; readonly baseline?: Baseline }> {
    await this.#pause();
    const baseline = this.#baselines.get(table);
    return { marks: [...this.#kept.values()].filter((kept) => kept.table === table && (this.#plants.readsOlderOnly !== true || kept.generation < this.#generation)).map(({ mark }) => mark), ...(baseline ? { baseline } : {}) };
  }

  async add(_service: string, table: TableName, marks: readonly Mark[]): Promise<void> {
    await this.#pause();
    for (const mark of marks) this.#add(table, mark);
  }

  async answer(_service: string, table: TableName, { baseline, left }: Parameters<MarkStore['answer']>[2]): Promise<void> {
    await this.#pause();
    if (this.#plants.forgetsLeft !== true) for (const mark of left) this.#add(table, mark);
    const standing = this.#baselines.get(table);
    if (this.#plants.lastAnswerStands !== true && standing && standing.generation > baseline.generation) return;
    for (const [name, kept] of this.#kept) if (kept.table === table && (this.#plants.forgetsYounger === true || kept.generation < baseline.generation)) this.#kept.delete(name);
    this.#baselines.set(table, baseline);
  }

  get size(): number {
    return this.#kept.size;
  }

  #add(table: TableName, mark: Mark): void {
    this.#kept.set(`${table} ${this.#generation} ${textOf(mark)}`, { table, generation: this.#generation, mark });
  }
}
