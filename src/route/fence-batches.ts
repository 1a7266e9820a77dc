import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Side } from '../model/side.ts';
import type { Fence } from '../ports/fence.ts';
import { within } from './within.ts';

/** One fence for everybody who wrote before it was placed. */
export interface FenceBatch {
  /** True once the other side has applied the fence; false when the bound was over first, or it failed. */
  readonly passed: Promise<boolean>;
  /** On the monotonic clock: nobody waits for this batch any longer than until then. */
  readonly deadline: number;
}

interface OpenBatch extends FenceBatch {
  readonly settle: (passed: boolean) => void;
}

export interface FenceBatchesOptions {
  readonly fence: Fence;
  readonly service: string;
  readonly side: Side;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A batch is given up this many milliseconds after its first write. */
  readonly boundMs: number;
  readonly signal: AbortSignal;
}

/** Fences placed and not passed yet, at most; it bounds what a stalled stream can pile up. */
const MAX_AWAITED = 4;

/**
 * Fences on one side of one service, shared: one placement at a time; who writes meanwhile shares
 * the next one. So the number of fences follows the speed of the database, not the number of users.
 */
export class FenceBatches {
  readonly #options: FenceBatchesOptions;
  #open: OpenBatch | null = null;
  #placing = false;
  #awaited = 0;

  constructor(options: FenceBatchesOptions) {
    this.#options = options;
  }

  /** The batch whose fence will be placed after this call. */
  join(): FenceBatch {
    if (this.#open) return this.#open;
    let settle: (passed: boolean) => void = () => {};
    const passed = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const batch = { passed, settle, deadline: this.#options.clock.monotonic() + this.#options.boundMs };
    this.#open = batch;
    // Not at once: responses that arrive in the same turn of the event loop share the fence.
    queueMicrotask(() => {
      this.#next();
    });
    return batch;
  }

  #next(): void {
    const batch = this.#open;
    if (!batch || this.#placing || this.#awaited >= MAX_AWAITED) return;
    this.#open = null;
    this.#placing = true;
    this.#awaited++;
    void this.#run(batch);
  }

  async #run(batch: OpenBatch): Promise<void> {
    const { fence, service, side, clock, logger, boundMs, signal } = this.#options;
    const remaining = (): number => batch.deadline - clock.monotonic();
    let passed = false;
    try {
      const outcome = await within({ clock, ms: remaining(), signal }, async (signal) => {
        const position = await fence.place({ service, side, signal });
        this.#placed();
        return fence.passed({ service, side, position, timeoutMs: Math.max(1, Math.ceil(remaining())), signal });
      });
      passed = outcome === true;
      if (!passed) logger.warn('a fence was not passed in time', { service, side, boundMs });
    } catch (error) {
      if (!signal.aborted) logger.warn('a fence failed', { service, side, reason: messageOf(error) });
    } finally {
      this.#awaited--;
      batch.settle(passed);
      this.#placed();
    }
  }

  #placed(): void {
    this.#placing = false;
    this.#next();
  }
}
