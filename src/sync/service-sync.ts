import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { retry } from '../core/retry.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import { directionFrom, otherSide, sourceSide, type Direction, type Side } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { Applier, Beginning, Checkpoint, Horizon } from '../ports/applier.ts';
import type { ChangeSource } from '../ports/change-source.ts';
import type { MarkStore } from '../ports/mark-store.ts';
import type { TableCatalog } from '../ports/table-catalog.ts';
import { ClockSkewWatch, type ClockReading, type ClockSkew } from './clock-skew.ts';
import type { ConflictResolver } from './conflict.ts';
import { DirectionStream } from './direction-stream.ts';
import { MarkKeeper } from './mark-keeper.ts';
import { Offers } from './offers.ts';
import type { TouchedLimits } from './touched.ts';
import type { AdditivePolicy } from './schema-fit.ts';
import { SchemaWatch } from './schema-watch.ts';
import type { StreamCounts } from './stream-options.ts';
import { Knowledge } from './knowledge.ts';
import type { Throttle } from '../core/throttle.ts';

export type SyncMode = 'bidirectional' | Direction;

/** One end of a service's sync. */
export interface SyncEnd {
  /** Capture of this side's commits; needed where a stream leaves it. */
  readonly source?: ChangeSource;
  /** Writes the other side's changes here; needed where a stream reaches it. */
  readonly applier?: Applier;
  /** The origin under which `applier` writes here. */
  readonly replayOrigin?: string;
  /** Writes a mark into this side's log and gives a position before it. */
  readonly mark: () => Promise<Position>;
  /** A fresh horizon of this side. */
  readonly horizon: () => Promise<Horizon>;
  /** This side's catalogue. With both sides' the tables' forms are watched; absent: a table whose target lacks a column stops the stream. */
  readonly catalog?: TableCatalog;
  /** When a one-way stream to this side began. Absent: with this worker. */
  readonly beginning?: Beginning;
  /** This side's clock as seen from here; absent: not watched. */
  readonly clock?: () => Promise<ClockReading>;
}

export interface ServiceSyncOptions {
  readonly service: string;
  readonly mode: SyncMode;
  readonly ends: Readonly<Record<Side, SyncEnd>>;
  readonly pairs: readonly TableMapping[];
  readonly resolver: ConflictResolver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly batchRows?: number;
  readonly queueRows?: number;
  readonly queueBytes?: number;
  /** Commits and deletes of each side that are remembered in the heap; more are packed outside it. Default 50,000. */
  readonly recentSize?: number;
  /** Pause between heartbeats, in milliseconds. Default 1000. Costs each side one small write per pause. */
  readonly heartbeatMs?: number;
  /** End with the error when a side can not be worked with for this long, in milliseconds. Default: never. */
  readonly patienceMs?: number;
  /** Slows the stream that writes to the monolith. Default: never. */
  readonly throttle?: Pick<Throttle, 'share' | 'pauseMs'>;
  /** Where columns that one side has got are added on the other. Default `service`. */
  readonly additive?: AdditivePolicy;
  /** Where the streams keep which rows they read changes of, for incremental validation. Default: nowhere, and it is not possible. */
  readonly marks?: { readonly store: MarkStore; readonly everyMs?: number; readonly limits?: TouchedLimits };
  /** Most milliseconds by which the servers' clocks may differ unremarked. Default 1000. */
  readonly clockSkewToleranceMs?: number;
}

/**
 * Keeps one service's tables equal on both sides. The two directions share what their streams tell:
 * each needs to know what the other's source had seen.
 */
