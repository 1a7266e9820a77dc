import type { TableName } from './names.ts';

/**
 * What an application asks of its database: which tables it touches together, and how often. Where
 * it comes from (a file, a log, a server's statistics) does not matter here.
 */
export interface Workload {
  readonly transactions: readonly WorkloadTransaction[];
}

/** One kind of transaction; a statement outside BEGIN/COMMIT is a transaction of its own. */
export interface WorkloadTransaction {
  /** How often it ran in the time observed; at least 1. */
  readonly calls: number;
  readonly reads: readonly TableName[];
  readonly writes: readonly TableName[];
  /** One entry per statement that names two or more tables: the tables it joins. */
  readonly joins: readonly (readonly TableName[])[];
  /** The line of its first statement, where it was read from a file. */
  readonly line?: number;
}

/** A function or procedure, as far as its body could be read. */
export interface Routine {
  readonly name: TableName;
  readonly reads: readonly TableName[];
  readonly writes: readonly TableName[];
  readonly joins: readonly (readonly TableName[])[];
  /** Whether the whole body was understood; false: tables may be missing. */
  readonly complete: boolean;
}

/** A statement that the grammar refused, or that had no meaning here. */
export interface UnreadStatement {
  readonly line: number;
  /** Its beginning, in one line. */
  readonly text: string;
  readonly reason: string;
}
