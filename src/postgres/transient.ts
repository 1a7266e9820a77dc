import { isBanyanError } from '../core/errors.ts';

/** The SQLSTATE of a server's error, if it is one. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  // EPIPE has the form of an SQLSTATE; no class of theirs begins with an E.
  if ('code' in error && typeof error.code === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(error.code)) return error.code;
  if (isBanyanError(error)) {
    const state = error.details['sqlState'];
    return typeof state === 'string' ? state : sqlState(error.cause);
  }
  return undefined;
}

/** Object in use, lock not available, idle or busy too long in a transaction, a server that takes no writes (yet, or any more). */
const TRANSIENT = new Set(['55006', '55P03', '25P03', '25P04', '25006']);

/** The transaction has failed before: the statement itself is at no fault. */
export const IN_FAILED_TRANSACTION = '25P02';

/** Whether another session's locks stood in the way: a deadlock, or a lock that was not had in time. */
export function isContention(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40P01' || state === '55P03';
}

/** Whether a session has prepared a statement that its server does not take any more as it is: another session can have it anew. */
export function isStalePlan(error: unknown): boolean {
  const state = sqlState(error);
  return state === '26000' || (state === '0A000' && error instanceof Error && 'routine' in error && error.routine === 'RevalidateCachedQuery');
}

/**
 * Whether the same attempt may succeed later. 40: deadlock, serialisation. 53: shortage. 57: shutdown,
 * cancel, not yet started. 58: the server's own I/O. 08: connection. Without an SQLSTATE: a lost connection
 * as the system or the driver names it, and an abort, for what was stopped half way was not at fault.
 */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  if (isStalePlan(error)) return true;
  if (state !== undefined) return /^(40|53|57|58|08)/.test(state) || TRANSIENT.has(state);
  if (isBanyanError(error)) return error.code === 'BANYAN_CONNECT' || error.code === 'BANYAN_WAL_STREAM' || error.code === 'BANYAN_SPOOL';
  return error instanceof Error && (error.name === 'AbortError' || LOST_CONNECTION.test(error.message) || isSystemError(error));
}

/** How pg says it; such errors carry no code. The last is its pool's, when every connection stays busy; the one before, of a query that was not answered in time. */
const LOST_CONNECTION =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|Query read timeout|timeout exceeded when trying to connect)/;

/** ECONNRESET, EAI_AGAIN; but not ERR_INVALID_ARG_TYPE, which is a fault of the program. */
function isSystemError(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && /^E(?!RR_)[A-Z_]+$/.test(error.code);
}
