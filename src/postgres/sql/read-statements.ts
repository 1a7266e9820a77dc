import type { Node } from 'libpg-query';
import type { ReadStatement, StatementStep, TransactionControl } from '../../model/logged-statement.ts';
import { isRecord, tableAccess } from './table-access.ts';
import { loadGrammar, parseStatements } from './syntax-tree.ts';

/** What touches rows. Everything else names tables without using them. */
const TOUCHING = new Set([
  'SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'TruncateStmt', 'CopyStmt', 'CreateTableAsStmt', 'DeclareCursorStmt', 'CallStmt',
]);

/** Loads the grammar and gives what tells, of a text that a client sent, what it does; it throws where the text is not SQL. */
export async function postgresStatements(): Promise<ReadStatement> {
  await loadGrammar();
  return (text) => parseStatements(text).flatMap(stepsOf);
}

function stepsOf(tree: Node): StatementStep[] {
  if ('TransactionStmt' in tree) {
    const control = controlOf(tree.TransactionStmt);
    return control ? [{ kind: 'control', control }] : [];
  }
  const [kind] = Object.keys(tree);
  if (kind === undefined || !TOUCHING.has(kind)) return [];
  const { reads, writes, operations } = tableAccess(tree);
  return reads.size + writes.size === 0 ? [] : [{ kind: 'access', reads: [...reads], writes: [...writes], operations }];
}

function controlOf(statement: unknown): TransactionControl | undefined {
  if (!isRecord(statement)) return undefined;
  const chain = statement['chain'] === true;
  const name = textIn(statement, 'savepoint_name');
  const gid = textIn(statement, 'gid');
  switch (statement['kind'] ?? 'TRANS_STMT_BEGIN') {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return { act: 'begin' };
    case 'TRANS_STMT_COMMIT':
      return { act: 'commit', chain };
    case 'TRANS_STMT_ROLLBACK':
      return { act: 'rollback', chain };
    case 'TRANS_STMT_SAVEPOINT':
      return { act: 'savepoint', name };
    case 'TRANS_STMT_RELEASE':
      return { act: 'release', name };
    case 'TRANS_STMT_ROLLBACK_TO':
      return { act: 'rollback-to', name };
    case 'TRANS_STMT_PREPARE':
      return { act: 'prepare', name: gid };
    case 'TRANS_STMT_COMMIT_PREPARED':
      return { act: 'commit-prepared', name: gid };
    case 'TRANS_STMT_ROLLBACK_PREPARED':
      return { act: 'rollback-prepared', name: gid };
    default:
      return undefined;
  }
}

function textIn(record: Readonly<Record<string, unknown>>, key: string): string {
  const value = record[key];
  return typeof value === 'string' ? value : '';
}
