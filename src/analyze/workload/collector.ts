import type { LogEvent, ReadStatement, StatementEvent, TransactionControl } from '../../model/logged-statement.ts';
import type { UnreadStatement, WorkloadSource, WorkloadTransaction } from '../../model/workload.ts';
import { transactionControl } from './control.ts';
import { fingerprint, type Dialect } from './fingerprint.ts';
import { Forms, type Form } from './forms.ts';
import { Kinds } from './kinds.ts';
import { OpenTransaction } from './open-transaction.ts';

export interface CollectorOptions {
  readonly dialect: Dialect;
  readonly read: ReadStatement;
  /** Most forms of statements, kinds of transactions and sessions kept at a time. */
  readonly limits?: { readonly forms?: number; readonly kinds?: number; readonly sessions?: number };
}

export type Collected = Omit<WorkloadSource, 'name' | 'format' | 'from' | 'to'> & {
  readonly kinds: readonly WorkloadTransaction[];
  /** Transactions whose kinds were too many to keep. */
  readonly dropped: number;
};

const EXAMPLES = 10;
const MOST_PREPARED = 1000;
/** No fingerprint. */
const NONE = -1;

interface Session {
  open: OpenTransaction | undefined;
  /** Ended as committed, unless the next thing that is heard of it is an error. */
  ended: OpenTransaction | undefined;
  autocommit: boolean;
  /** The fingerprint of what was sent last, as long as it can still fail. */
  latest: number;
  /** Whether what was sent last was seen by its plan, and may come once more by itself. */
  planned: boolean;
  errorAbout: boolean;
}

/**
 * Puts a log's statements together into transactions, session by session, and counts each kind. Takes
 * events in the order of the log, holds no more of them than the limits allow, and fails for none.
 */
export class WorkloadCollector {
  readonly #forms: Forms;
  readonly #kinds: Kinds;
  readonly #dialect: Dialect;
  readonly #sessionLimit: number;
  #sessions = new Map<string, Session>();
  readonly #prepared = new Map<string, OpenTransaction>();
  readonly #examples: UnreadStatement[] = [];
  #line = 0;
  #file: string | undefined;
  #statements = 0;
  #transactions = 0;
  #rolledBack = 0;
  #unfinished = 0;
  #unread = 0;

