import { CALM, nextAlarm, type AlarmState } from './alarm.ts';

export interface LagWatchOptions {
  /** Milliseconds of lag above which a stream is behind. */
  readonly toleranceMs: number;
  readonly heartbeatMs: number;
}

/** What a stream says of itself, at a moment of a clock that never steps back. */
export interface LagReading {
  readonly lagMs: number;
  /** Its checkpoint. */
  readonly applied: bigint;
  readonly at: number;
}

/**
 * Whether a stream is behind. Heartbeats move its checkpoint even where nobody writes, so one that stands
 * still is behind as well: its source or its target does not answer, and what waits there is not known.
 */
export class LagWatch {
  readonly #options: LagWatchOptions;
  #alarm: AlarmState = CALM;
  #moved: { readonly applied: bigint; readonly at: number } | undefined;

  constructor(options: LagWatchOptions) {
    this.#options = options;
  }

  /** `lagMs`: at least so far behind. `change`: it has just fallen behind, or has just been back for a while. */
  look({ lagMs, applied, at }: LagReading): { readonly lagMs: number; readonly behind: boolean; readonly change: 'raised' | 'over' | undefined } {
    const { toleranceMs, heartbeatMs } = this.#options;
    if (this.#moved?.applied !== applied) this.#moved = { applied, at };
    const stillMs = at - this.#moved.at;
    const value = stillMs > STILL_HEARTBEATS * heartbeatMs ? Math.max(lagMs, stillMs) : lagMs;
    const { state, change } = nextAlarm(this.#alarm, { value, at }, { above: toleranceMs, below: toleranceMs / 2, calmMs: CALM_MS });
    this.#alarm = state;
    return { lagMs: value, behind: state.raised, change };
  }
}

/** A checkpoint may be late by this many heartbeats, and nothing is wrong. */
const STILL_HEARTBEATS = 3;
const CALM_MS = 5000;
