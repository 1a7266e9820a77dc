import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import type { Applier, ApplyTransaction, Checkpoint, Horizon, Write } from '../ports/applier.ts';
import type { Position } from '../model/position.ts';
import { followDecision, settle, settleClash, type SettleContext } from './settle.ts';
import { Waves } from './waves.ts';
import type { Decided, Step, Truncated, Work } from './work.ts';

export interface BatchOptions {
  readonly applier: Applier;
  /** Whole source transactions in order; never empty. */
  readonly works: readonly Work[];
  /** Everything of the settling context but the transaction's own state. */
  readonly settling: Omit<SettleContext, 'transaction' | 'touched' | 'decided'>;
  /** Rows with a change in quarantine; later changes of theirs are held behind it. */
  readonly held: Set<string>;
}

export interface BatchResult {
  readonly checkpoint: Checkpoint;
  readonly rows: number;
  readonly conflicts: number;
  readonly deferred: number;
  readonly quarantined: number;
}

/**
 * Applies whole source transactions in one transaction of the target, with their checkpoint.
 * Either all of it commits or nothing. If a statement fails for its values, the same works are
 * applied again one change at a time, so that exactly the change at fault is set aside.
 */
export async function applyBatch(options: BatchOptions): Promise<BatchResult> {
  try {
    return await attempt(options, false);
  } catch (error) {
    if (options.applier.isTransient(error) || isBanyanError(error)) throw error;
    return attempt(options, true);
  }
}

async function attempt(options: BatchOptions, careful: boolean): Promise<BatchResult> {
  const last = options.works.at(-1);
  if (!last) throw new BanyanError('BANYAN_INTERNAL', { message: 'An empty batch.' });
  const transaction = await options.applier.begin();
  const batch = new Batch(options, transaction);
  let committed = false;
  try {
    // A commit whose answer was lost did take place if the checkpoint says so.
    const works = options.works.filter((work) => work.position > transaction.checkpoint.position);
    if (works.length === 0) {
      await transaction.rollback();
      committed = true;
      return batch.result(transaction.checkpoint);
    }
    for (const work of works) {
      for (const step of work.steps) await (careful ? batch.one(step) : batch.add(step));
    }
    await batch.flush();
    const checkpoint = { position: last.position, seen: last.seen };
    await transaction.commit({ ...checkpoint, committedAt: last.committedAt });
    committed = true;
    for (const keyText of batch.newlyHeld) options.held.add(keyText);
    return batch.result(checkpoint);
  } finally {
    if (!committed) await batch.abandon();
  }
}

class Batch {
  readonly newlyHeld = new Set<string>();
  readonly #options: BatchOptions;
  readonly #context: SettleContext;
  readonly #transaction: ApplyTransaction;
  #waves = new Waves();
  #rows = 0;
  #conflicts = 0;
  #deferred = 0;
  #quarantined = 0;

  constructor(options: BatchOptions, transaction: ApplyTransaction) {
    this.#options = options;
    this.#transaction = transaction;
    this.#context = { ...options.settling, transaction, touched: new Set(), decided: new Set() };
  }

  result(checkpoint: Checkpoint): BatchResult {
    return {
      checkpoint, rows: this.#rows, conflicts: this.#conflicts, deferred: this.#deferred, quarantined: this.#quarantined,
    };
  }

  /** Takes one step into the set-based path; those that can't be grouped are done at once, in order. */
  async add(step: Step): Promise<void> {
    if (step.kind === 'decided' || step.kind === 'truncate') {
      await this.flush();
      await this.#alone(step);
    } else if (this.#isHeld(step)) {
      await this.#hold(step);
    } else if (step.newKeyText !== undefined || this.#needsLook(step)) {
      await this.flush();
      await this.#settle(step);
    } else {
      this.#waves.add(step);
    }
  }

  /** Applies one step by itself, setting it aside if its values are at fault. */
  async one(step: Step): Promise<void> {
    if (step.kind !== 'decided' && step.kind !== 'truncate' && this.#isHeld(step)) {
      await this.#hold(step);
      return;
    }
    await this.#transaction.savepoint();
    try {
      if (step.kind === 'decided' || step.kind === 'truncate') await this.#alone(step);
      else await this.#settle(step);
    } catch (error) {
      if (this.#options.applier.isTransient(error) || (isBanyanError(error) && error.code !== 'BANYAN_RESOLVER')) throw error;
      await this.#transaction.rollbackToSavepoint();
      if (step.kind === 'truncate') throw error;
      await this.#setAside(step, error);
    }
  }

  async flush(): Promise<void> {
    if (this.#waves.empty) return;
    const waves = this.#waves;
    this.#waves = new Waves();
    for (const writes of waves.groups()) {
      const horizon = this.#horizonFor(writes);
      const missed = await this.#transaction.write(writes, horizon);
      const left = new Set(missed);
      writes.forEach((write, i) => {
        if (!left.has(i)) this.#context.touched.add(write.keyText);
      });
      this.#rows += writes.length - missed.length;
      for (const i of missed) {
        const write = writes[i];
        if (write) await this.#settle(write);
      }
    }
  }

  /** Rolls back and forgets what only this attempt had decided. */
  async abandon(): Promise<void> {
    for (const keyText of this.#context.decided) this.#context.knowledge.forgetDecision(keyText);
    try {
      await this.#transaction.rollback();
    } catch (error) {
      // A lost session has rolled back by itself; anything else is a fault of ours.
      if (!this.#options.applier.isTransient(error)) throw error;
    }
  }

  async #settle(write: Write): Promise<void> {
    const { conflicts, deferred } = await settle(write, this.#context);
    this.#conflicts += conflicts;
    this.#deferred += deferred;
    this.#rows += 1;
    if (write.newKeyText !== undefined) this.#context.touched.add(write.newKeyText);
  }

  async #alone(step: Decided | Truncated): Promise<void> {
    if (step.kind === 'truncate') {
      await this.#transaction.truncate(step.tables, { restartIdentity: step.restartIdentity });
    } else {
      const { deferred } = await followDecision(step, this.#context);
      this.#deferred += deferred;
    }
  }

  async #setAside(step: Write | Decided, error: unknown): Promise<void> {
    const write: Write =
      step.kind === 'decided'
        ? {
            kind: step.row ? 'insert' : 'delete', table: step.table, key: step.key, keyText: step.keyText,
            ...(step.row ? { row: step.row } : {}), position: 0n as Position, committedAt: 0n, seen: step.seen,
          }
        : step;
    const code = this.#options.applier.codeOf(error);
    if (code === UNIQUE_VIOLATION) {
      const settlement = await settleClash(write, this.#context);
      if (settlement) {
        this.#conflicts += settlement.conflicts;
        this.#deferred += settlement.deferred;
        return;
      }
    }
    await this.#transaction.quarantine({ write, code: isBanyanError(error) ? error.code : code, reason: messageOf(error) });
    this.newlyHeld.add(write.keyText);
    this.#quarantined += 1;
  }

  async #hold(write: Write): Promise<void> {
    await this.#transaction.quarantine({ write, code: 'held', reason: 'an earlier change of this row is in quarantine' });
    if (write.newKeyText !== undefined) this.newlyHeld.add(write.newKeyText);
    this.#quarantined += 1;
  }

  #isHeld(write: Write): boolean {
    return this.#options.held.has(write.keyText) || this.newlyHeld.has(write.keyText);
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

const UNIQUE_VIOLATION = '23505';
