/* More than 600 lines long, because what one transaction of the target remembers between its savepoints is private to one class. */
import { allInOrder } from '../core/all-in-order.ts';
import type { Clock } from '../core/clock.ts';
import type { ConflictType } from '../model/conflict.ts';
import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import type { Applier, ApplyTransaction, Checkpoint, Horizon, Write } from '../ports/applier.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import { answerRequest, followDecision, settleFormer } from './decisions.ts';
import type { Turn } from './apply-line.ts';
import { emptyTables } from './empty-tables.ts';
import { settleClash } from './settle-clash.ts';
import type { SettleContext, Settlement } from './settle-context.ts';
import { noteOutside, settleOutside } from './settle-outside.ts';
import { OrphanLeft, settleOrphans, settleParentless, type Attempt } from './settle-orphans.ts';
import { giveUp, settleReleased } from './settle-released.ts';
import { newKeyOf, settle, settleInserts, settleSpooledInserts } from './settle.ts';
import { claimsOf, Holds, pauseOf, removes } from './holds.ts';
import { revisit } from './revisit.ts';
import { isFaultOfValues } from './fault-of-values.ts';
import { faultOf, HELD, isOfTable, setAside, type Fault } from './set-aside.ts';
import type { TableName } from '../model/names.ts';
import { Waves } from './waves.ts';
import type { OfferOutcome } from './offers.ts';
import { settleOffered } from './settle-offered.ts';
import { asWrite, isAlone, isKeylessDelete, isSpooledSteps, type Decided, type Offered, type Requested, type SpooledSteps, type Step, type Truncated, type Work } from './work.ts';

export interface BatchOptions {
  readonly applier: Pick<Applier, 'begin' | 'isTransient' | 'codeOf'>;
  readonly clock: Clock;
  /** Whole source transactions in order; never empty. */
  readonly works: readonly Work[];
  /** Everything of the settling context but the transaction's own state. */
  readonly settling: Omit<SettleContext, 'transaction' | 'touched' | 'decided' | 'inserted' | 'outside' | 'removed' | 'suspects' | 'watched' | 'newlyHeld' | 'types' | 'batch' | 'alone'>;
  /** What earlier attempts at the same works left open; the same object for each of them. */
  readonly attempts: Attempts;
  /** What the changes in quarantine hold back. */
  readonly held: Holds;
  /** Whether to go through the quarantine first: something was asked for, or may be due. Default false. */
  readonly revisit?: boolean;
  /** Changes of the quarantine that are tried at most. Default: all. */
  readonly releaseLimit?: number;
  /** Whether no row is written twice. Default false. */
  readonly distinct?: boolean;
  /** Where other batches of the stream run at the same time. Absent: this one is alone from the start. */
  readonly turn?: Turn;
  /** Why a table is paused; undefined: it is not. Default: none is. */
  readonly pauseOf?: (table: TableName) => Fault | undefined;
}

export interface BatchResult {
  readonly checkpoint: Checkpoint;
  readonly rows: number;
  readonly conflicts: number;
  /** The conflicts recorded, by type. */
  readonly types: ReadonlyMap<ConflictType, number>;
  readonly deferred: number;
  readonly quarantined: number;
  /** For how long its rows were held before they were committed, in milliseconds. */
  readonly heldMs: number;
  /** What became of rows that the source had offered, by the offer's id. */
  readonly offers: ReadonlyMap<string, OfferOutcome>;
  /** Of those, the ones that wait for their whole table. */
  readonly waiting: number;
  /** Tables that the target refused for what they are, and why. */
  readonly refused: ReadonlyMap<TableName, Fault>;
  /** Whether changes have left the quarantine, so that what it holds back must be read anew. */
  readonly released: boolean;
  /** Whether more of them may be due. */
  readonly more: boolean;
}

/** Remembers, between attempts at the same works, a commit whose answer was lost. */
export class Attempts {
  /** Rows to which somebody referred unseen when they were removed: their content must be kept. */
  readonly watched = new Set<string>();
  unanswered: { readonly result: BatchResult; readonly held: Holds; readonly decided: ReadonlySet<string> } | undefined;
}

/**
 * How carefully a batch is applied: rows of many transactions at once; within savepoints, by halves, down to
 * the one change at fault; or so that each also passes what the database would check at the commit only.
 */