export class ServiceSync {
  readonly #options: ServiceSyncOptions;
  readonly #knowledge: Readonly<Record<Side, Knowledge>>;
  readonly #streams = new Map<Direction, DirectionStream>();
  readonly #checkpoints = new Map<Direction, Checkpoint>();
  /** Of each source, where the last two heartbeats were. */
  readonly #marks: Record<Side, { readonly before: Position; readonly last: Position }> = {
    monolith: { before: ORIGIN_OF_TIME, last: ORIGIN_OF_TIME }, service: { before: ORIGIN_OF_TIME, last: ORIGIN_OF_TIME },
  };
  readonly #clocks = new ClockSkewWatch();
  /** What the streams find out about rows that a side offers. */
  readonly offers = new Offers();
  #skewed = false;

  constructor(options: ServiceSyncOptions) {
    this.#options = options;
    const { clock, recentSize } = options;
    const knowledge = (): Knowledge => new Knowledge({ clock, ...(recentSize === undefined ? {} : { recentSize }) });
    this.#knowledge = { monolith: knowledge(), service: knowledge() };
    for (const direction of directionsOf(options.mode)) this.#streams.set(direction, this.#stream(direction));
  }

  status(): ReadonlyMap<Direction, StreamCounts> {
    return new Map([...this.#streams].map(([direction, stream]) => [direction, stream.counts]));
  }

  /** How far the service's clock is ahead of the monolith's; undefined until both have been read. */
  get clockSkew(): ClockSkew | undefined {
    return this.#clocks.skew;
  }

  /** Resolves when each running direction has applied what its source had committed before the call. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    for (const [direction, stream] of this.#streams) {
      const position = await this.#options.ends[sourceSide(direction)].mark();
      while (stream.counts.applied < position) await this.#options.clock.sleep(5, signal);
    }
  }

  /** Runs until aborted (then resolves), or until an error that no waiting can cure. */
  async run(signal: AbortSignal): Promise<void> {
    const inner = new AbortController();
    const both = AbortSignal.any([signal, inner.signal]);
    const running: Promise<unknown>[] = [];
    try {
      for (const [direction, stream] of this.#streams) {
        this.#checkpoints.set(direction, await stream.open(both));
        await this.#ownWriters(direction, both);
      }
      for (const stream of this.#streams.values()) running.push(stream.run(both));
      running.push(this.#heartbeat(both));
      await Promise.race(running);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      inner.abort();
      await Promise.allSettled(running);
      for (const side of ['monolith', 'service'] as const) await this.#options.ends[side].applier?.close();
    }
  }

  #stream(direction: Direction): DirectionStream {
    const { ends, mode, service, pairs, resolver, clock, logger, metrics, batchRows, queueRows, queueBytes, heartbeatMs, patienceMs } = this.#options;
    const from = sourceSide(direction);
    const to = otherSide(from);
    const { source } = ends[from];
    const { applier } = ends[to];
    if (!source || !applier) throw new Error(`${direction} needs a source at one end and an applier at the other`);
    const { monolith, service: there } = { monolith: ends.monolith.catalog, service: ends.service.catalog };
    const schema = monolith && there && new SchemaWatch({
      service, direction, stream: `${service}/${direction}`, pairs, additive: this.#options.additive ?? 'service', clock, logger,
      catalogs: { monolith, service: there },
      // What this log shows of its tables' new form, the stream that writes into them has to know as well.
      onNews: () => this.#streams.get(directionFrom(to))?.targetChanged(),
    });
    const { marks } = this.#options;
    return new DirectionStream({
      ...(marks ? { marks: new MarkKeeper({ ...marks, stream: { service, direction }, pairs, clock, logger: logger.child({ service, direction }) }) } : {}),
      service, direction, source, applier, pairs, resolver, clock, logger, metrics,
      authority: mode !== 'bidirectional' ? 'follows' : to === 'monolith' ? 'settles' : 'defers',
      sourceKnowledge: this.#knowledge[from],
      targetKnowledge: this.#knowledge[to],
      echoOrigin: ends[from].replayOrigin,
      ownTables: { mark: 'banyan.mark', conflict: 'banyan.conflict', request: 'banyan.request' },
      ...(schema ? { schema } : {}),
      targetRead: () => this.#knowledge[to].decoded >= this.#marks[to].before,
      markTarget: ends[to].mark,
      ...(batchRows === undefined ? {} : { batchRows }),
      ...(queueRows === undefined ? {} : { queueRows }),
      ...(queueBytes === undefined ? {} : { queueBytes }),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
      ...(patienceMs === undefined ? {} : { patienceMs }),
      ...(to === 'monolith' && this.#options.throttle ? { throttle: this.#options.throttle } : {}),
      remembered: () => this.#remembered(direction),
      onCheckpoint: (checkpoint) => this.#checkpointed(direction, checkpoint),
      onOffers: (outcomes) => this.offers.settled(outcomes),
    });
  }

  /**
   * A source may forget a position when it is durable at the target *and* the opposite stream's
   * checkpoint has seen it: after a restart the source's stream must tell again of every commit that
   * a change still to come may not have seen.
   */
  #checkpointed(direction: Direction, checkpoint: Checkpoint): void {
    this.#checkpoints.set(direction, checkpoint);
    for (const [each, stream] of this.#streams) {
      const own = this.#checkpoints.get(each);
      const opposite = this.#checkpoints.get(directionFrom(otherSide(sourceSide(each))));
      if (!own) continue;
      const position = opposite && opposite.seen < own.position ? opposite.seen : own.position;
      stream.acknowledge(position);
    }
    this.#knowledge[otherSide(sourceSide(direction))].forget(checkpoint.seen);
  }

  /**
   * What a former worker had learned and decided is read again before the first change is judged:
   * the target's stream up to where it had been applied, and past everything this stream had written there.
   */
  #remembered(direction: Direction): boolean {
    const to = otherSide(sourceSide(direction));
    // The service's side decides nothing and must not wait: each would wait for the other's reading behind a full queue.
    if (to === 'service') return true;
    const own = this.#checkpoints.get(direction);
    const opposite = this.#checkpoints.get(directionFrom(to));
    return !own || !opposite || this.#knowledge[to].hasRead({ decoded: opposite.position, seen: own.position });
  }

  /** Keeps quiet databases moving, and learns the horizons that let the set-based path be sure of older rows. */
  async #heartbeat(signal: AbortSignal): Promise<never> {
    const { ends, clock, mode, heartbeatMs = 1000, logger } = this.#options;
    for (;;) {
      for (const direction of this.#streams.keys()) {
        const from = sourceSide(direction);
        const to = otherSide(from);
        try {
          if (mode === 'bidirectional') this.#knowledge[to].addHorizon(await ends[to].horizon());
          this.#marks[from] = { before: this.#marks[from].last, last: await ends[from].mark() };
          if (mode === 'bidirectional') await this.#readClock(from);
        } catch (error) {
          if (!ends[to].applier?.isTransient(error)) throw error;
          logger.warn('a heartbeat failed', { direction, reason: messageOf(error) });
        }
      }
      this.#watchClocks();
      await clock.sleep(heartbeatMs, signal);
    }
  }

  async #readClock(side: Side): Promise<void> {
    const reading = await this.#options.ends[side].clock?.();
    if (reading) this.#clocks.add(side, reading);
  }

  /** The last write wins by these clocks. */
  #watchClocks(): void {
    const { service, logger, metrics, clockSkewToleranceMs = 1000 } = this.#options;
    const { skew } = this.#clocks;
    if (!skew) return;
    metrics.gauge('banyan_sync_clock_skew_seconds', skew.skewMs / 1000, { service });
    metrics.gauge('banyan_sync_clock_skew_uncertainty_seconds', skew.uncertaintyMs / 1000, { service });
    const beyond = this.#clocks.beyond(clockSkewToleranceMs);
    if (beyond === this.#skewed) return;
    this.#skewed = beyond;
    const details = { service, skewMs: Math.round(skew.skewMs), uncertaintyMs: Math.ceil(skew.uncertaintyMs), toleranceMs: clockSkewToleranceMs };
    if (beyond) logger.warn("the servers' clocks differ: the side that is ahead wins conflicts it should lose", details);
    else logger.info("the servers' clocks agree again", details);
  }

  /** A one-way stream never hears of its target's writers: what was there before it began is not in conflict with it. */
  async #ownWriters(direction: Direction, signal: AbortSignal): Promise<void> {
    const { mode, ends, clock } = this.#options;
    const to = otherSide(sourceSide(direction));
    const { beginning, horizon, applier } = ends[to];
    const retried = <T>(attempt: () => Promise<T>): Promise<T> => retry(attempt, { clock, signal, transient: (error) => applier?.isTransient(error) ?? false });
    if (mode === 'bidirectional') {
      await retried(async () => beginning?.forget());
      return;
    }
    // A worker that begins anew must not take for older what was written while it was away.
    const xid = await retried(async () => beginning?.keep() ?? (await horizon()).xid);
    this.#knowledge[to].addHorizon({ xid, position: ORIGIN_OF_TIME });
  }
}

export function directionsOf(mode: SyncMode): readonly Direction[] {
  return mode === 'bidirectional' ? ['monolith-to-service', 'service-to-monolith'] : [mode];
}
