import { UNCHANGED, type Change, type Row, type SpooledChanges, type Value } from '../../src/model/change.ts';
import type { Conflict, Decision } from '../../src/model/conflict.ts';
import { ORIGIN_OF_TIME, later, type Position } from '../../src/model/position.ts';
import type {
  Applier, ApplyTransaction, BeginOptions, Checkpoint, Deleted, Horizon, LockedRow, QuarantinedWrite, QuarantineEntry, QuarantineOutcome, Recalled,
  TargetTable, Write, RowKeys, Sparing,
} from '../../src/ports/applier.ts';
import type { ChangeSource, SourceEvent } from '../../src/ports/change-source.ts';
import { BanyanError } from '../../src/core/errors.ts';
import { namedKey } from '../../src/sync/work.ts';
import type { TableName } from '../../src/model/names.ts';
import { isContention, isTransient, sqlState } from '../../src/postgres/transient.ts';
import {
  ServerError, Session, type Database, type QuarantineRecord, type Version,
} from './database.ts';
import { keyNamed, laidOut, type Layout } from './layout.ts';
import type { Random } from './random.ts';
import type { Process } from './scheduler.ts';
import type { Truth } from './truth.ts';

/** How unkind the network is. */
export interface Faults {
  /** Probability that a call loses its connection. */
  cut: number;
}

export interface PortOptions {
  readonly database: Database;
  /** The engine that calls. */
  readonly process: Process;
  /** Never dies: what the server does by itself. */
  readonly server: Process;
  readonly random: Random;
  readonly faults: Faults;
  readonly layout: Layout;
}

export interface Slot {
  confirmed: Position;
  activeBy: Process | undefined;
  /** The server takes this long to notice that a client is gone. */
  heldUntil: number;
}

const GROWN = new Error('the log has grown');

const lost = (): Error => new Error('Connection terminated unexpectedly');

/** A step of the scheduler, and perhaps the end of the connection. */
export async function call({ database, process, random, faults }: PortOptions): Promise<void> {
  await database.scheduler.step(process);
  if (random.chance(faults.cut)) throw lost();
}

export class SimulatedSource implements ChangeSource {
  readonly #options: PortOptions & { readonly slot: Slot; readonly replayOrigin: string };
  #durable: Position = ORIGIN_OF_TIME;

  constructor(options: PortOptions & { readonly slot: Slot; readonly replayOrigin: string }) {
    this.#options = options;
  }

