import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { retry } from '../core/retry.ts';
import type { Change, Transaction } from '../model/change.ts';
import { parseTableName } from '../model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import { otherSide, sourceSide } from '../model/side.ts';
import { sharedName } from '../model/table-mapping.ts';
import type { Applier, Checkpoint, Deleted, Link } from '../ports/applier.ts';
import { applyBatch, type Attempts, type BatchResult } from './apply-batch.ts';
import { ApplyLine, CalledBack, type Turn } from './apply-line.ts';
import { batchOf, discardSteps, type Batch } from './batch.ts';
import { Holds } from './holds.ts';
import { LatencyRecord } from './latency.ts';
import { Mapping } from './mapping.ts';
import { discardAll, inParts, isInMemory, parseNamed, textsOf, type InMemory, type Reading } from './reading.ts';
import { ServiceApplier } from './service-applier.ts';
import type { DirectionStreamOptions, StreamCounts } from './stream-options.ts';
import { ordered, rowsOf, type Decided, type Step, type Work } from './work.ts';
import { WorkQueue } from './work-queue.ts';

const MIB = 1024 * 1024;

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
  #links: readonly Link[] = [];
  #held = new Holds();
  /** Whether something in quarantine may be due. */
  #revisit = false;
  #askedAt = 0;
  readonly #displaced = new Map<string, string>();
  #received: Position = ORIGIN_OF_TIME;
  #checkpoint: Checkpoint = { position: ORIGIN_OF_TIME, seen: ORIGIN_OF_TIME };
  #checkpointAt = 0;
  /** When reading began, by the wall clock, in microseconds. */
  #openedAt = 0n;
  readonly #line: ApplyLine<Batch>;
  /** How often the writing half stands still until the opposite stream has been read further. */
  #waitsForOther = 0;
  /** Rows of a batch at most; less than configured after a deadlock, and slowly more again. */
  #rowsAtOnce: number;
  #lastLatencyMs = 0;
  /** Until when a throttled stream rests, on the clock that never steps back. */
  #restUntil = 0;
  #transactions = 0;
  #rows = 0;
  #conflicts = 0;
  #quarantined = 0;

  constructor(options: DirectionStreamOptions) {
    this.#options = options;
    this.#rowsAtOnce = options.batchRows ?? 2000;
    this.#applier =
      options.direction === 'monolith-to-service' ? new ServiceApplier({ applier: options.applier, pairs: options.pairs }) : options.applier;
    this.#logger = options.logger.child({ service: options.service, direction: options.direction });
    this.#queue = new WorkQueue({
      clock: options.clock,
      maxRows: options.queueRows ?? 10_000,
      maxBytes: options.queueBytes ?? 32 * MIB,
      overflow: () => (!options.sourceKnowledge.awaited ? 'none' : this.#waitsForOther > 0 ? 'all' : 'some'),
    });
    this.#line = new ApplyLine({ clock: options.clock, width: options.applier.sessions, onBroken: () => this.#queue.wake() });
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
      latencyMs: { p50: this.#latency.percentile(0.5), p95: this.#latency.percentile(0.95), p99: this.#latency.percentile(0.99) },
    };
  }

  /** Claims the stream and learns its tables. Must come before {@link run}, and for both directions before either runs. */
  async open(signal: AbortSignal): Promise<Checkpoint> {
    const { pairs, direction, sourceKnowledge } = this.#options;
    const applier = this.#applier;
    await this.#patiently(signal, async () => {
      this.#checkpoint = await applier.claim();
      const targets = await applier.describe(pairs.map((pair) => sharedName(pair, pairs)));
      this.#mapping = new Mapping({ pairs, direction, targets });
      this.#links = this.#mapping.links;
      await this.#readHeld();
      // A former worker may have been stopped with something due.
      this.#revisit = !this.#held.empty;
    });
    // The stream begins again at or before the checkpoint, where this much had been seen.
    sourceKnowledge.sawOther(this.#checkpoint.seen);
    this.#received = this.#checkpoint.position;
    return this.#checkpoint;
  }

  /** Runs until aborted; rejects with the reason, or with the error that no waiting can cure. */
  async run(signal: AbortSignal): Promise<never> {
    const inner = new AbortController();
    const both = AbortSignal.any([signal, inner.signal]);
    const halves = [this.#receive(both), this.#apply(both)];
    try {
      return await Promise.race(halves);
    } finally {
      inner.abort();
      await Promise.allSettled(halves);
      await this.#queue.discard();
    }
  }

  /** Tells the source what need not be kept. */
  acknowledge(position: Position): void {
    this.#options.source.acknowledge(position);
  }

  async #receive(signal: AbortSignal): Promise<never> {
    const { source, sourceKnowledge, clock } = this.#options;
    this.#openedAt = BigInt(clock.now()) * 1000n;
    return this.#patiently(signal, async () => {
      for await (const event of source.stream({ signal })) {
        if (event.kind === 'progress') {
          sourceKnowledge.decodedThrough(event.position);
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
        else if (position > sourceKnowledge.decoded) await this.#enqueue(this.#learn(inMemory, position), signal);
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
      const work = await this.#learnSpooled(parts, position);
      kept = position > this.#received && rowsOf(work) > 0;
      await this.#enqueue(kept ? work : { ...work, steps: [] }, signal);
    } finally {
      if (!kept) await discardAll(parts);
    }
  }

  async #enqueue(work: Work, signal: AbortSignal): Promise<void> {
    this.#options.sourceKnowledge.decodedThrough(work.position);
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

  /** Notes what a transaction, or a unit of several, tells of its side, and translates it into one work. */
  #learn(parts: readonly InMemory[], position: Position): Work {
    const steps: Step[] = [];
    let urgent = false;
    let counts = false;
    let bytes = 0;
    for (const part of parts) {
      const reading = this.#learnCommit(part);
      const before = steps.length;
      this.#translate(part.changes, reading, steps);
      urgent ||= reading.marked;
      if (!reading.echo && steps.length > before) counts = true;
      bytes += part.bytes ?? 0;
    }
    return {
      position, seen: this.#options.sourceKnowledge.seenOfOther, committedAt: parts.at(-1)?.committedAt ?? 0n,
      steps, bytes, urgent: urgent || steps.length > 0, counts,
    };
  }

  /** Reads all of it once, to learn from it; to be applied, it is read again. */
  async #learnSpooled(parts: readonly Transaction[], position: Position): Promise<Work> {
    const readings: { readonly part: Transaction; readonly reading: Reading }[] = [];
    let count = 0;
    let urgent = false;
    let counts = false;
    for (const part of parts) {
      const reading = this.#learnCommit(part);
      const before = count;
      for await (const changes of inParts(part)) count += this.#translate(changes, reading, []).length;
      urgent ||= reading.marked;
      if (!reading.echo && count > before) counts = true;
      readings.push({ part, reading: { ...reading, learning: false } });
    }
    const translate = (changes: readonly Change[], reading: Reading): readonly Step[] => this.#translate(changes, reading, []);
    return {
      position, seen: this.#options.sourceKnowledge.seenOfOther, committedAt: parts.at(-1)?.committedAt ?? 0n,
      urgent: urgent || count > 0, counts,
      steps: {
        count,
        async *parts() {
          for (const { part, reading } of readings) for await (const changes of inParts(part)) yield translate(changes, reading);
        },
        discard: () => discardAll(parts),
      },
    };
  }

  #learnCommit(transaction: Transaction): Reading {
    const { sourceKnowledge, echoOrigin } = this.#options;
    const { position, committedAt, origin } = transaction;
    const echo = origin !== undefined && origin.name === echoOrigin;
    if (echo) sourceKnowledge.sawOther(origin.position);
    else sourceKnowledge.recordCommit(transaction);
    return { position, committedAt, seen: sourceKnowledge.seenOfOther, batch: origin?.position ?? ORIGIN_OF_TIME, echo, learning: true, marked: false };
  }

  #translate(changes: readonly Change[], reading: Reading, steps: Step[]): readonly Step[] {
    for (const change of changes) {
      const own = this.#ownTable(change);
      if (own === 'mark') reading.marked = true;
      else if (own === 'conflict' && reading.echo) this.#decision(change, reading, steps);
      else if (own === 'request' && reading.echo) this.#request(change, reading, steps);
      else if (own === undefined && !reading.echo) this.#step(change, reading, steps);
    }
    return steps;
  }

  #ownTable(change: Change): 'mark' | 'conflict' | 'request' | 'other' | undefined {
    const name: string = change.kind === 'truncate' ? (change.relations[0]?.table ?? '') : change.relation.table;
    if (!name.startsWith('banyan.')) return undefined;
    const { ownTables } = this.#options;
    if (name === ownTables.mark) return 'mark';
    if (name === ownTables.request) return 'request';
    return name === ownTables.conflict ? 'conflict' : 'other';
  }

  #step(change: Change, reading: Reading, steps: Step[]): void {
    const { sourceKnowledge } = this.#options;
    const mapping = this.#mappingNow();
    if (change.kind === 'truncate') {
      const tables = change.relations.flatMap((relation) => mapping.targetsOf(relation));
      if (tables.length > 0) steps.push({ kind: 'truncate', tables, restartIdentity: change.restartIdentity });
      return;
    }
    const { position, committedAt, seen } = reading;
    for (const write of mapping.writesOf(change, { position, committedAt, seen })) {
      steps.push(write);
      // Rows without a key have no history to remember.
      if (!reading.learning || write.table.key.length === 0) continue;
      if (write.kind === 'delete' || write.newKeyText !== undefined) sourceKnowledge.recordDelete(write.keyText, reading);
      if (write.kind === 'insert') sourceKnowledge.recordInsert(write.keyText);
      if (write.newKeyText !== undefined) sourceKnowledge.recordInsert(write.newKeyText);
    }
  }

  /** A conflict's record in an echo carries what was decided; the row itself may lack unchanged values there. */
  #decision(change: Change, reading: Reading, steps: Step[]): void {
    if (change.kind !== 'insert') return;
    const text = textsOf(change);
    if (text('service') !== this.#options.service || text('decided') !== 't') return;
    const about = this.#mappingNow().rowOf(parseTableName(text('table_name') ?? ''), parseNamed(text('key') ?? '{}'));
    if (!about) return;
    const winner = text('standing');
    if (reading.learning) {
      this.#options.sourceKnowledge.placeDecision(about.keyText, {
        position: reading.position,
        batch: reading.batch,
        winner: winner === 'service' || winner === 'merged' ? winner : 'monolith',
        committedAt: BigInt(text('standing_at') ?? '0'),
      });
    }
    const row = text('decision');
    const decided: Decided = {
      kind: 'decided', ...about,
      row: row === undefined ? null : ordered(about.table, parseNamed(row)),
      seen: reading.seen, position: reading.position, committedAt: reading.committedAt,
    };
    steps.push(decided);
  }

  /** The applier at this stream's source could not write a row, and asks for it. */
  #request(change: Change, { position, committedAt, seen }: Reading, steps: Step[]): void {
    if (change.kind !== 'insert') return;
    const text = textsOf(change);
    if (text('service') !== this.#options.service) return;
    const row = this.#mappingNow().rowOf(parseTableName(text('table_name') ?? ''), parseNamed(text('key') ?? '{}'));
    if (row) steps.push({ kind: 'requested', ...row, position, committedAt, seen, evenIfGone: text('even_if_gone') === 't' });
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
          await this.#mend(await this.#line.clear(), signal);
          continue;
        }
        if (this.#lookDue()) {
          // The line's transactions have the sessions.
          if (this.#line.empty) await this.#lookForAsked(signal);
          else await this.#line.changed();
          continue;
        }
        const restMs = this.#restMs();
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
        next ??= batchOf(this.#queue.take(Math.min(batchRows, this.#rowsAtOnce), batchBytes));
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
    }
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
      try {
        return await this.#applyOnce({ ...batch, signal });
      } catch (error) {
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

  /** The next batches are smaller as well, for each that is given up costs the server's deadlock timeout. */
  #contended(works: readonly Work[]): void {
    const rows = works.reduce((sum, work) => sum + rowsOf(work), 0);
    this.#rowsAtOnce = Math.max(1, Math.min(this.#rowsAtOnce, rows) >> 1);
    this.#options.metrics.count('banyan_sync_retries_total', { service: this.#options.service, direction: this.#options.direction });
    this.#logger.debug('writers of the target stand in the way; fewer rows at a time', { rows: this.#rowsAtOnce });
  }

  async #followReleased(result: BatchResult, signal: AbortSignal): Promise<void> {
    if (result.released) await this.#patiently(signal, () => this.#readHeld());
    // A table that was emptied may have freed changes that waited behind its rows.
    this.#revisit = result.released && !this.#revisit && !this.#held.empty;
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
      applier: this.#applier, works, attempts, distinct, held: this.#held, revisit: turn === undefined && this.#revisit, ...(turn ? { turn } : {}),
      settling: {
        service, authority, resolver, knowledge: targetKnowledge, displaced: this.#displaced,
        target: otherSide(sourceSide(direction)),
        links: authority === 'follows' ? [] : this.#links,
        keyTextOf: (table, key) => mapping.keyTextOf(table, key),
        tableNamed: (name) => mapping.tableNamed(name),
        translate: (write) => mapping.translateAgain(write),
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
    this.#rowsAtOnce = Math.min(this.#options.batchRows ?? 2000, Math.ceil(this.#rowsAtOnce * 1.1));
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
    if (result.quarantined > 0) {
      metrics.count('banyan_sync_quarantined_total', { service, direction }, result.quarantined);
      this.#logger.error('changes were put in quarantine', { changes: result.quarantined });
    }
    onCheckpoint(result.checkpoint);
  }

  #patiently<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const { applier, clock, metrics, service, direction } = this.#options;
    return retry(attempt, {
      clock, signal,
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
