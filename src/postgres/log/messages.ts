import type { LogEvent, StatementEvent } from '../../model/logged-statement.ts';

/** One message of a server's log, whatever the format it was written in. Texts are bytes as latin1. */
export interface LogRecord {
  readonly severity: string;
  /** Process or session id; empty if the log does not have it. */
  readonly session: string;
  readonly database: string | undefined;
  /** The virtual transaction id, as `3/41`. */
  readonly transaction: string | undefined;
  readonly message: string;
  /** In formats where it is no message of its own. */
  readonly detail: string | undefined;
  /** The statement that an error is about, likewise. */
  readonly query: string | undefined;
  readonly line: number;
}

const DURATION = /duration: [\d.]+ ms {2}(?:(statement|parse|bind|execute)\b[^:]*: |plan:)/y;
const SESSION_BEGINS = /^connection (?:received|authorized|authenticated):/;
const SERVER_BEGINS = /^(?:all server processes terminated|database system (?:was|is ready to accept)|starting PostgreSQL )/;
const PREPARE = /^prepare: PREPARE\s+[^(]+?\s*(?:\([^)]*\)\s*)?\bAS\s+/i;

/** Tells what one message says about the statements of its session. */
export function eventsOf(record: LogRecord, emit: (event: LogEvent) => void): void {
  const { severity, session, message } = record;
  switch (severity) {
    case 'LOG':
      eventsOfLog(record, emit);
      if (record.detail !== undefined) detail(record, record.detail, emit);
      break;
    case 'ERROR':
      emit({ kind: 'error', session });
      if (record.query !== undefined) emit({ kind: 'failed', session, text: record.query });
      break;
    case 'FATAL':
    case 'PANIC':
      emit({ kind: 'end', session });
      break;
    case 'DETAIL':
      detail(record, message, emit);
      break;
    case 'STATEMENT':
      emit({ kind: 'failed', session, text: message });
  }
}

function eventsOfLog(record: LogRecord, emit: (event: LogEvent) => void): void {
  const { message, session } = record;
  if (message.startsWith('statement: ')) {
    emit(statement(record, 11, false));
  } else if (message.startsWith('execute ')) {
    // What is fetched next from a portal was counted when its first rows were.
    if (message.startsWith('execute fetch from ')) return;
    const colon = message.indexOf(': ');
    if (colon !== -1) emit(statement(record, colon + 2, false));
  } else if (message.startsWith('duration: ')) {
    DURATION.lastIndex = 0;
    const found = DURATION.exec(message);
    if (!found) return;
    if (found[1] === undefined) {
      const text = plannedText(message.slice(DURATION.lastIndex));
      if (text !== undefined) emit({ ...statement(record, 0, false), kind: 'again', text });
    } else if (found[1] === 'statement' || (found[1] === 'execute' && !found[0].includes('execute fetch from '))) {
      emit(statement(record, DURATION.lastIndex, true));
    }
  } else if (message.startsWith('disconnection: ') || SESSION_BEGINS.test(message)) {
    emit({ kind: 'end', session });
  } else if (SERVER_BEGINS.test(message)) {
    emit({ kind: 'restart' });
  }
}

function statement(record: LogRecord, from: number, done: boolean): StatementEvent {
  const { session, line, transaction } = record;
  // Outside a transaction its number is 0.
  const known = transaction !== undefined && transaction !== '' && !transaction.endsWith('/0');
  return { kind: 'statement', session, text: record.message.slice(from), line, transaction: known ? transaction : undefined, done };
}

function detail({ session, line }: LogRecord, text: string, emit: (event: LogEvent) => void): void {
  const prepared = PREPARE.exec(text);
  if (prepared) emit({ kind: 'meaning', session, text: text.slice(prepared[0].length), line });
}

const FIRST_NODE = /\n[^\n]*\((?:cost=\d|actual (?:time|rows)=)/;

/** The statement of a plan that auto_explain logged, as text or as JSON. */
function plannedText(plan: string): string | undefined {
  const begin = plan.search(/\S/);
  if (plan.charAt(begin) === '{') return /"Query Text":\s*("(?:[^"\\]|\\.)*")/.exec(plan)?.[1]?.replace(/^"[^]*"$/, jsonText);
  const text = /^\s*Query Text: /.exec(plan);
  if (!text) return undefined;
  const rest = plan.slice(text[0].length);
  const end = rest.search(FIRST_NODE);
  // Only stderr begins further lines with a tab.
  const parameters = rest.search(/\n\t?Query Parameters: /);
  const ends = [end, parameters].filter((at) => at !== -1);
  return ends.length === 0 ? undefined : rest.slice(0, Math.min(...ends));
}

function jsonText(quoted: string): string {
  const text: unknown = JSON.parse(quoted.replaceAll(/[\n\t]/g, ' '));
  return String(text);
}