  async *stream({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<SourceEvent> {
    const { database, process, slot, random, replayOrigin, layout } = this.#options;
    await call(this.#options);
    if (slot.activeBy !== undefined || slot.heldUntil > database.scheduler.now) throw new ServerError('55006');
    slot.activeBy = process;
    try {
      let next = database.log.findIndex((entry) => entry.position > slot.confirmed);
      if (next < 0) next = database.log.length;
      let told = ORIGIN_OF_TIME;
      for (;;) {
        signal.throwIfAborted();
        await call(this.#options);
        if (random.chance(0.2)) slot.confirmed = later(slot.confirmed, this.#durable);
        const entry = database.log[next];
        if (entry) {
          next += 1;
          const echo = entry.origin?.name === replayOrigin;
          const changes = echo
            ? entry.changes.filter((change) => change.kind !== 'truncate' && change.relation.table.startsWith('banyan.'))
            : entry.changes;
          const named = changes.map((change) => laidOut(change, layout));
          const spooled = named.length > 0 && random.chance(0.1);
          yield { kind: 'transaction', transaction: { ...entry, changes: spooled ? this.#spooled(named) : named } };
        } else if (database.insertPosition > told && random.chance(0.5)) {
          told = database.insertPosition;
          yield { kind: 'progress', position: told };
        } else {
          await this.#growth(signal);
        }
      }
    } finally {
      slot.activeBy = undefined;
    }
  }

  /** As from a disk: read a part at a time, with time and faults between them. */
  #spooled(changes: readonly Change[]): SpooledChanges {
    const options = this.#options;
    let discarded = false;
    return {
      count: changes.length,
      async *parts() {
        for (let at = 0; at < changes.length; at += 2) {
          await call(options);
          if (discarded) throw new Error('read after it was discarded');
          yield changes.slice(at, at + 2);
        }
      },
      discard: async () => {
        discarded = true;
      },
    };
  }

  acknowledge(position: Position): void {
    this.#durable = later(this.#durable, position);
  }

  async #growth(signal: AbortSignal): Promise<void> {
    const { database, process } = this.#options;
    const grown = new AbortController();
    const stop = (): void => grown.abort(GROWN);
    database.onGrowth(stop);
    signal.addEventListener('abort', stop, { once: true });
    try {
      await database.scheduler.sleep(process, 500, grown.signal);
    } catch {
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

export interface SimulatedApplierOptions extends PortOptions {
  readonly source: Database;
  readonly stream: string;
  readonly origin: string;
  readonly truth: Truth;
  /** Open sessions of this engine, which the server has to end when it dies. */
  readonly sessions: Set<Session>;
  /** Most transactions at once. */
  readonly width: number;
}

export class SimulatedApplier implements Applier {
  readonly sessions: number;
  readonly #options: SimulatedApplierOptions;
  #token = -1;

  constructor(options: SimulatedApplierOptions) {
    this.#options = options;
    this.sessions = options.width;
  }

  async claim(): Promise<Checkpoint> {
    const { database, process, server, stream, origin } = this.#options;
    await call(this.#options);
    const session = new Session(database, process);
    this.#options.sessions.add(session);
    await session.lockName(stream);
    const state = database.streams.get(stream)!;
    session.change(Session.stream(stream));
    this.#options.sessions.delete(session);
    const token = state.token + 1;
    const { position, seen } = state;
    await session.commit({
      process: server, origin: { name: origin, position: ORIGIN_OF_TIME },
      also: () => {
        state.token = token;
      },
    });
    await call(this.#options);
    this.#token = token;
    return { position, seen };
  }

  async describe(tables: readonly TableName[]): Promise<ReadonlyMap<TableName, TargetTable>> {
    await call(this.#options);
    const { relation, columns, key } = this.#options.layout;
    return new Map(tables.filter((name) => name === relation.table).map((name) => [name, { name, columns, key }]));
  }

  async begin({ beside = false, hurried = false }: BeginOptions = {}): Promise<ApplyTransaction> {
    const { database, process, stream } = this.#options;
    const session = new Session(database, process);
    this.#options.sessions.add(session);
    const state = database.streams.get(stream)!;
    const transaction = new SimulatedTransaction({ ...this.#options, session, state });
    const begun = transaction.open(this.#token, { share: beside, hurried });
    if (beside) begun.catch(() => {});
    else await begun;
    return transaction;
  }

  async quarantined(): Promise<readonly QuarantineEntry[]> {
    await call(this.#options);
    return this.#options.database.held(this.#options.stream).map(entryOf);
  }

  async isAsked(): Promise<boolean> {
    await call(this.#options);
    return this.#options.database.held(this.#options.stream).some(({ asked }) => asked !== undefined);
  }

  isTransient(error: unknown): boolean {
    return isTransient(error);
  }

  /** Tables keep their columns here. */
  isOutOfDate(): boolean {
    return false;
  }

  isContention(error: unknown): boolean {
    return isContention(error);
  }

  codeOf(error: unknown): string {
    return sqlState(error) ?? 'unknown';
  }

  async close(): Promise<void> {
    await this.#options.database.scheduler.step(this.#options.process);
  }
}

function entryOf({ id, code, entry, asked, deleted }: QuarantineRecord): QuarantineEntry {
  const { write, claims } = entry;
  return {
    id, code, kind: write.kind, keyText: write.keyText, claims, deleted,
    ...(write.newKeyText === undefined ? {} : { newKeyText: write.newKeyText }), ...(asked ? { asked } : {}),
  };
}

interface TransactionOptions extends SimulatedApplierOptions {
  readonly session: Session;
  readonly state: { token: number; position: Position; seen: Position };
}

class SimulatedTransaction implements ApplyTransaction {
  checkpoint: Checkpoint | undefined;
  /** Calls are carried out in their order, whether or not their caller waits for the answers. */
  #last: Promise<unknown> = Promise.resolve();
  #fenced: BanyanError | undefined;
  #over = false;
  readonly #options: TransactionOptions;
  readonly #session: Session;
  /** Rows that a decision of this transaction leaves away, and what it decided about. */
  #absences = new Map<string, readonly Version[]>();
  #saved: ReadonlyMap<string, readonly Version[]> = new Map();
  /** Keys at which this transaction found no row. */
  readonly #absent = new Set<string>();
  #lost = false;

  constructor(options: TransactionOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#session.replays = true;
  }

  open(token: number, { share, hurried }: { readonly share: boolean; readonly hurried: boolean }): Promise<void> {
    const { state, stream } = this.#options;
    return this.#inOrder(async () => {
      await this.#connected();
      await this.#session.lockName(stream, { share });
      this.#session.hurried = hurried;
      if (!share) this.checkpoint = { position: state.position, seen: state.seen };
      if (state.token === token) return;
      this.#fenced = new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${stream} was claimed by another worker.` });
      if (share) return;
      this.#session.rollback();
      throw this.#fenced;
    });
  }

  #inOrder<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  async write(writes: readonly Write[], horizon: Horizon | undefined): Promise<number[]> {
    return this.#statement(async () => {
      const missed: number[] = [];
      for (const [i, write] of writes.entries()) if (!(await this.#writeOne(write, horizon))) missed.push(i);
      return missed;
    });
  }

  async #writeOne(write: Write, horizon: Horizon | undefined): Promise<boolean> {
    const session = this.#session;
    const { layout } = this.#options;
    const key = layout.keyOf(write.key);
    if (write.kind === 'insert') {
      const row = layout.into(write.row!, key).map((cell) => (cell === UNCHANGED ? null : cell));
      const truth = this.#options.truth.byMark(row[2])!;
      const there = await session.insert(row, truth, true);
      if (!there) return true;
      return this.#mayWrite(there.xid, horizon) && session.update(key, row, truth);
    }
    const tuple = await session.lock(key);
    if (!tuple) this.#absent.add(key);
    if (!tuple || !this.#mayWrite(tuple.xid, horizon)) return false;
    if (write.kind === 'delete') return session.remove(key, this.#removal(key));
    return session.update(key, layout.into(write.row!, key), this.#options.truth.byMark(write.row![2])!);
  }

  /** The guard of the server's statements. */
  #mayWrite(xid: number, horizon: Horizon | undefined): boolean {
    if (this.#session.ownXid(xid) || this.#replayed(xid)) return true;
    return horizon !== undefined && ((xid - horizon.xid) | 0) < 0;
  }

  #replayed(xid: number): boolean {
    return this.#options.database.ended.get(xid)?.origin === this.#options.origin;
  }

  async lock(_table: TargetTable, parts: readonly string[]): Promise<LockedRow | undefined> {
    const { layout } = this.#options;
    const key = layout.keyOf(parts);
    const locked = await this.#statement(() => this.#session.lock(key));
    if (!locked) {
      this.#absent.add(key);
      return undefined;
    }
    return this.#statement(async () => {
      const tuple = this.#session.read(key);
      if (!tuple) return undefined;
      const at = this.#options.database.ended.get(tuple.xid)?.at;
      return {
        row: layout.out(tuple.row), xid: tuple.xid, ...(at === undefined ? {} : { committedAt: at }),
        // Also what was written within a savepoint, unlike in the guard of a set-based statement.
        replayed: this.#replayed(tuple.xid), own: this.#session.pending.get(key) === tuple,
      };
    });
  }

  async outside(): Promise<readonly number[]> {
    return [];
  }

  async put(_table: TargetTable, key: readonly string[], laid: Row): Promise<void> {
    const present = this.#options.layout.keyOf(key);
    const row = this.#options.layout.into(laid, present);
    const complete = !row.includes(UNCHANGED);
    const sameKey = row[0] === UNCHANGED || row[0] === present;
    const truth = this.#options.truth.byMark(row[2])!;
    if (!(sameKey && complete)) {
      const updated = await this.#statement(() => this.#session.update(present, row, truth));
      const end = sameKey ? undefined : this.#options.truth.endOfOld(truth);
      if (updated && end) this.#session.noteTruth(end);
      if (updated || !complete) return;
    }
    await this.#statement(async () => {
      const values = row as readonly Value[];
      const there = await this.#session.insert(values, truth, true);
      if (there) await this.#session.update(values[0]!, values, truth);
    });
  }

  async remove(_table: TargetTable, key: readonly string[]): Promise<void> {
    await this.#statement(() => this.#session.remove(this.#options.layout.keyOf(key), this.#removal(this.#options.layout.keyOf(key))));
  }

  async truncate([table]: readonly TargetTable[], { sparing }: { readonly sparing?: Sparing }): Promise<readonly RowKeys[]> {
    return this.#statement(async () => {
      const { layout } = this.#options;
      const always = new Set(sparing?.rows.flatMap(({ keys }) => keys.map((key) => layout.keyOf(key))));
      const left = await this.#session.truncate(
        (key) => this.#removal(key),
        (tuple) => sparing !== undefined && (always.has(tuple.row[0] ?? '') || !this.#mayWrite(tuple.xid, sparing.horizon)),
      );
      return table ? [{ table, keys: left.filter((key) => !always.has(key)).map((key) => layout.keyOut(key)) }] : [];
    });
  }

  /** None of these tables refers to another. */
  orphans(): Promise<[]> {
    return Promise.resolve([]);
  }

  parentless(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async clashes(_table: TargetTable, key: readonly string[], row: Row): Promise<readonly (readonly string[])[]> {
    const { layout } = this.#options;
    return this.#statement(async () => this.#session.sameCode(layout.keyOf(key), row).map((other) => layout.keyOut(other)));
  }

  /** No table of the simulation gets another key. */
  keysBy(): Promise<[]> {
    return Promise.resolve([]);
  }

  async compare(_table: TargetTable, _column: string, a: string, b: string): Promise<number> {
    return this.#statement(async () => (a < b ? -1 : a > b ? 1 : 0));
  }

  async request(table: TargetTable, key: readonly string[], { evenIfGone } = { evenIfGone: false }): Promise<void> {
    await this.#statement(async () => this.#session.change(Session.request(['shop', table.name, JSON.stringify(namedKey(table, key)), evenIfGone ? 't' : 'f'])));
  }

  async recordConflict(conflict: Conflict, decision: Decision | undefined): Promise<void> {
    await this.#statement(async () => {
      const { database, truth } = this.#options;
      const key = keyNamed(conflict.key);
      const version = (side: 'monolith' | 'service'): Version | undefined => {
        const row = side === 'monolith' ? conflict.monolith : conflict.serviceRow;
        if (row) {
          const named = truth.byMark(row['mark']);
          return named && named.key !== key ? truth.endOfOld(named) : named;
        }
        const gone = side === database.side ? database.gone.get(key) : undefined;
        return gone?.decision ? gone : (deletes(side).at(-1) ?? gone);
      };
      // What stands on the monolith may be the service's own delete, that won there earlier.
      const deletes = (side: 'monolith' | 'service'): Version[] =>
        side === 'service'
          ? truth.deletesAt(side, key, conflict.serviceAt)
          : [...truth.deletesAt('service', key, conflict.monolithAt), ...truth.deletesAt('monolith', key, conflict.monolithAt)];
      const [monolith, service] = [version('monolith'), version('service')];
      const orThese = [...(conflict.monolith ? [] : deletes('monolith')), ...(conflict.serviceRow ? [] : deletes('service'))];
      if (decision?.row === null) this.#absences.set(key, [monolith, service].filter((each) => each !== undefined));
      else if (decision) this.#absences.delete(key);
      this.#session.conflict(
        { key, type: conflict.type, monolith, service, orThese, winner: conflict.winner, strategy: conflict.strategy,
          left: decision?.row ? truth.byMark(decision.row['mark']) : undefined,
        },
        {
          service: conflict.service, table_name: conflict.table, key: JSON.stringify(conflict.key), type: conflict.type,
          winner: conflict.winner, strategy: conflict.strategy, decided: decision ? 't' : 'f',
          decision: decision?.row ? JSON.stringify(decision.row) : null,
          standing: decision?.standing.winner ?? null, standing_at: decision ? String(decision.standing.committedAt) : null,
        },
      );
    });
  }

  async quarantine(entry: QuarantinedWrite): Promise<void> {
    await this.#statement(async () => {
      const { truth, source, stream, database } = this.#options;
      const { write, code } = entry;
      const version = write.row
        ? truth.byMark(write.row[2])
        : truth.deleteWithin(source.side, keyNamed(namedKey(write.table, write.key)), (write.position - 1n) as Position, write.position);
      const end = version && write.newKeyText !== undefined ? truth.endOfOld(version) : undefined;
      const id = String(database.quarantine.length + this.#session.newQuarantine.length + 1);
      this.#session.newQuarantine.push({ id, stream, versions: [version, end].filter((each) => each !== undefined), entry, code, state: 'held', deleted: new Map() });
      database.writeLog();
    });
  }

  async quarantined(): Promise<readonly QuarantineEntry[]> {
    return this.#statement(async () => this.#options.database.held(this.#options.stream).map(entryOf));
  }

  async recall(ids: readonly string[]): Promise<readonly Recalled[]> {
    return this.#statement(async () =>
      ids.map((id) => {
        const { entry } = this.#options.database.quarantine.find((record) => record.id === id)!;
        return { write: { ...entry.write, bases: entry.bases }, as: entry.as };
      }),
    );
  }

  async answer(ids: readonly string[], outcome: QuarantineOutcome): Promise<void> {
    await this.#statement(async () => void this.#session.answers.push(...ids.map((id) => ({ id, outcome }))));
  }

  async storeDeletes(deletes: ReadonlyMap<string, Deleted>): Promise<void> {
    await this.#statement(async () => void this.#session.deletes.push(deletes));
  }

  async overtake(): Promise<void> {
    const { database, stream } = this.#options;
    await this.#statement(async () => {
      for (const { id } of database.held(stream)) this.#session.answers.push({ id, outcome: { state: 'discarded' }, overtaken: true });
    });
  }

  async confirmClaim(): Promise<void> {
    await this.#statement(async () => {
      if (this.#fenced) throw this.#fenced;
    });
  }

  /** Everything is checked at once here. */
  async checkConstraints(): Promise<void> {
    await this.#statement(async () => {});
  }

  async savepoint(): Promise<void> {
    await this.#statement(async () => this.#session.savepoint());
    this.#saved = new Map(this.#absences);
  }

  /** After every statement that was sent before it, also if nobody waits for its answer any more. */
  async rollbackToSavepoint(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#connected();
      this.#session.rollbackToSavepoint();
      this.#absences = new Map(this.#saved);
    });
  }

  async commit(checkpoint: Checkpoint & { readonly committedAt: bigint }): Promise<void> {
    await this.#inOrder(() => this.#commit(checkpoint));
    this.#over = true;
  }

  async #commit(checkpoint: Checkpoint & { readonly committedAt: bigint }): Promise<void> {
    await this.#connected();
    if (this.#fenced) throw this.#fenced;
    if (this.#session.failed) throw new ServerError('25P02');
    const { origin, stream, server, sessions, state, random, faults, truth, source, database } = this.#options;
    const after = state.position;
    this.#resolve(after, checkpoint.position);
    this.#session.change(Session.stream(stream));
    sessions.delete(this.#session);
    const decided: Version[] = [];
    const done = this.#session.commit({
      process: server, origin: { name: origin, position: checkpoint.position }, at: checkpoint.committedAt,
      logged: (position) => {
        this.#tookAbsences();
        for (const [key, about] of this.#absences) {
          if (this.#session.read(key) && this.#session.pending.has(key)) continue;
          decided.push(truth.decideAbsence({ key, position, about, present: this.#localAfterDelete(key, position) }));
        }
      },
      also: () => {
        state.position = checkpoint.position;
        state.seen = checkpoint.seen;
        for (const version of decided) if (!database.rows.has(version.key)) database.gone.set(version.key, version);
        truth.foundNothing({ source: source.side, after, through: checkpoint.position, target: database, absent: this.#absent });
      },
    });
    if (random.chance(faults.cut)) {
      // The server goes on without us.
      this.#lost = true;
      throw lost();
    }
    await done;
    if (random.chance(faults.cut)) {
      this.#lost = true;
      throw lost();
    }
  }

  async rollback(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#inOrder(async () => {
      if (this.#lost) throw lost();
      await this.#connected();
      this.#options.sessions.delete(this.#session);
      if (!this.#session.over) this.#session.rollback();
    });
  }

  async #statement<T>(run: () => Promise<T>): Promise<T> {
    if (this.#over) throw new DOMException('the transaction was rolled back meanwhile', 'AbortError');
    return this.#inOrder(async () => {
      await this.#connected();
      if (this.#session.failed) throw new ServerError('25P02');
      return run();
    });
  }

  async #connected(): Promise<void> {
    if (this.#lost) throw lost();
    try {
      await call(this.#options);
    } catch (error) {
      this.#lost = true;
      endLater(this.#session, this.#options);
      throw error;
    }
  }

  /** Whether, by the log, somebody has written the row before `position` and not deleted it since. */
  #localAfterDelete(key: string, position: Position): boolean {
    const { log } = this.#options.database;
    const last = log.findLast((entry) => entry.position < position && entry.origin === undefined && entry.truths.some((version) => version.key === key));
    return last?.truths.findLast((version) => version.key === key)?.deleted === false;
  }

  /** Of a one-way stream: what its target's own writers deleted is in nobody's way. */
  #tookAbsences(): void {
    const { database, source, truth } = this.#options;
    if (source.streams.size > 0) return;
    // Also where the source's row came and went within this transaction.
    for (const key of this.#session.pending.keys()) {
      const gone = database.gone.get(key);
      if (gone) truth.foundGone.add(gone);
    }
  }

  /** Whose delete it is shows at the commit. */
  #removal(key: string): Version {
    return { id: '?', side: this.#options.source.side, key, parents: [], deleted: true };
  }

  #resolve(after: Position, through: Position): void {
    const { truth, source, database } = this.#options;
    this.#session.resolveTruths((version) => {
      if (version.id !== '?') return version;
      // Inserted and deleted within this transaction: what stood there before stands.
      const before = database.rows.has(version.key) ? undefined : database.gone.get(version.key);
      return before ?? truth.deleteWithin(source.side, version.key, after, through) ?? { ...version, id: 'removed' };
    });
  }
}

/** A server notices a lost client sooner or later, and holds its locks until then. */
export function endLater(session: Session, { sessions, server, random, database }: Pick<SimulatedApplierOptions, 'sessions' | 'server' | 'random' | 'database'>): void {
  sessions.delete(session);
  if (session.over) return;
  if (random.chance(0.6)) {
    session.rollback();
    return;
  }
  void database.scheduler.sleep(server, random.below(400)).then(() => {
    if (!session.over) session.rollback();
  });
}