  constructor({ dialect, read, limits = {} }: CollectorOptions) {
    const kinds = new Kinds({ limit: limits.kinds ?? 50_000 });
    this.#kinds = kinds;
    this.#dialect = dialect;
    this.#sessionLimit = limits.sessions ?? 20_000;
    this.#forms = new Forms({
      read, limit: limits.forms ?? 100_000,
      accessOf: (step) => kinds.numberOf(step),
      onUnread: (text, reason) => {
        if (this.#examples.length < EXAMPLES) this.#examples.push(this.#example(text, reason));
      },
    });
  }

  /** What follows is of this file; sessions go on from the file before. */
  beginFile(name: string): void {
    this.#file = name;
  }

  /** A statement of which only its number of calls is known, not its transactions. */
  takeCounted(text: string, calls: number): void {
    const latin1 = Buffer.from(text).toString('latin1');
    const form = this.#forms.of(latin1, fingerprint(latin1, this.#dialect));
    this.#statements += calls;
    if (form.steps === undefined) this.#unread += calls;
    for (const step of form.steps ?? []) if (step.kind === 'access') this.#kinds.count(new Set([step.access]), { committed: true, line: 0, calls });
  }

  take(event: LogEvent): void {
    switch (event.kind) {
      case 'statement':
      case 'again':
        this.#statement(event);
        break;
      case 'meaning': {
        const { open } = this.#session(event.session);
        this.#line = event.line;
        if (open) this.#run(this.#forms.of(event.text, fingerprint(event.text, this.#dialect)), open);
        break;
      }
      case 'error':
        this.#session(event.session).errorAbout = true;
        break;
      case 'failed':
        this.#failed(this.#session(event.session), fingerprint(event.text, this.#dialect), transactionControl(event.text)?.act);
        break;
      case 'end':
        this.#endSession(event.session);
        break;
      case 'restart':
        for (const name of this.#sessions.keys()) this.#endSession(name);
    }
  }

  finish(): Collected {
    for (const session of this.#sessions.values()) this.#close(session, 'unfinished');
    this.#sessions.clear();
    this.#unfinished += this.#prepared.size;
    this.#prepared.clear();
    return {
      kinds: this.#kinds.transactions(),
      statements: this.#statements,
      forms: this.#forms.read,
      formsForgotten: this.#forms.evicted,
      transactions: this.#transactions,
      rolledBack: this.#rolledBack,
      unfinished: this.#unfinished,
      unread: this.#unread,
      unreadExamples: this.#examples,
      dropped: this.#kinds.dropped,
    };
  }

  #example(text: string, reason: string): UnreadStatement {
    const file = this.#file;
    return { line: this.#line, ...(file === undefined ? {} : { file }), text: text.replaceAll(/\s+/g, ' ').slice(0, 120), reason };
  }

  #session(name: string): Session {
    const known = this.#sessions.get(name);
    if (known) return known;
    if (this.#sessions.size >= this.#sessionLimit) this.#forgetSessions();
    const session: Session = { open: undefined, ended: undefined, autocommit: true, latest: NONE, planned: false, errorAbout: false };
    // A part of a longer text would keep all of that text in memory.
    this.#sessions.set(Buffer.from(name, 'latin1').toString('latin1'), session);
    return session;
  }

  /** Those with nothing open, most of which ended without a word; the oldest if there is no other way. */
  #forgetSessions(): void {
    for (const idle of [true, false]) {
      for (const [name, session] of this.#sessions) {
        if (this.#sessions.size * 2 <= this.#sessionLimit) return;
        if (idle && (session.open?.explicit || !session.autocommit)) continue;
        this.#close(session, 'unfinished');
        this.#sessions.delete(name);
      }
    }
  }

  #statement(event: Omit<StatementEvent, 'kind'> & { readonly kind: 'statement' | 'again' }): void {
    const session = this.#session(event.session);
    if (session.errorAbout) this.#failed(session, session.latest);
    const key = fingerprint(event.text, this.#dialect);
    // Each statement of a text has a plan, and all of them show the whole text.
    if (event.kind === 'again' && (this.#forms.of(event.text, key).steps?.length ?? 0) > 1) return;
    const seen = session.latest === key && session.planned !== (event.kind === 'again');
    session.planned = event.kind === 'again' && !seen;
    session.latest = event.done ? NONE : key;
    if (seen) return;
    this.#line = event.line;
    this.#statements += 1;
    this.#settle(session);
    if (session.open && event.transaction !== undefined && session.open.name !== undefined && session.open.name !== event.transaction) {
      this.#close(session, 'unfinished');
    }
    const sharesTransaction = session.open !== undefined && !session.open.explicit && event.transaction !== undefined && session.open.name === event.transaction;
    if (session.open && !session.open.explicit && !sharesTransaction) this.#close(session, 'committed');
    const control = event.session === '' ? undefined : transactionControl(event.text);
    if (control) {
      this.#control(session, control, event);
      return;
    }
    const form = this.#forms.of(event.text, key);
    if (form.steps === undefined) this.#unread += 1;
    session.open ??= new OpenTransaction({ explicit: !session.autocommit, line: event.line, name: nameOf(event) });
    for (const step of form.steps ?? []) {
      session.open ??= new OpenTransaction({ explicit: !session.autocommit, line: event.line, name: nameOf(event) });
      if (step.kind === 'access') session.open.access(step.access);
      else if (event.session !== '') this.#control(session, step.control, event);
    }
  }

  #run(form: Form, into: OpenTransaction): void {
    if (form.steps === undefined) this.#unread += 1;
    for (const step of form.steps ?? []) if (step.kind === 'access') into.access(step.access);
  }

  #control(session: Session, control: TransactionControl, event: { readonly line: number; readonly transaction: string | undefined }): void {
    switch (control.act) {
      case 'begin':
        // MySQL commits what is open; PostgreSQL warns and goes on.
        if (this.#dialect === 'mysql' && session.open) this.#close(session, 'committed');
        this.#begin(session, event);
        break;
      case 'commit':
      case 'rollback': {
        const { open } = session;
        session.open = undefined;
        if (open) this.#end(session, open, control.act === 'commit' && !open.failed);
        if (control.chain) session.open = new OpenTransaction({ explicit: true, line: event.line, name: undefined });
        break;
      }
      case 'savepoint':
        this.#begin(session, event);
        session.open?.savepoint(control.name);
        break;
      case 'release':
        session.open?.release(control.name);
        break;
      case 'rollback-to':
        session.open?.rollbackTo(control.name);
        break;
      case 'prepare':
        if (session.open) this.#prepare(control.name, session.open);
        session.open = undefined;
        break;
      case 'commit-prepared':
      case 'rollback-prepared': {
        const prepared = this.#prepared.get(control.name);
        this.#prepared.delete(control.name);
        if (prepared) this.#count(prepared, control.act === 'commit-prepared' && !prepared.failed);
        break;
      }
      case 'autocommit':
        if (control.on && session.open) this.#close(session, 'committed');
        session.autocommit = control.on;
    }
  }

  #begin(session: Session, event: { readonly line: number; readonly transaction: string | undefined }): void {
    // What one text did before its BEGIN is part of the same transaction.
    const before = session.open;
    if (before?.explicit) return;
    session.open = new OpenTransaction({ explicit: true, line: before?.line ?? event.line, name: nameOf(event) });
    for (const access of before?.accesses() ?? []) session.open.access(access);
  }

  #prepare(name: string, transaction: OpenTransaction): void {
    this.#prepared.set(name, transaction);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size <= MOST_PREPARED || oldest === undefined) return;
    this.#prepared.delete(oldest);
    this.#unfinished += 1;
  }

  /** An error about a statement of this fingerprint. */
  #failed(session: Session, key: number, act?: TransactionControl['act']): void {
    session.errorAbout = false;
    const aboutLatest = key === session.latest;
    if (session.ended) {
      const { ended } = session;
      session.ended = undefined;
      // A COMMIT that fails, for a deferred constraint, has committed nothing.
      this.#count(ended, !aboutLatest);
    } else if (session.open?.explicit) {
      session.open.failed = true;
      // Logged only because it failed; a COMMIT that fails ends its transaction all the same.
      if (act === 'commit' || act === 'prepare') this.#close(session, 'rolled back');
    } else if (session.open && aboutLatest) {
      this.#count(session.open, false);
      session.open = undefined;
    }
  }

  #endSession(name: string): void {
    const session = this.#sessions.get(name);
    if (!session) return;
    if (session.errorAbout) this.#failed(session, session.latest);
    this.#close(session, 'rolled back');
    this.#sessions.delete(name);
  }

  #end(session: Session, transaction: OpenTransaction, committed: boolean): void {
    if (!committed) this.#count(transaction, false);
    else session.ended = transaction;
  }

  #settle(session: Session): void {
    if (session.ended) this.#count(session.ended, true);
    session.ended = undefined;
  }

  /** Ends what is open as the server would, or as far as is known. */
  #close(session: Session, explicitly: 'committed' | 'rolled back' | 'unfinished'): void {
    this.#settle(session);
    const { open } = session;
    session.open = undefined;
    if (!open) return;
    if (!open.explicit || explicitly === 'committed') this.#count(open, !open.failed);
    else if (explicitly === 'rolled back') this.#count(open, false);
    else {
      this.#unfinished += 1;
      this.#kinds.count(open.accesses(), { committed: false, line: open.line });
    }
  }

  #count(transaction: OpenTransaction, committed: boolean): void {
    const accesses = transaction.accesses();
    // What touches nothing (SELECT 1, SET) is no transaction worth a number.
    if (accesses.size === 0) return;
    if (committed) this.#transactions += 1;
    else this.#rolledBack += 1;
    this.#kinds.count(accesses, { committed, line: transaction.line });
  }
}

function nameOf({ transaction }: { readonly transaction: string | undefined }): string | undefined {
  return transaction === undefined ? undefined : Buffer.from(transaction, 'latin1').toString('latin1');
}