type Care = 'joined' | 'careful' | 'strict';

/**
 * Applies whole source transactions in one transaction of the target, with their checkpoint.
 * Either all of it commits or nothing. If it is refused for its values, the same works are applied
 * again in halves, so that exactly the change at fault is set aside.
 *
 * With a turn, only the first, set-based attempt is made: whatever it fails for, its owner applies
 * the same works again, alone and with the same {@link Attempts}.
 */
export async function applyBatch(options: BatchOptions): Promise<BatchResult> {
  if (options.turn) return attempt(options, 'joined');
  for (const care of ['joined', 'careful'] as const) {
    try {
      return await watching(options, care);
    } catch (error) {
      if (!isFaultOfValues(error, options.applier)) throw error;
    }
  }
  return watching(options, 'strict');
}

/** Tries again for each row that is to be kept; each is found once. */
async function watching(options: BatchOptions, care: Care): Promise<BatchResult> {
  for (;;) {
    try {
      return await attempt(options, care);
    } catch (error) {
      if (!(error instanceof OrphanLeft)) throw error;
    }
  }
}

async function attempt(options: BatchOptions, care: Care): Promise<BatchResult> {
  const last = options.works.at(-1);
  if (!last) throw new BanyanError('BANYAN_INTERNAL', { message: 'An empty batch.' });
  const { applier, attempts, clock, turn } = options;
  // A single transaction of the source can not be made smaller, so it waits as long as it takes.
  const transaction = await applier.begin({ beside: turn !== undefined, hurried: options.works.length > 1 });
  const began = clock.monotonic();
  const batch = new Batch(options, transaction, care);
  let committed = false;
  let unsure = false;
  // What it holds, the one that calls it back may need at once.
  const giveUp = (): void => void transaction.rollback().catch(() => {});
  turn?.calledBack.addEventListener('abort', giveUp, { once: true });
  try {
    turn?.calledBack.throwIfAborted();
    // A commit whose answer was lost did take place if the checkpoint says so.
    const reached = transaction.checkpoint;
    const works = reached ? options.works.filter((work) => work.position > reached.position) : options.works;
    const { unanswered } = attempts;
    attempts.unanswered = undefined;
    if (reached && works.length === 0) {
      committed = true;
      if (unanswered) options.held.addAll(unanswered.held);
      await transaction.rollback();
      return unanswered?.result ?? batch.result(reached, 0);
    }
    for (const keyText of unanswered?.decided ?? []) options.settling.knowledge.forgetDecision(keyText, last.position);
    if (options.revisit) await batch.revisit();
    for (const { steps, seen } of works) {
      if (isSpooledSteps(steps)) {
        await batch.spooled({ steps, seen });
        continue;
      }
      await batch.take(steps);
    }
    await batch.finish();
    await batch.checkInserts();
    const result = batch.result({ position: last.position, seen: last.seen }, clock.monotonic() - began);
    await turn?.commit();
    const deletes = options.settling.knowledge.unstoredDeletes();
    if (deletes.size > 0) await transaction.storeDeletes(deletes);
    unsure = true;
    attempts.unanswered = { result, held: batch.newlyHeld, decided: batch.decided };
    try {
      await transaction.commit({ ...result.checkpoint, committedAt: last.committedAt });
    } catch (error) {
      // A server that says why it refused has not committed.
      unsure = !isFaultOfValues(error, applier);
      if (!unsure) attempts.unanswered = undefined;
      throw error;
    }
    attempts.unanswered = undefined;
    committed = true;
    options.settling.knowledge.storedDeletes(deletes);
    options.held.addAll(batch.newlyHeld);
    return result;
  } finally {
    turn?.calledBack.removeEventListener('abort', giveUp);
    if (!committed) await batch.abandon({ unsure });
  }
}

