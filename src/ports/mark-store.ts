import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Direction } from '../model/side.ts';
import type { Beginning } from './change-source.ts';

/** Rows of one table that may have been written, in the monolith's words. */
export type Mark =
  /** Rows whose whole-number key, shifted right by `shift`, is `leaf`. */
  | { readonly kind: 'leaf'; readonly column: string; readonly shift: number; readonly leaf: bigint }
  /** One row, by the texts of its key. */
  | { readonly kind: 'key'; readonly columns: readonly string[]; readonly key: readonly string[] }
  /** Any of them. */
  | { readonly kind: 'whole'; readonly reason: string };

/** A mark of a table, which goes by the service's name: that one is its own, whatever the monolith's tables become. */
export interface TableMark {
  readonly table: TableName;
  readonly mark: Mark;
}

/** One direction of a service's sync. */
export interface MarkedStream {
  readonly service: string;
  readonly direction: Direction;
}

/** What a table was like when all of it was compared. */
export interface Baseline {
  /** What was asked: another question has no answer here. */
  readonly question: string;
  /** Which run: marks from this generation on are not part of its answer. */
  readonly generation: bigint;
  /** When the run that compared all of it began, RFC 3339. */
  readonly since: string;
  /** Rows of each side. */
  readonly rows: { readonly source: number; readonly target: number };
}

/**
 * What the streams of each service have touched, until a validation has looked at it.
 *
 * A service's marks are of generations. A run begins a new one and answers for all before it: what is
 * written meanwhile is of the new one, and stays. So a mark goes only when rows read after it was
 * written were compared, however many runs and workers there are at once.
 */
export interface MarkStore {
  install(): Promise<void>;
  /**
   * A stream begins to read there. Unless its marks are stored up to that position of that history, all of each table is
   * marked: nobody knows what came in between. `undefined`: it is not known where. Whether nothing was missed.
   */
  begin(stream: MarkedStream, beginning: Beginning | undefined, tables: readonly TableName[]): Promise<boolean>;
  /**
   * Adds what `marks` gives for the generation that it will be part of; from then on everything up to `through` is marked.
   * @returns the generation
   */
  flush(stream: MarkedStream, options: { readonly history: string; readonly through: () => Position; readonly marks: (generation: bigint) => readonly TableMark[] }): Promise<bigint>;
  /** Through which position each direction's marks are stored; absent: it never kept any. */
  stored(service: string): Promise<ReadonlyMap<Direction, Position>>;
  /** Begins a generation; every mark of an older one is stored by then. */
  advance(service: string): Promise<bigint>;
  /**
   * A table's marks and its baseline, both of one moment. Of all generations: what a run that answered meanwhile has
   * left is of the present one, though it is of rows that were written long before.
   */
  read(service: string, table: TableName): Promise<{ readonly marks: readonly Mark[]; readonly baseline?: Baseline }>;
  /** Adds marks. */
  add(service: string, table: TableName, marks: readonly Mark[]): Promise<void>;
  /**
   * A run has compared a table: the marks before its generation go, `left` come in their place, and the baseline stands.
   * Where a later run has answered already, nothing goes. At once, or not at all.
   */
  answer(service: string, table: TableName, answer: { readonly baseline: Baseline; readonly left: readonly Mark[] }): Promise<void>;
}
