import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { retry } from '../core/retry.ts';
import type { Transaction } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import { otherSide, sourceSide } from '../model/side.ts';
import { sharedName } from '../model/table-mapping.ts';
import type { Applier, Checkpoint, Deleted, Link, TargetTable } from '../ports/applier.ts';
import type { Beginning } from '../ports/change-source.ts';
import { applyBatch, type Attempts, type BatchResult } from './apply-batch.ts';
import { ApplyLine, CalledBack, type Turn } from './apply-line.ts';
import { BatchSize } from './batch-size.ts';
import { batchOf, discardSteps, type Batch } from './batch.ts';
import { Holds } from './holds.ts';
import { LatencyRecord } from './latency.ts';
import { Learner } from './learner.ts';
import { Mapping } from './mapping.ts';
import { discardAll, isInMemory } from './reading.ts';
import { ServiceApplier } from './service-applier.ts';
import { isOfTable } from './set-aside.ts';
import type { DirectionStreamOptions, StreamCounts } from './stream-options.ts';
import { SchemaGate } from './schema-gate.ts';
import { rowsOf, type Work } from './work.ts';
import { WorkQueue } from './work-queue.ts';

const MIB = 1024 * 1024;
const MOST_RELEASED = 1000;

const rowsIn = (works: readonly Work[]): number => works.reduce((sum, work) => sum + rowsOf(work), 0);

/**
 * One direction of a service's sync: reads one side's commits, writes them into the other.
 *
 * Invariants: works are applied in commit order; a checkpoint commits with the rows it stands for;
 * the source is told of a position only after that (see {@link onCheckpoint}).
 */
export class DirectionStream {
  readonly #options: DirectionStreamOptions;
  readonly #queue: WorkQueue;
  readonly #latency = new LatencyRecord();
  readonly #logger: Logger;
  /** In the words that both directions share. */
  readonly #applier: Applier;
  #mapping: Mapping | undefined;
  #targets: ReadonlyMap<TableName, TargetTable> = new Map();
  readonly #schema: SchemaGate | undefined;
  readonly #learner: Learner;
  #links: readonly Link[] = [];
  /** Taken from the queue, and not begun. */
  #taken: readonly Work[] = [];
  #held = new Holds();
  /** Whether something in quarantine may be due. */
  #revisit = false;
  #askedAt = 0;
  readonly #displaced = new Map<string, string>();
  #received: Position = ORIGIN_OF_TIME;
  /** What the source need not keep for the target's sake. */
  #appliable: Position = ORIGIN_OF_TIME;
  #checkpoint: Checkpoint = { position: ORIGIN_OF_TIME, seen: ORIGIN_OF_TIME };
  #checkpointAt = 0;
  /** When reading began, by the wall clock, in microseconds. */
  #openedAt = 0n;
  readonly #line: ApplyLine<Batch>;
  /** How often the writing half stands still until the opposite stream has been read further. */
  #waitsForOther = 0;
  readonly #batchSize: BatchSize;
  /** Changes that leave the quarantine in one transaction at most: each is a row by itself, and other tables wait meanwhile. */
  #releaseAtOnce = 200;
  #lastLatencyMs = 0;
  /** Until when a throttled stream rests, on the clock that never steps back. */
  #restUntil = 0;
  #transactions = 0;
  #rows = 0;
  #conflicts = 0;
  #quarantined = 0;