class Batch {
  readonly #options: BatchOptions;
  #context: SettleContext;
  readonly #transaction: ApplyTransaction;
  #waves: Waves;
  #rows = 0;
  #conflicts = 0;
  #deferred = 0;
  #quarantined = 0;
  #waitingForTable = 0;
  readonly #refused = new Map<TableName, Fault>();
  /** Within a savepoint. */
  #undoable = false;
  #released = false;
  #more = false;
  #waiting: Step[] = [];
  readonly #offers = new Map<string, OfferOutcome>();
  readonly #care: Care;
  /** A transaction is being applied that does not stand in memory, */
  #inParts = false;
  /** and it has removed rows that others may refer to. */
  #removedInParts = false;
  /** What was in quarantine before this transaction and still is. */
  #held: Holds;

  constructor(options: BatchOptions, transaction: ApplyTransaction, care: Care) {
    this.#options = options;
    this.#waves = this.#noWaves();
    this.#transaction = transaction;
    this.#care = care;
    this.#held = options.held;
    this.#context = {
      ...options.settling, transaction, touched: new Set(), decided: new Map(), inserted: [], outside: new Map(), newlyHeld: new Holds(), removed: new Map(), suspects: new Map(), watched: options.attempts.watched, types: new Map(),
      batch: options.works.at(-1)?.position ?? ORIGIN_OF_TIME,
      alone: async () => options.turn?.alone(),
      // Another worker that has the stream may have the target's log as well: then it is never read here.
      catchUp: async () => {
        await transaction.confirmClaim();
        await options.settling.catchUp();
      },
    };
  }

  #noWaves(): Waves {
    return new Waves({ distinct: this.#options.distinct ?? false });
  }

  get decided(): ReadonlySet<string> {
    return new Set(this.#context.decided.keys());
  }

  /** What the changes hold back that this transaction puts in quarantine. */
  get newlyHeld(): Holds {
    return this.#context.newlyHeld;
  }

  result(checkpoint: Checkpoint, heldMs: number): BatchResult {
    return {
      checkpoint, rows: this.#rows, conflicts: this.#conflicts, types: this.#context.types, deferred: this.#deferred, quarantined: this.#quarantined, waiting: this.#waitingForTable,
      refused: this.#refused, released: this.#released, more: this.#more, heldMs, offers: this.#offers,
    };
  }

  /** Goes through the quarantine, before anything else is applied. */
  async revisit(): Promise<void> {
    this.#released = true;
    const { held, released, more } = await revisit({
      limit: this.#options.releaseLimit ?? Number.POSITIVE_INFINITY,
      transaction: this.#transaction,
      tableNamed: (name) => this.#options.settling.tableNamed(name),
      translate: (write) => this.#options.settling.translate(write),
      attempt: (step) => this.#attempt(step),
      together: (steps) => this.#whole(() => this.#releasedTogether(steps)),
      giveUp: (write) => giveUp(write, this.#context),
      isPaused: (table) => this.#options.pauseOf?.(table) !== undefined,
      onRefused: (table, fault) => void this.#refused.set(table, fault),
    });
    this.#held = held;
    this.#more = more;
    await settleReleased(released, this.#context);
  }

  /** Takes one step into the set-based path, if it belongs there. */
  join(step: Step): boolean {
    if (!this.#isGroupable(step) || this.#isHeld(step)) return false;
    this.#waves.add(step);
    return true;
  }

  /** Whether it may be written by a statement for many rows, as far as the step itself and memory tell. */
  #isGroupable(step: Step): step is Write {
    return !isAlone(step) && !step.fault && step.newKeyText === undefined && !isKeylessDelete(step) && !this.#options.attempts.watched.has(step.keyText) && !this.#needsLook(step);
  }

  /** Does at once, after all before it, a step that can't be grouped with others. */
  async add(step: Step): Promise<void> {
    await this.#context.alone();
    if (step.kind === 'offered') {
      await this.#offered([step]);
    } else if (step.kind !== 'truncate' && this.#isHeld(step)) {
      await this.#hold(step);
    } else if (isAlone(step)) {
      await this.flush();
      await this.#alone(step);
    } else if (step.fault) {
      await this.flush();
      await this.#setAside(step, this.#faultOfStep(step.fault));
    } else {
      await this.flush();
      await this.#settle(step);
    }
  }

  /** Applies one step by itself, setting it aside if its values are at fault. */
  async one(step: Step): Promise<void> {
    if (step.kind === 'offered') {
      const error = await this.#undoing(() => this.#offered([step]));
      if (error) this.#offers.set(step.offer.id, { state: 'refused', reason: error.message });
    } else if (step.kind === 'truncate') {
      await this.#alone(step);
    } else if (this.#isHeld(step)) {
      await this.#hold(step);
    } else {
      const fault = isAlone(step) || !step.fault ? await this.#attempt(step) : this.#faultOfStep(step.fault);
      if (fault) await this.#setAside(step, fault);
    }
  }

  /** Applies one step by itself; if its values are at fault, undoes it and tells why. */
  async #attempt(step: Write | Decided | Requested): Promise<Fault | undefined> {
    for (let look = 1; ; look++) {
      const error = await this.#undoing(() => (isAlone(step) ? this.#alone(step) : this.#settle(step)));
      if (error === undefined) return undefined;
      const fault = faultOf(error, this.#options.applier.codeOf(error));
      if (!REFUSED_FOR_ANOTHER.has(fault.code) || step.kind === 'requested') return fault;
      const clash = await this.#settleClash({ write: asWrite(step), error, decided: step.kind === 'decided' });
      if (clash === 'settled') return undefined;
      // Nobody stands in the way of what a trigger does: that is never gone.
      if (clash === 'none' || look === LOOKS) return fault;
    }
  }

  /**
   * A transaction that does not stand in memory, a part at a time. Carefully, a part is tried as a whole,
   * then in halves, before steps are taken one by one: savepoints are not free, and few steps have a fault.
   */
  async spooled(work: { readonly steps: SpooledSteps; readonly seen: Position }): Promise<void> {
    await this.#context.alone();
    await this.finish();
    this.#inParts = true;
    for await (const steps of work.steps.parts()) {
      if (this.#care === 'joined') await this.#together(steps);
      else await this.#carefully(steps);
      // The server knows the rows of this transaction; memory holds those of one part.
      this.#context.touched.clear();
      const { inserted, touched } = this.#context;
      const byDecision = inserted.splice(0).filter(({ settled }) => settled !== undefined);
      inserted.push(...byDecision);
      for (const { write } of byDecision) touched.add(write.keyText);
    }
    this.#inParts = false;
    const { conflicts, deferred } = await settleSpooledInserts(work, this.#context);
    this.#conflicts += conflicts;
    this.#deferred += deferred;
    if (!this.#removedInParts) return;
    this.#removedInParts = false;
    // What it removed first may have been referred to until its last part.
    for await (const steps of work.steps.parts()) {
      for (const step of steps) if (step.kind === 'delete') this.#noteRemoved(step);
      await this.#checkReferences();
    }
  }

  /** Takes the next steps in. Carefully, they wait for those that follow, so that few savepoints hold many. */
  async take(steps: readonly Step[]): Promise<void> {
    if (this.#care !== 'joined') this.#waiting.push(...steps);
    else await this.#inOrder(steps);
  }

  /** Each as soon as those before it allow; offers that follow one another together. */
  async #inOrder(steps: readonly Step[]): Promise<void> {
    for (let i = 0; i < steps.length; i++) {
      const offered: Offered[] = [];
      for (let step = steps[i]; step?.kind === 'offered'; step = steps[++i]) offered.push(step);
      if (offered.length > 0) await this.#offered(offered);
      const step = steps[i];
      if (step && !this.join(step)) await this.add(step);
    }
  }

  async #offered(offered: readonly Offered[]): Promise<void> {
    await this.flush();
    await this.#context.alone();
    const free = offered.filter((step) => !this.#isHeld(step));
    for (const { offer } of offered) this.#offers.set(offer.id, { state: 'held' });
    const outcomes = await settleOffered(free, this.#context);
    for (const [i, { offer, write }] of free.entries()) {
      const outcome = outcomes[i];
      if (!outcome) continue;
      this.#offers.set(offer.id, outcome);
      if (outcome.state !== 'repaired') continue;
      this.#rows += 1;
      this.#suspect(write);
      await noteOutside([write], this.#context);
    }
  }

  /** Does what was taken in. */
  async finish(): Promise<void> {
    if (this.#waiting.length > 0) {
      await this.#context.alone();
      await this.#carefully(this.#waiting.splice(0));
    }
    await this.flush();
  }

  async #together(steps: readonly Step[]): Promise<void> {
    await this.#inOrder(steps);
    await this.flush();
  }

  async #carefully(steps: readonly Step[]): Promise<void> {
    if (await this.#asWhole(steps)) return;
    if (steps.length <= FEW) {
      for (const step of steps) await this.one(step);
      return;
    }
    const half = steps.length >>> 1;
    await this.#carefully(steps.slice(0, half));
    await this.#carefully(steps.slice(half));
  }

  /** A change whose table has another form than it has here waits with its whole table. */
  #faultOfStep(fault: Error): Fault {
    const ofTable = isBanyanError(fault, 'BANYAN_SCHEMA_CHANGED') || isBanyanError(fault, 'BANYAN_SCHEMA_CONFLICT');
    return { ...faultOf(fault, 'unknown'), ...(ofTable ? { pauses: true } : {}) };
  }

  /**
   * Changes that leave the quarantine, which nobody may be held behind. Each row is looked at once: what follows
   * is written on top of what this transaction has written.
   */
  async #releasedTogether(steps: readonly (Write | Decided | Requested)[]): Promise<void> {
    this.#waves = new Waves();
    for (const step of steps) {
      if (this.#isGroupable(step) && this.#context.touched.has(step.keyText)) {
        this.#waves.add(step);
        continue;
      }
      await this.flush({ releasing: true });
      await (isAlone(step) ? this.#alone(step) : this.#settle(step));
    }
    await this.flush({ releasing: true });
    this.#waves = this.#noWaves();
  }

  async #asWhole(steps: readonly Step[]): Promise<boolean> {
    return this.#whole(() => this.#together(steps));
  }

  /** False if any step has a fault; then nothing of them was done. */
  async #whole(run: () => Promise<void>): Promise<boolean> {
    const before = { rows: this.#rows, conflicts: this.#conflicts, deferred: this.#deferred, quarantined: this.#quarantined, waiting: this.#waitingForTable };
    if ((await this.#undoing(run)) === undefined) return true;
    this.#waves = this.#noWaves();
    this.#rows = before.rows;
    this.#conflicts = before.conflicts;
    this.#deferred = before.deferred;
    this.#quarantined = before.quarantined;
    this.#waitingForTable = before.waiting;
    return false;
  }

  /** Runs within a savepoint; a fault of the values is undone, in the database and in memory, and given back. */
  async #undoing(run: () => Promise<void>): Promise<Error | undefined> {
    const before = this.#context;
    const within = this.#undoable;
    await this.#transaction.savepoint();
    this.#undoable = true;
    this.#context = {
      ...before, touched: new Set(before.touched), decided: new Map(before.decided),
      inserted: [...before.inserted], outside: new Map(before.outside), newlyHeld: new Holds(before.newlyHeld), types: new Map(before.types),
    };
    try {
      await run();
      if (this.#care === 'strict') await this.#transaction.checkConstraints();
      return undefined;
    } catch (error) {
      if (!isFaultOfValues(error, this.#options.applier)) throw error;
      await this.#transaction.rollbackToSavepoint();
      const { knowledge, batch, decided } = this.#context;
      for (const keyText of decided.keys()) {
        const earlier = before.decided.get(keyText);
        if (earlier) knowledge.recordDecision(keyText, earlier);
        else knowledge.forgetDecision(keyText, batch);
      }
      this.#context = before;
      return error instanceof Error ? error : new Error(messageOf(error), { cause: error });
    } finally {
      this.#undoable = within;
    }
  }

  /** @param options.releasing what is written leaves the quarantine: nothing of it is held back. Default false. */
  async flush({ releasing } = { releasing: false }): Promise<void> {
    if (this.#waves.empty) return;
    const isHeld = (write: Write): boolean => !releasing && this.#isHeld(write);
    const waves = this.#waves;
    // That no row comes twice is said of the works only.
    this.#waves = releasing ? new Waves() : this.#noWaves();
    for (const wave of waves.inOrder()) {
      // No row is twice in a wave, so the statements of its groups need not wait for each other's answers.
      const under = wave.map((group) => {
        // An earlier wave may have ended in a decision about a row of this one.
        const doubtful = group.filter((write) => this.#needsLook(write) || isHeld(write));
        const sure = doubtful.length === 0 ? group : group.filter((write) => !doubtful.includes(write));
        return { sure, doubtful, answer: this.#write(sure) };
      });
      // All of them: one that is still on its way would be answered after what is undone because of another.
      const answers = await allInOrder(under.map(({ answer }) => answer));
      for (const [i, { sure, doubtful }] of under.entries()) {
        const missed = this.#took(sure, answers[i] ?? []);
        await noteOutside(missed.length === 0 ? sure : sure.filter((write) => !missed.includes(write)), this.#context);
        if (missed.length + doubtful.length > 0) await this.#context.alone();
        for (const write of [...missed, ...doubtful]) await (isHeld(write) ? this.#hold(write) : this.#settle(write));
      }
    }
  }

  async #write(writes: readonly Write[]): Promise<readonly number[]> {
    return this.#transaction.write(writes, this.#horizonFor(writes));
  }

  /** Counts what a set-based statement took; gives the rest. */
  #took(writes: readonly Write[], missedIndexes: readonly number[]): Write[] {
    const left = missedIndexes.length === 0 ? undefined : new Set(missedIndexes);
    const missed: Write[] = [];
    writes.forEach((write, i) => {
      if (left?.has(i)) {
        missed.push(write);
        return;
      }
      this.#rows += 1;
      this.#context.touched.add(write.keyText);
      if (write.kind === 'delete') this.#noteRemoved(write);
      if (write.kind === 'insert' && this.#context.authority === 'settles') this.#context.inserted.push({ write });
    });
    return missed;
  }

  /** An insert finds no row to tell of an unseen delete; whether there was one, the target's log knows. */
  async checkInserts(): Promise<void> {
    const { conflicts, deferred } = await settleInserts(this.#context);
    this.#conflicts += conflicts;
    this.#deferred += deferred;
    await this.#checkReferences();
    await settleOutside(this.#context);
  }

  /** Rows that refer to what this transaction has removed. */
  async #checkReferences(): Promise<void> {
    if (this.#context.removed.size + this.#context.suspects.size === 0) return;
    const { conflicts, deferred } = await settleOrphans(this.#context, this.#within);
    this.#conflicts += conflicts;
    this.#deferred += deferred;
  }

  readonly #within: Attempt = async (run) => (await this.#undoing(() => run(this.#context))) === undefined;

  #suspect({ table, key, keyText, kind, newKeyText, row }: Write): void {
    const { authority, links, suspects } = this.#context;
    if (authority !== 'settles' || kind === 'delete' || !links.some(({ child }) => child.name === table.name)) return;
    suspects.set(newKeyText ?? keyText, { table, key: newKeyText !== undefined && row ? newKeyOf({ table, key }, row) : key });
  }

  /** Rolls back and forgets what only this attempt had decided; if it may have committed, the next one will know. */
  async abandon({ unsure }: { readonly unsure: boolean }): Promise<void> {
    if (!unsure) for (const keyText of this.#context.decided.keys()) this.#context.knowledge.forgetDecision(keyText, this.#context.batch);
    try {
      await this.#transaction.rollback();
    } catch (error) {
      // A lost session has rolled back by itself; anything else is a fault of ours.
      if (!this.#options.applier.isTransient(error)) throw error;
    }
  }

  #noteRemoved({ table, key, keyText }: Write): void {
    const { links, removed } = this.#context;
    if (!links.some(({ parent }) => parent.name === table.name)) return;
    if (this.#inParts) this.#removedInParts = true;
    else removed.set(keyText, { ...removed.get(keyText), table, key });
  }

  async #settle(write: Write): Promise<void> {
    const { conflicts, deferred } = await settle(write, this.#context);
    this.#suspect(write);
    await noteOutside([write], this.#context);
    this.#conflicts += conflicts;
    this.#deferred += deferred;
    this.#rows += 1;
  }

  async #alone(step: Decided | Requested | Truncated): Promise<void> {
    if (step.kind === 'truncate') {
      await emptyTables(step, this.#context, (write) => this.#settle(write));
      if (this.#nothingHeld()) return;
      await this.#transaction.overtake(step.tables.map((table) => table.name));
      this.#released = true;
    } else if (step.former) {
      await settleFormer({ table: step.table, former: step.former }, this.#context);
    } else if (step.kind === 'requested') {
      const settled = this.#context.authority === 'settles' && (await settleParentless(step.table, step.key, { context: this.#context, attempt: this.#within }));
      if (settled && settled.conflicts > 0) this.#conflicts += settled.conflicts;
      else await answerRequest(step, this.#context);
    } else {
      const { deferred } = await followDecision(step, this.#context);
      this.#deferred += deferred;
    }
  }

  async #setAside(step: Write | Decided | Requested, fault: Fault): Promise<void> {
    const { table, of = table.name } = asWrite(step);
    if (isOfTable(fault.code) && !this.#refused.has(of)) this.#refused.set(of, fault);
    // A table that can't be written may not let itself be asked either.
    const claims = await setAside(step, fault, { context: this.#context, within: fault.pauses && !this.#undoable ? this.#within : (run) => run(this.#context).then(() => true) });
    this.#context.newlyHeld.add(claims);
    this.#quarantined += 1;
    if (fault.pauses) this.#waitingForTable += 1;
  }

  /** Settles a clash of two rows written concurrently, if it is one, and if it is not gone. */
  async #settleClash({ write, error, decided }: { readonly write: Write; readonly error: Error; readonly decided: boolean }): Promise<'settled' | 'gone' | 'none'> {
    let settlement: Settlement | 'gone' | undefined;
    const fault = await this.#undoing(async () => {
      settlement = await settleClash(write, this.#context, decided);
      // Found to be none only after a part of it was done: that part is undone.
      if (!settlement || settlement === 'gone') throw error;
      this.#suspect(write);
      await noteOutside([write], this.#context);
    });
    if (settlement === 'gone') return 'gone';
    if (fault !== undefined) return fault !== error && REFUSED_FOR_ANOTHER.has(this.#options.applier.codeOf(fault)) ? 'gone' : 'none';
    if (!settlement) return 'none';
    this.#conflicts += settlement.conflicts;
    this.#deferred += settlement.deferred;
    return 'settled';
  }

  async #hold(step: Write | Decided | Requested): Promise<void> {
    // How its row stands is noted: what comes before it must have been written.
    await this.flush();
    const write = asWrite(step);
    const paused = this.#options.pauseOf?.(write.of ?? write.table.name);
    await this.#setAside(step, paused ? { ...paused, pauses: true } : { ...HELD, ...(this.#waitsForTable(write) ? { pauses: true } : {}) });
  }

  #isHeld(step: Write | Decided | Requested | Offered): boolean {
    const { pauseOf: pausing } = this.#options;
    if (this.#nothingHeld() && !pausing) return false;
    const write = asWrite(step);
    if (pausing?.(write.of ?? write.table.name)) return true;
    if (this.#nothingHeld()) return false;
    if (this.#waitsForTable(write)) return true;
    const claims = claimsOf(write);
    return this.#held.block(claims, removes(write)) || this.#context.newlyHeld.block(claims, removes(write));
  }

  /** Behind a change for which the whole table waits. */
  #waitsForTable(write: Write): boolean {
    const name = pauseOf(write);
    return this.#held.owns(name) || this.#context.newlyHeld.owns(name);
  }

  #nothingHeld(): boolean {
    return this.#held.empty && this.#context.newlyHeld.empty;
  }

  /** Whether memory alone shows that the set-based path must not write this row unasked. */
  #needsLook(write: Write): boolean {
    const { knowledge } = this.#context;
    if (knowledge.decision(write.keyText)) return true;
    const tombstone = knowledge.tombstone(write.keyText);
    return tombstone !== undefined && tombstone.position > write.seen;
  }

  #horizonFor(writes: readonly Write[]): Horizon | undefined {
    let seen = writes[0]?.seen;
    for (const write of writes) if (seen !== undefined && write.seen < seen) seen = write.seen;
    return seen === undefined ? undefined : this.#context.knowledge.horizonFor(seen);
  }
}

/** So few steps that it is no use to look for the one at fault by halves. */
const FEW = 8;

/** How often a change is tried whose clashes are gone each time they are looked for. */
const LOOKS = 5;

/** Another row is in the way: a unique index or an exclusion constraint. */
const REFUSED_FOR_ANOTHER: ReadonlySet<string> = new Set(['23505', '23P01']);
