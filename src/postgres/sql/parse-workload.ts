import { messageOf } from '../../core/errors.ts';
import type { TableName } from '../../model/names.ts';
import { parseTimeSpan } from '../../core/time-text.ts';
import { mergeOperations } from '../../model/merge-operations.ts';
import type { UnreadStatement, Workload, WorkloadTransaction, WriteOperation } from '../../model/workload.ts';
import { splitStatements, type ScriptStatement } from './split-statements.ts';
import { loadGrammar, parseStatements } from './syntax-tree.ts';
import { joinedTables, tableAccess } from './table-access.ts';

export interface ParsedWorkload {
  readonly workload: Workload;
  /** Statements in the file, transaction control included. */
  readonly statements: number;
  readonly unread: readonly UnreadStatement[];
}

const CALLS = /\bcalls\s*[:=]\s*(\d+)/i;
const OBSERVED = /\bobserved\s*[:=]\s*(\d+\s*[a-z]+)/i;

/**
 * Reads a workload file: SQL statements, those that commit together between BEGIN and COMMIT, and
 * before a statement or a BEGIN a comment `-- calls: 36` (default 1). A comment `-- observed: 12h` says
 * in what time they ran. A transaction that ends in
 * ROLLBACK wrote nothing. A statement that PostgreSQL's grammar refuses is listed in `unread`; the
 * rest is used.
 */
export async function parseWorkload(text: string): Promise<ParsedWorkload> {
  await loadGrammar();
  const transactions: WorkloadTransaction[] = [];
  const unread: UnreadStatement[] = [];
  let statements = 0;
  let seconds: number | undefined;
  let open: Draft | undefined;

  const close = (committed: boolean): void => {
    if (open) transactions.push(...finish(open, committed));
    open = undefined;
  };
  for (const statement of splitStatements(text)) {
    statements += 1;
    for (const comment of statement.comments) {
      const span = OBSERVED.exec(comment)?.[1];
      if (span !== undefined) seconds ??= parseTimeSpan(span.replaceAll(/\s/g, ''));
    }
    const control = transactionControl(statement.text);
    if (control === 'begin') {
      close(true);
      open = draft(statement);
    } else if (control === 'commit' || control === 'rollback') {
      close(control === 'commit');
    } else if (control === undefined) {
      const into = open ?? draft(statement);
      const refused = addStatement(into, statement);
      if (refused) unread.push(refused);
      if (!open) transactions.push(...finish(into, true));
    }
  }
  close(true);
  return { workload: { ...(seconds === undefined ? {} : { seconds }), transactions }, statements, unread };
}

interface Draft {
  readonly calls: number;
  readonly line: number;
  readonly reads: Set<TableName>;
  readonly writes: Set<TableName>;
  readonly joins: TableName[][];
  operations: readonly WriteOperation[];
}

function draft(statement: ScriptStatement): Draft {
  let calls = 1;
  for (const comment of statement.comments) {
    const match = CALLS.exec(comment);
    if (match) calls = Math.max(1, Number(match[1]));
  }
  return { calls, line: statement.line, reads: new Set(), writes: new Set(), joins: [], operations: [] };
}

function finish(from: Draft, committed: boolean): WorkloadTransaction[] {
  if (from.reads.size === 0 && (from.writes.size === 0 || !committed)) return [];
  return [
    {
      calls: from.calls,
      reads: [...from.reads].sort(),
      writes: committed ? [...from.writes].sort() : [],
      ...(committed && from.operations.length > 0 ? { operations: from.operations } : {}),
      joins: from.joins,
      line: from.line,
    },
  ];
}

function addStatement(into: Draft, statement: ScriptStatement): UnreadStatement | undefined {
  try {
    for (const tree of parseStatements(statement.text)) {
      const access = tableAccess(tree);
      for (const table of access.reads) into.reads.add(table);
      for (const table of access.writes) into.writes.add(table);
      into.operations = mergeOperations([...into.operations, ...access.operations]);
      const joined = joinedTables(access);
      if (joined.length > 0) into.joins.push(joined);
    }
    return undefined;
  } catch (error) {
    return unreadStatement(statement, messageOf(error));
  }
}

const CONTROL = /^(begin|start\s+transaction|commit|end|rollback|abort|savepoint|release|prepare\s+transaction)\b/i;

function transactionControl(text: string): 'begin' | 'commit' | 'rollback' | 'other' | undefined {
  const word = CONTROL.exec(text)?.[1]?.toLowerCase();
  if (word === undefined) return undefined;
  if (word === 'begin' || word.startsWith('start')) return 'begin';
  if (word === 'commit' || word === 'end') return 'commit';
  if (word === 'rollback' || word === 'abort') return /\bto\b/i.test(text) ? 'other' : 'rollback';
  return 'other';
}

export function unreadStatement(statement: ScriptStatement, reason: string): UnreadStatement {
  return { line: statement.line, text: statement.text.replaceAll(/\s+/g, ' ').slice(0, 120), reason };
}
