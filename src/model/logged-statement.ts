import type { TableName } from './names.ts';
import type { WriteOperation } from './workload.ts';

/** What a statement log says, in the order in which it says it. Texts are bytes as latin1; see {@link textOf}. */
export type LogEvent =
  /** A statement that was sent; whether it succeeded is not known yet. */
  | StatementEvent
  /** The same statement seen a second way (a plan, a slow statement): counts only if it was not logged already. */
  | (Omit<StatementEvent, 'kind'> & { readonly kind: 'again' })
  /** What the session's latest statement really runs (`EXECUTE name`). */
  | { readonly kind: 'meaning'; readonly session: string; readonly text: string; readonly line: number }
  | { readonly kind: 'error'; readonly session: string }
  /** The text of the statement that the session's latest error is about. */
  | { readonly kind: 'failed'; readonly session: string; readonly text: string }
  /** The session is over, or a new one begins under its name. */
  | { readonly kind: 'end'; readonly session: string }
  /** All sessions are over: the server stopped or crashed. */
  | { readonly kind: 'restart' };

export interface StatementEvent {
  readonly kind: 'statement';
  /** Whatever tells this session from the others at the same time; empty if the log does not say. */
  readonly session: string;
  readonly text: string;
  /** Where the statement begins in its file. */
  readonly line: number;
  /** The server's own name of the transaction, where it is logged: the same for all that commits together. */
  readonly transaction: string | undefined;
  /** It was logged after it had succeeded. */
  readonly done: boolean;
}

/** One thing that a statement text does, as its grammar understands it. */
export type StatementStep =
  | { readonly kind: 'access'; readonly reads: readonly TableName[]; readonly writes: readonly TableName[]; readonly operations?: readonly WriteOperation[] }
  | { readonly kind: 'control'; readonly control: TransactionControl };

export type TransactionControl =
  | { readonly act: 'begin' }
  | { readonly act: 'commit' | 'rollback'; readonly chain: boolean }
  | { readonly act: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  | { readonly act: 'prepare' | 'commit-prepared' | 'rollback-prepared'; readonly name: string }
  | { readonly act: 'autocommit'; readonly on: boolean };

/** What a statement text does, step by step. Throws where the text is not SQL. */
export type ReadStatement = (text: string) => readonly StatementStep[];

/** The text that bytes read as latin1 stand for. */
export function textOf(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

/** Takes a log file's text, in any pieces, as bytes in latin1. */
export interface LogReader {
  /** What it reads, in words. */
  readonly format: string;
  push(text: string): void;
  /** The file ends here; what is incomplete is taken as far as it goes. */
  end(): void;
  /** The times of its first and last message, as the log writes them. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Messages that were left out because they are about another database. */
  readonly otherDatabases: number;
}

/** What is longer is cut: its tables are not known, and memory stays bounded. */
export const LONGEST_RECORD = 4 * 1024 * 1024;
