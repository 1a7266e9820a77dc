import type { Clock } from '../core/clock.ts';

export interface BreakerOptions {
  /** Consecutive failures that open it. Default 5. */
  readonly failures?: number;
  /** It stays open for this many milliseconds before a trial. Default 1,000. */
  readonly openMs?: number;
  /** Successful trials that close it. Default 3. */
  readonly successes?: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

/** What the breaker says to a request: go, go as the one trial under way, or don't. */
export type Passage = 'pass' | 'trial' | 'refused';

/**
 * Circuit breaker of one side of one service. Closed: requests pass. Open: none does. Half-open: one
 * *safe* request at a time is let through as a trial, because if it fails it can be answered by the
 * other side without harm.
 *
 * | state     | success               | failure              | time          |
 * | --------- | --------------------- | -------------------- | ------------- |
 * | closed    | forgets failures      | the n-th in a row: open | –          |
 * | open      | ignored (was under way) | ignored            | half-open     |
 * | half-open | of trials, the n-th: closed | of a trial: open | –            |
 *
 * A new attempt with the side begins with {@link reset}.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #options: Required<BreakerOptions>;
  readonly #onChange: (state: BreakerState) => void;
  #state: BreakerState = 'closed';
  #failures = 0;
  #successes = 0;
  #openedAt = 0;
  #notClosedSince = 0;
  #trialUnderWay = false;

  constructor(options: BreakerOptions & { readonly clock: Clock; readonly onChange?: (state: BreakerState) => void }) {
    this.#clock = options.clock;
    this.#onChange = options.onChange ?? (() => {});
    this.#options = {
      failures: options.failures ?? 5,
      openMs: options.openMs ?? 1000,
      successes: options.successes ?? 3,
    };
  }

  get state(): BreakerState {
    if (this.#state === 'open' && this.#clock.monotonic() >= this.#openedAt + this.#options.openMs) {
      this.#become('half-open');
    }
    return this.#state;
  }

  /** For how many milliseconds it has not been closed; 0 when closed. */
  get troubledMs(): number {
    return this.#state === 'closed' ? 0 : this.#clock.monotonic() - this.#notClosedSince;
  }

  get consecutiveFailures(): number {
    return this.#failures;
  }

  /** Asks for a request's passage. A `trial` must report with {@link succeeded}, {@link failed} or {@link cancelled}. */
  enter(safe: boolean): Passage {
    const state = this.state;
    if (state === 'closed') return 'pass';
    if (state === 'open' || !safe || this.#trialUnderWay) return 'refused';
    this.#trialUnderWay = true;
    return 'trial';
  }

  succeeded(passage: Passage): void {
    if (passage === 'trial') {
      this.#trialUnderWay = false;
      this.#successes++;
      if (this.#state === 'half-open' && this.#successes >= this.#options.successes) this.#become('closed');
    } else if (this.#state === 'closed') {
      this.#failures = 0;
    }
  }

  failed(passage: Passage): void {
    this.#failures++;
    if (passage === 'trial') {
      this.#trialUnderWay = false;
      if (this.#state === 'half-open') this.#become('open');
    } else if (this.#state === 'closed' && this.#failures >= this.#options.failures) {
      this.#become('open');
    }
  }

  /** The client went away before an answer: it says nothing about the side. */
  cancelled(passage: Passage): void {
    if (passage === 'trial') this.#trialUnderWay = false;
  }

  /** Forgets what has been: closed, as new. A trial under way is still awaited. */
  reset(): void {
    this.#failures = 0;
    if (this.#state !== 'closed') this.#become('closed');
  }

  #become(state: BreakerState): void {
    if (this.#state === 'closed') this.#notClosedSince = this.#clock.monotonic();
    this.#state = state;
    if (state === 'open') this.#openedAt = this.#clock.monotonic();
    if (state === 'half-open') this.#successes = 0;
    if (state === 'closed') this.#failures = 0;
    this.#onChange(state);
  }
}
