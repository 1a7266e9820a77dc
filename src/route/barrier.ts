import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import { otherSide, type Side } from '../model/side.ts';
import type { Fence } from '../ports/fence.ts';
import { FenceBatches, type FenceBatch } from './fence-batches.ts';
import { TIME_IS_OVER, within } from './within.ts';
import { xxh32 } from './xxh32.ts';

export interface CausalBarrierOptions {
  readonly fence: Fence;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Longest time, in milliseconds, that a request waits for its user's own writes. */
  readonly boundMs: number;
  /** Most users with unfinished writes remembered per service and side. */
  readonly maxKeys: number;
  readonly signal: AbortSignal;
}

/** Writes on one side of one service that the other side may not have applied yet. */
interface Track {
  readonly batches: FenceBatches;
  readonly byKey: Map<string, FenceBatch>;
  /** When the map is full, the latest batch of those who found no room: everybody waits for it. */
  crowd: FenceBatch | null;
}

/** `batches`, and those of the track that a user has to wait for. */
function owed(track: Track, key: string, batches: FenceBatch[] | undefined): FenceBatch[] | undefined {
  const own = track.byKey.size === 0 ? undefined : track.byKey.get(key);
  if (!own && !track.crowd) return batches;
  return [...(batches ?? []), ...(own ? [own] : []), ...(track.crowd ? [track.crowd] : [])];
}

const MAX_KEY_LENGTH = 256;

/** Clients choose their keys' length. Two long keys that meet in one digest only wait for each other. */
const shortened = (key: string): string =>
  key.length <= MAX_KEY_LENGTH ? key : `${key.slice(0, 64)}#${xxh32(key, 2)}#${xxh32(key, 3)}`;

/**
 * A user reads his own writes across both sides: after an unsafe request of a user was answered by
 * one side, his next request to the other side waits until that has applied what the first had
 * committed.
 *
 * A user is remembered only until the fence behind his last write has passed. A later write's fence
 * stands behind every earlier one, so one fence per user, service and side is enough.
 */
export class CausalBarrier {
  readonly #options: CausalBarrierOptions;
  readonly #tracks = new Map<string, Readonly<Record<Side, Track>>>();

  constructor(options: CausalBarrierOptions) {
    this.#options = options;
  }

  addService(service: string): void {
    const track = (side: Side): Track => {
      const { fence, clock, logger, boundMs, signal } = this.#options;
      const batches = new FenceBatches({ fence, service, side, clock, logger, boundMs, signal });
      return { batches, byKey: new Map(), crowd: null };
    };
    this.#tracks.set(service, { monolith: track('monolith'), service: track('service') });
  }

  /** Users with unfinished writes, over all services and sides. */
  get size(): number {
    let size = 0;
    for (const { monolith, service } of this.#tracks.values()) size += monolith.byKey.size + service.byKey.size;
    return size;
  }

  /** `side` of `service` has answered an unsafe request of `key`. Call before the user can see the answer. */
  wrote(write: { readonly service: string; readonly side: Side; readonly key: string }): void {
    const track = this.#tracks.get(write.service)?.[write.side];
    if (!track) return;
    const key = shortened(write.key);
    const batch = track.batches.join();
    if (track.byKey.size >= this.#options.maxKeys && !track.byKey.has(key)) {
      if (track.crowd === batch) return;
      track.crowd = batch;
      void batch.passed.then(() => {
        if (track.crowd === batch) track.crowd = null;
      });
      return;
    }
    if (track.byKey.get(key) === batch) return;
    track.byKey.set(key, batch);
    void batch.passed.then(() => {
      if (track.byKey.get(key) === batch) track.byKey.delete(key);
    });
  }

  /**
   * What a request of `key` to `side` has to wait for; undefined, the common case: nothing. With
   * `service`, only that service's fences count; without, those of every service.
   */
  before(request: { readonly side: Side; readonly service?: string; readonly key: string }): FenceBatch[] | undefined {
    let batches: FenceBatch[] | undefined;
    const from = otherSide(request.side);
    const key = shortened(request.key);
    if (request.service === undefined) {
      for (const sides of this.#tracks.values()) batches = owed(sides[from], key, batches);
    } else {
      const sides = this.#tracks.get(request.service);
      if (sides) batches = owed(sides[from], key, batches);
    }
    return batches;
  }

  /** Waits for the batches, each within its own bound. False: a bound was over, the request goes on anyway. */
  async wait(batches: readonly FenceBatch[], side: Side): Promise<boolean> {
    const { clock, metrics } = this.#options;
    const started = clock.monotonic();
    let kept = true;
    for (const batch of batches) {
      const ms = batch.deadline - clock.monotonic();
      if (!(await this.#waitFor(batch, ms))) kept = false;
    }
    metrics.observe('banyan_route_barrier_seconds', (clock.monotonic() - started) / 1000, { side });
    if (!kept) metrics.count('banyan_route_barrier_missed_total', { side });
    return kept;
  }

  async #waitFor(batch: FenceBatch, ms: number): Promise<boolean> {
    const { clock, signal } = this.#options;
    try {
      const passed = await within({ clock, ms, signal }, () => batch.passed);
      return passed !== TIME_IS_OVER && passed;
    } catch (error) {
      // The router is closing: the request goes on without the promise, as after the bound.
      if (signal.aborted) return false;
      throw error;
    }
  }
}
