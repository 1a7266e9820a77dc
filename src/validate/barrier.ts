import type { Clock } from '../core/clock.ts';
import { BanyanError } from '../core/errors.ts';
import { otherSide, type Side } from '../model/side.ts';
import type { FenceOptions } from '../ports/fence.ts';

export type { FenceOptions };

/** A moment of one barrier: later moments are larger. */
export type Moment = number;

/** Separates what was in flight when rows were read from what really differs. */
export interface Barrier {
  /** The present. Taken after rows were read, it is later than what was read. */
  moment(): Moment;
  /** Resolves when everything that was committed on either side before `moment` has reached the other. */
  after(moment: Moment): Promise<void>;
}

/** Every `after` is kept by a fence on each side that was placed after the moment and has passed. */
export class FenceBarrier implements Barrier {
  readonly #options: FenceOptions;
  readonly #signal: AbortSignal | undefined;
  #moment: Moment = 0;
  #passed: Moment = -1;

  constructor(options: FenceOptions, signal?: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  moment(): Moment {
    return ++this.#moment;
  }

  async after(moment: Moment): Promise<void> {
    if (this.#passed > moment) return;
    const placed = this.moment();
    await Promise.all((this.#options.sides ?? (['monolith', 'service'] as const)).map((side) => this.#pass(side)));
    this.#passed = Math.max(this.#passed, placed);
  }

  async #pass(side: Side): Promise<void> {
    const { fence, service, timeoutMs = 60_000 } = this.#options;
    const signal = this.#signal;
    const position = await fence.place({ service, side, ...(signal ? { signal } : {}) });
    if (await fence.passed({ service, side, position, timeoutMs, ...(signal ? { signal } : {}) })) return;
    throw new BanyanError('BANYAN_VALIDATE_FENCE', {
      message: `The ${otherSide(side)}'s side of ${service} had not applied the ${side}'s commits after ${timeoutMs} ms.`,
      details: { service, side, timeoutMs },
    });
  }
}

/** Without streams to ask, a pause has to do. */
export class PauseBarrier implements Barrier {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(options: { readonly clock: Clock; readonly pauseMs: number; readonly signal?: AbortSignal }) {
    this.#clock = options.clock;
    this.#pauseMs = options.pauseMs;
    this.#signal = options.signal;
  }

  moment(): Moment {
    return this.#clock.monotonic();
  }

  async after(moment: Moment): Promise<void> {
    const leftMs = moment + this.#pauseMs - this.#clock.monotonic();
    if (leftMs > 0) await this.#clock.sleep(leftMs, this.#signal);
  }
}
