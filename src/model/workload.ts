import type { TableName } from './names.ts';

/**
 * What an application asks of its database: which tables it touches together, and how often. Where
 * it comes from (a file, a log, a server's statistics) does not matter here.
 */
export interface Workload {
  /** How long was observed, in seconds; absent: not known, so calls can not be told by the day. */
  readonly seconds?: number;
  readonly transactions: readonly WorkloadTransaction[];
  /** Where it was learned, for the report. */
  readonly sources?: readonly WorkloadSource[];
}

/** One place that told of the workload, and how much of it was of use. */
export interface WorkloadSource {
  /** The file or view, without secrets. */
  readonly name: string;
  /** What it is, in words: `PostgreSQL csvlog`, `pg_stat_statements`. */
  readonly format: string;
  /** Transactions that committed, each time they ran; 0 where only statements are known. */
  readonly transactions: number;
  /** Those that rolled back: what they read counts, what they wrote does not. */
  readonly rolledBack: number;
  /** Those whose end is not in the log; counted as the ones that rolled back. */
  readonly unfinished: number;
  /** Statements, each time they ran; transaction control included. */
  readonly statements: number;
  /** Forms of statements: the same but for their values. One that was forgotten and came again counts twice. */
  readonly forms: number;
  /** Forms that were forgotten to keep memory bounded. */
  readonly formsForgotten: number;
  /** Statements that no grammar understood, each time they ran. */
  readonly unread: number;
  readonly unreadExamples: readonly UnreadStatement[];
  /** The time it covers, as the source writes it. */
  readonly from?: string;
  readonly to?: string;
}

/** One kind of transaction; a statement outside BEGIN/COMMIT is a transaction of its own. */
export interface WorkloadTransaction {
  /** How often it ran in the time observed; at least 1. */
  readonly calls: number;
  readonly reads: readonly TableName[];
  readonly writes: readonly TableName[];
  /** What is done to the rows of the tables written, in the order of its statements; absent: not known. */
  readonly operations?: readonly WriteOperation[];
  /** One entry per statement that names two or more tables: the tables it joins. */
  readonly joins: readonly (readonly TableName[])[];
  /** The line of its first statement, where it was read from a file. */
  readonly line?: number;
  /** Only a statement is known, not the transactions it is part of: that it writes one table does not say that they do. */
  readonly partial?: boolean;
}

/** What one statement does to the rows of one table. */
export interface WriteOperation {
  readonly table: TableName;
  readonly kind: 'insert' | 'update' | 'delete';
  /** Of an update: the columns it sets. */
  readonly columns?: readonly string[];
  /** Of these, those set from their own old value (`quantity = quantity - 1`). */
  readonly relative?: readonly string[];
  /** Of these, those that something is taken from. */
  readonly falling?: readonly string[];
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
  /** Where several files were read. */
  readonly file?: string;
  /** Its beginning, in one line. */
  readonly text: string;
  readonly reason: string;
}