  constructor(options: DirectionStreamOptions) {
    this.#options = options;
    this.#batchSize = new BatchSize({ most: options.batchRows ?? 2000 });
    this.#applier =
      options.direction === 'monolith-to-service' ? new ServiceApplier({ applier: options.applier, pairs: options.pairs }) : options.applier;
    this.#logger = options.logger.child({ service: options.service, direction: options.direction });
    this.#queue = new WorkQueue({
      clock: options.clock,
      maxRows: options.queueRows ?? 10_000,
      maxBytes: options.queueBytes ?? 32 * MIB,
      overflow: () => (!options.sourceKnowledge.awaited ? 'none' : this.#waitsForOther > 0 ? 'all' : 'some'),
    });
    const { schema } = options;
    this.#schema = schema && new SchemaGate({ watch: schema, mapping: () => this.#mappingNow(), describe: () => this.#describe() });
    this.#learner = new Learner({ ...options, gate: this.#schema, mapping: () => this.#mappingNow() });
    this.#line = new ApplyLine({ clock: options.clock, width: options.applier.sessions, onBroken: () => this.#queue.wake() });
  }

  /** Its tables' forms changed on the target, by other hands: nothing may be decided before they are read again. */
  targetChanged(): void {
    this.#schema?.markStale();
  }

  get counts(): StreamCounts {
    const waiting = this.#line.head?.oldest ?? this.#queue.oldest;
    return {
      received: this.#received,
      applied: this.#checkpoint.position,
      lagMs: waiting ? Math.max(0, this.#options.clock.now() - Number(waiting.committedAt / 1000n)) : this.#lastLatencyMs,
      transactions: this.#transactions,
      rows: this.#rows,
      conflicts: this.#conflicts,
      quarantined: this.#quarantined,
      pausedTables: this.#options.schema?.paused ?? [],
      leftColumns: this.#options.schema?.left ?? [],
      latencyMs: { p50: this.#latency.percentile(0.5), p95: this.#latency.percentile(0.95), p99: this.#latency.percentile(0.99) },
    };
  }

  /** Claims the stream and learns its tables. Must come before {@link run}, and for both directions before either runs. */
  async open(signal: AbortSignal): Promise<Checkpoint> {
    const { sourceKnowledge, schema } = this.#options;
    await this.#patiently(signal, async () => {
      this.#checkpoint = await this.#applier.claim();
      await this.#readHeld();
      await schema?.open();
      await this.#describe();
      // A former worker may have been stopped with something due.
      this.#revisit = !this.#held.empty;
    });
    // The stream begins again at or before the checkpoint, where this much had been seen.
    sourceKnowledge.sawOther(this.#checkpoint.seen);
    this.#received = this.#checkpoint.position;
    return this.#checkpoint;
  }

  /** Learns the target's tables as they are now. Nothing of this stream may run on the target meanwhile. */
  async #describe(): Promise<void> {
    const { pairs, direction, schema } = this.#options;
    const names = pairs.map((pair) => sharedName(pair, pairs));
    const judge = schema?.judge();
    // One that is paused may be no table any more that can be written.
    const described = await this.#applier.describe(names.filter((name) => !this.#targets.has(name) || schema?.pauseOf(name) === undefined));
    this.#targets = new Map([...this.#targets, ...described]);
    this.#mapping = new Mapping({ pairs, direction, targets: this.#targets, ...(judge ? { schema: judge } : {}) });
    this.#links = this.#mapping.links;
  }

  /** Runs until aborted; rejects with the reason, or with the error that no waiting can cure. */
  async run(signal: AbortSignal): Promise<never> {
    const inner = new AbortController();
    const both = AbortSignal.any([signal, inner.signal]);
    const halves = [this.#receive(both), this.#apply(both)];
    const marking = this.#options.marks?.run(both, () => this.acknowledge(this.#appliable));
    try {
      return await Promise.race(halves);
    } finally {
      inner.abort();
      await Promise.allSettled([...halves, marking]);
      await this.#queue.discard();
    }
  }

  /** Tells the source what need not be kept: nothing whose marks are not stored. */
  acknowledge(position: Position): void {
    const { source, marks } = this.#options;
    this.#appliable = position;
    source.acknowledge(marks && marks.stored < position ? marks.stored : position);
  }

  async #receive(signal: AbortSignal): Promise<never> {
    const { source, sourceKnowledge, clock, marks } = this.#options;
    const begins = marks ? { onBegin: (beginning: Beginning) => marks.begin(beginning, signal) } : {};
    this.#openedAt = BigInt(clock.now()) * 1000n;
    return this.#patiently(signal, async (going) => {
      for await (const event of source.stream({ signal, ...begins })) {
        going();
        if (marks?.begun === false) await marks.begin(undefined, signal);
        if (event.kind === 'progress') {
          sourceKnowledge.decodedThrough(event.position);
          marks?.readThrough(event.position);
          if (event.position <= this.#received) continue;
          this.#received = event.position;
          await this.#queue.put(this.#progress(event.position), signal);
          continue;
        }
        const parts = event.kind === 'unit' ? event.parts : [event.transaction];
        const { position } = event.kind === 'unit' ? event : event.transaction;
        const inMemory = parts.filter(isInMemory);
        if (inMemory.length < parts.length) await this.#receiveSpooled(parts, position, signal);
        // After a reconnect the source repeats what was not acknowledged. To learn it again would put older deletes in the place of later ones.
        else if (position > sourceKnowledge.decoded) await this.#enqueue(this.#learner.learn(inMemory, position), signal);
      }
      signal.throwIfAborted();
      throw new Error('Connection terminated: the stream ended');
    });
  }

  /** The same for what does not stand in memory; its disk space is given back unless it is to be applied. */
  async #receiveSpooled(parts: readonly Transaction[], position: Position, signal: AbortSignal): Promise<void> {
    let kept = false;
    try {
      if (position <= this.#options.sourceKnowledge.decoded) return;
      const work = await this.#learner.learnSpooled(parts, position);
      kept = position > this.#received && rowsOf(work) > 0;
      await this.#enqueue(kept ? work : { ...work, steps: [] }, signal);
    } finally {
      if (!kept) await discardAll(parts);
    }
  }

  async #enqueue(work: Work, signal: AbortSignal): Promise<void> {
    this.#options.sourceKnowledge.decodedThrough(work.position);
    this.#options.marks?.readThrough(work.position);
    // What a former worker applied is good to learn from, not to apply again.
    if (work.position <= this.#received) return;
    this.#received = work.position;
    await this.#queue.put(work, signal);
  }

  #progress(position: Position): Work {
    const { clock, sourceKnowledge } = this.#options;
    return {
      position, seen: sourceKnowledge.seenOfOther, committedAt: BigInt(clock.now()) * 1000n,
      steps: [], urgent: false, counts: false,
    };
  }

  async #apply(signal: AbortSignal): Promise<never> {
    const { clock, heartbeatMs = 1000, batchRows = 2000, batchBytes = 8 * MIB } = this.#options;
    await this.#remember(signal);
    let next: Batch | undefined;
    let idleSince = clock.monotonic();
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.#line.broken) {
          next = this.#putBack(next);
          await this.#mend(await this.#line.clear(), signal);
          continue;
        }
        if (this.#schema?.lookDue(clock.monotonic())) {
          next = this.#putBack(next);
          if (this.#line.empty) await this.#lookAtPaused(signal);
          else await this.#line.changed();
          continue;
        }
        if (this.#lookDue()) {
          // The line's transactions have the sessions.
          if (this.#line.empty) await this.#lookForAsked(signal);
          else await this.#line.changed();
          continue;
        }
        const restMs = this.#taken.length > 0 ? 0 : this.#restMs();
        if (!next && restMs > 0) {
          await this.#queue.changed(restMs, signal);
          // Not even a heartbeat comes: another worker may have both the stream and the slot.
          if (!this.#queue.empty || !this.#line.empty) idleSince = clock.monotonic();
          else if (clock.monotonic() - idleSince > 2 * heartbeatMs) {
            idleSince = clock.monotonic();
            await this.#confirmClaim(signal);
          }
          continue;
        }
        idleSince = clock.monotonic();
        // A few rows gain nothing by running ahead: with those that come meanwhile they make one batch.
        if (!next && !this.#line.empty && this.#queue.rows < batchRows / 4) {
          await this.#line.changed();
          continue;
        }
        if (!next && (await this.#throttled(signal))) continue;
        if (!next && (await this.#targetIsBehind(signal))) continue;
        if (!next) {
          const works = this.#taken.length > 0 ? this.#taken : this.#queue.take(this.#batchSize.rows, batchBytes);
          const ready = this.#schema ? this.#schema.split(works) : { first: works, rest: [] };
          this.#taken = ready.rest;
          if (ready.first.length > 0) {
            next = batchOf(ready.first);
          } else {
            // Everything before it must be written as the tables were.
            if (this.#line.empty) await this.#patiently(signal, async () => this.#schema?.fit(this.#taken[0]));
            else await this.#line.changed();
            continue;
          }
        }
        if (this.#revisit ? !this.#line.empty : !this.#line.admits(next.keys)) {
          await this.#line.changed();
        } else {
          const batch = next;
          next = undefined;
          if (this.#revisit) await this.#mend([{ item: batch }], signal);
          else this.#enter(batch, signal);
        }
      }
    } finally {
      for (const { item } of await this.#line.clear()) await discardSteps(item);
      if (next) await discardSteps(next);
      await discardSteps({ works: this.#taken });
    }
  }

  /** What has not begun may have to be put in another form. */
  #putBack(next: Batch | undefined): Batch | undefined {
    if (!next || !this.#schema) return next;
    this.#taken = [...next.works, ...this.#taken];
    return undefined;
  }

  /** Asks both catalogues whether what is paused fits by now; what waited is applied with the next batch. */
  async #lookAtPaused(signal: AbortSignal): Promise<void> {
    const { clock, heartbeatMs: everyMs = 1000 } = this.#options;
    const began = clock.monotonic();
    if (await this.#patiently(signal, async () => this.#schema?.look())) this.#revisit = true;
    this.#schema?.looked({ began, ended: clock.monotonic(), everyMs });
  }

  /**
   * What is settled here asks what the target's log says up to now. While its reading is far behind, nothing
   * is begun: the question would be asked with rows of the target locked. True after a pause.
   */
  async #targetIsBehind(signal: AbortSignal): Promise<boolean> {
    if (this.#options.authority !== 'settles' || this.#options.targetRead()) return false;
    await this.#waitingForOther(() => this.#options.clock.sleep(20, signal));
    return true;
  }

  async #waitingForOther(wait: () => Promise<void>): Promise<void> {
    this.#waitsForOther += 1;
    // Whoever waited for room in the queue looks again whether there is more of it now.
    this.#queue.wake();
    try {
      await wait();
    } finally {
      this.#waitsForOther -= 1;
    }
  }

  /** How long there is nothing to take from the queue, if nothing is put there meanwhile, in milliseconds. */
  #restMs(): number {
    const { clock, heartbeatMs = 1000 } = this.#options;
    if (this.#queue.empty) return heartbeatMs;
    return this.#queue.pressing || this.#revisit ? 0 : this.#checkpointAt + heartbeatMs - clock.monotonic();
  }

  /** Leaves the target the time that is its own; whether it waited. One batch at a time then, so that the pauses are real. */
  async #throttled(signal: AbortSignal): Promise<boolean> {
    const { throttle, clock } = this.#options;
    if (!throttle || throttle.share === 1) return false;
    if (this.#line.empty) {
      const leftMs = this.#restUntil - clock.monotonic();
      if (leftMs <= 0) return false;
      await clock.sleep(leftMs, signal);
    } else {
      await this.#line.changed();
    }
    return true;
  }

  /** After work that was begun then. */
  #rest(began: number): void {
    const { throttle, clock } = this.#options;
    const now = clock.monotonic();
    if (throttle) this.#restUntil = now + throttle.pauseMs(now - began);
  }

  #enter(batch: Batch, signal: AbortSignal): void {
    this.#line.enter(batch, batch.keys, async (turn) => {
      const began = this.#options.clock.monotonic();
      const result = await this.#applyOnce({ ...batch, turn, signal });
      await this.#followReleased(result, signal);
      this.#applied(batch.works, result);
      this.#rest(began);
      await discardSteps(batch);
    });
  }

  /** Applies batches, such as those that the line did not commit, one after the other and each alone. */
  async #mend(batches: readonly { readonly item: Batch; readonly error?: unknown }[], signal: AbortSignal): Promise<void> {
    for (const { error } of batches) {
      if (error !== undefined && !(error instanceof CalledBack)) this.#logger.debug('a batch is applied again', { reason: messageOf(error) });
    }
    if (batches.some(({ error }) => isOfTable(this.#applier.codeOf(error)))) await this.#patiently(signal, async () => this.#schema?.examine(batches.flatMap(({ item }) => item.works)));
    if (batches.some(({ error }) => this.#applier.isContention(error))) this.#contended(batches[0]?.item.works ?? []);
    try {
      for (const { item } of batches) await this.#mendOne(item, signal);
    } finally {
      for (const { item } of batches) await discardSteps(item);
    }
  }

  /**
   * Where writers of the target hold rows that a batch needs, and want rows that it holds, it is applied in
   * smaller and smaller parts. As a whole it might never pass while they go on.
   */
  async #mendOne(batch: Batch, signal: AbortSignal): Promise<void> {
    const { works, attempts } = batch;
    const result = await this.#patiently(signal, async () => {
      await this.#schema?.refresh();
      const current = this.#schema?.current(works) ?? works;
      try {
        return await this.#applyOnce({ ...batch, works: current, ...(current === works ? {} : { distinct: false }), signal });
      } catch (error) {
        if (this.#applier.isOutOfDate(error)) await (this.#schema ? this.#schema.markStale() : this.#describe());
        if (this.#revisit && this.#applier.isContention(error)) this.#releaseAtOnce = Math.max(1, this.#releaseAtOnce >> 1);
        // What may have been committed has to be looked for as a whole.
        if (works.length === 1 || attempts.unanswered || !this.#applier.isContention(error)) throw error;
        return undefined;
      }
    });
    if (!result) {
      this.#contended(works);
      const middle = works.length >> 1;
      for (const part of [works.slice(0, middle), works.slice(middle)]) await this.#mendOne({ ...batchOf(part), attempts }, signal);
      return;
    }
    await this.#followReleased(result, signal);
    this.#applied(works, result);
  }

  /** The next batches are smaller as well: what was given up was waited for in vain. */
  #contended(works: readonly Work[]): void {
    this.#batchSize.contended(rowsIn(works));
    this.#options.metrics.count('banyan_sync_retries_total', { service: this.#options.service, direction: this.#options.direction });
    this.#logger.debug('writers of the target stand in the way; fewer rows at a time', { rows: this.#batchSize.rows });
  }

  async #followReleased(result: BatchResult, signal: AbortSignal): Promise<void> {
    for (const [table, fault] of result.refused) this.#schema?.refused(table, fault);
    if (result.released) await this.#patiently(signal, () => this.#readHeld());
    // A table that was emptied may have freed changes that waited behind its rows.
    this.#revisit = result.more || (result.released && !this.#revisit && !this.#held.empty);
    if (result.released) this.#releaseAtOnce = Math.min(MOST_RELEASED, this.#releaseAtOnce * 2);
    // What waits for a table that nothing pauses would wait for ever.
    if (result.waiting > 0 && !this.#revisit && this.#options.schema?.paused.length === 0) {
      this.#schema?.markStale();
      this.#revisit = true;
    }
  }

  async #readHeld(): Promise<void> {
    const { authority, targetKnowledge } = this.#options;
    const held = new Holds();
    const rows = new Map<string, Deleted | undefined>();
    for (const { claims, keyText, newKeyText, deleted } of await this.#applier.quarantined()) {
      held.add(claims);
      for (const name of [keyText, newKeyText]) if (name !== undefined) rows.set(name, deleted?.get(name) ?? rows.get(name));
    }
    this.#held = held;
    if (authority === 'settles') targetKnowledge.watchOnly(rows);
  }

  #lookDue(): boolean {
    const { clock, heartbeatMs = 1000 } = this.#options;
    return !this.#held.empty && !this.#revisit && clock.monotonic() - this.#askedAt >= heartbeatMs;
  }

  /** Operators ask in the target's own table; it is looked at only while something is in quarantine. */
  async #lookForAsked(signal: AbortSignal): Promise<void> {
    this.#askedAt = this.#options.clock.monotonic();
    this.#revisit = await this.#patiently(signal, () => this.#applier.isAsked());
  }

  /**
   * Waits for {@link DirectionStreamOptions.remembered}, and looks meanwhile whether the stream is still ours:
   * two workers that hold one slot each would otherwise wait for each other for ever.
   */
  async #remember(signal: AbortSignal): Promise<void> {
    const { clock, remembered, heartbeatMs = 1000 } = this.#options;
    let lookedAt = clock.monotonic();
    while (!remembered()) {
      await this.#waitingForOther(() => clock.sleep(5, signal));
      if (clock.monotonic() - lookedAt < heartbeatMs) continue;
      lookedAt = clock.monotonic();
      await this.#confirmClaim(signal);
    }
  }

  /** @throws BANYAN_STREAM_FENCED if another worker has claimed the stream meanwhile. */
  #confirmClaim(signal: AbortSignal): Promise<void> {
    return this.#patiently(signal, async () => (await this.#applier.begin()).rollback());
  }

  async #applyOnce({ works, attempts, distinct, turn, signal }: {
    readonly distinct: boolean;
    readonly works: readonly Work[];
    readonly attempts: Attempts;
    readonly turn?: Turn;
    readonly signal: AbortSignal;
  }): Promise<BatchResult> {
    const { authority, targetKnowledge, resolver, service, direction } = this.#options;
    const mapping = this.#mappingNow();
    return applyBatch({
      applier: this.#applier, clock: this.#options.clock, works, attempts, distinct, held: this.#held, releaseLimit: this.#releaseAtOnce, revisit: turn === undefined && this.#revisit, ...(turn ? { turn } : {}),
      ...(this.#schema ? { pauseOf: (table: TableName) => this.#options.schema?.pauseOf(table) } : {}),
      settling: {
        service, authority, resolver, knowledge: targetKnowledge, displaced: this.#displaced,
        target: otherSide(sourceSide(direction)),
        links: authority === 'follows' ? [] : this.#links,
        keyTextOf: (table, key) => mapping.keyTextOf(table, key), keyOfText: (table, text) => mapping.keyOfText(table, text),
        tableNamed: (name) => mapping.tableNamed(name),
        translate: (write) => mapping.translateAgain(write),
        ...(this.#schema ? { assertFresh: () => this.#schema?.assertFresh() } : {}),
        catchUp: async () => {
          // A one-way stream knows nothing of its target's writers.
          if (authority === 'follows') return;
          const mark = await this.#options.markTarget();
          await this.#waitingForOther(() => targetKnowledge.awaitDecoded(mark, signal));
        },
      },
    });
  }

  #applied(works: readonly Work[], result: BatchResult): void {
    const { clock, metrics, service, direction, onCheckpoint } = this.#options;
    const now = clock.now();
    this.#checkpointAt = clock.monotonic();
    this.#checkpoint = result.checkpoint;
    this.#batchSize.wrote({ rows: rowsIn(works), heldMs: result.heldMs });
    for (const work of works) {
      // A mark tells that the stream is up to date again where nobody writes any more.
      if (work.urgent && !work.counts && rowsOf(work) === 0) this.#lastLatencyMs = Math.max(0, now - Number(work.committedAt / 1000n));
      if (!work.counts) continue;
      this.#transactions += 1;
      this.#lastLatencyMs = Math.max(0, now - Number(work.committedAt / 1000n));
      // What had been waiting before this worker came is not the stream's own slowness.
      if (work.committedAt >= this.#openedAt) this.#latency.record(this.#lastLatencyMs, rowsOf(work));
      metrics.observe('banyan_sync_latency_seconds', this.#lastLatencyMs / 1000, { service, direction });
    }
    this.#rows += result.rows;
    this.#conflicts += result.conflicts;
    this.#quarantined += result.quarantined;
    metrics.count('banyan_sync_rows_total', { service, direction }, result.rows);
    for (const [type, conflicts] of result.types) metrics.count('banyan_sync_conflicts_total', { service, direction, type }, conflicts);
    if (result.quarantined > 0) metrics.count('banyan_sync_quarantined_total', { service, direction }, result.quarantined);
    // Those of a paused table were told of when it was paused.
    if (result.quarantined > result.waiting) this.#logger.error('changes were put in quarantine', { changes: result.quarantined - result.waiting });
    onCheckpoint(result.checkpoint);
    if (result.offers.size > 0) this.#options.onOffers?.(result.offers);
  }

  #patiently<T>(signal: AbortSignal, attempt: (going: () => void) => Promise<T>): Promise<T> {
    const { applier, clock, metrics, service, direction, patienceMs = Infinity } = this.#options;
    return retry(attempt, {
      clock, signal,
      // Others would meet the same locks.
      patienceMs: (error) => (applier.isContention(error) ? Infinity : patienceMs),
      transient: (error) => applier.isTransient(error),
      onRetry: (error, n, pauseMs) => {
        metrics.count('banyan_sync_retries_total', { service, direction });
        this.#logger.warn('trying again', { attempt: n, pauseMs, reason: messageOf(error) });
      },
    });
  }

  #mappingNow(): Mapping {
    if (!this.#mapping) throw new Error('the stream was not opened');
    return this.#mapping;
  }
}
