import { oneSample, twoSample, type Count } from './likelihood.ts';
import type { Block, Observations } from './observations.ts';
import { baselineCuts, type BaselineCuts } from './sequential-test.ts';

/** A difference that would keep a step from being taken. */
export interface WorseBy {
  /** Failed requests: this share of them, from 0 to 1, and … Default 0.01. */
  readonly errors: number;
  /** … this many times the monolith's. Default 2. */
  readonly errorRatio: number;
  /** The 95th percentile: above this many milliseconds, and … Default 200. */
  readonly latencyMs: number;
  /** … this many times the monolith's. Default 1.2. */
  readonly latencyRatio: number;
}

export const WORSE_BY: WorseBy = { errors: 0.01, errorRatio: 2, latencyMs: 200, latencyRatio: 1.2 };

/** Odds, by those of a service that is worse by as much: what is bet on. */
const BETTER: readonly number[] = [0.6, 0.3, 0.05];
const QUANTILE = 0.95;

/** How far the evidence for a step is. */
export interface StepProgress {
  /** Requests of the service since the step began. */
  readonly requests: number;
  /** Evidence that the service is not worse by as much; enough from {@link StepProgress.needed} on. */
  readonly errors: number;
  readonly latency: number;
  readonly needed: number;
}

/**
 * Evidence that the service is *not* worse by a stated difference: the mirror of the triggers' test. A step that
 * waits for it goes on with a service that is worse by as much with probability `beta` at most, however often one
 * looks; and since a worse one would have been seen by then, enough requests have passed.
 *
 * "Worse" is both: above the fixed value, and above the multiple of the monolith's. So the mean of evidence
 * against either is evidence against "worse", and whichever is easier to show is enough.
 */
export class StepEvidence {
  readonly #observations: Observations;
  readonly #worse: WorseBy;
  readonly #cuts: { readonly floor: number; readonly baseline: BaselineCuts };
  readonly needed: number;
  #errors = new Against();
  #latency = new Against();
  #requests = 0;
  #anything = false;
  #next = 0;

  constructor(options: {
    readonly observations: Observations;
    /** The monolith's 95th percentile just now, in milliseconds. */
    readonly baseline: () => number | undefined;
    readonly worse?: Partial<WorseBy>;
    /** Default 0.05. */
    readonly beta?: number;
  }) {
    const { observations, baseline, worse, beta = 0.05 } = options;
    this.#observations = observations;
    this.#worse = { ...WORSE_BY, ...worse };
    this.needed = 1 / beta;
    this.#cuts = {
      floor: observations.addCut('service', () => this.#worse.latencyMs),
      baseline: baselineCuts(observations, baseline, this.#worse.latencyRatio),
    };
  }

  /** A step begins: only what begins from now on counts. */
  begin(): void {
    this.#errors = new Against();
    this.#latency = new Against();
    this.#requests = 0;
    this.#anything = false;
    // The block that is open was opened before.
    this.#next = this.#observations.next;
  }

  look(): void {
    const { floor, baseline } = this.#cuts;
    const waitMs = ({ cutoffs }: Block): number => Math.max(0, ...[floor, baseline.monolith, baseline.service].map((index) => cutoffs[index] || 0));
    for (const block of this.#observations.settled(this.#next, waitMs)) {
      this.#next = block.number + 1;
      this.#count(block);
    }
  }

  get confirmed(): boolean {
    return this.#errors.value >= this.needed && this.#latency.value >= this.needed;
  }

  /** Whether there was any request, of either side, since the step began. */
  get anything(): boolean {
    return this.#anything || this.#observations.anythingSince(this.#next);
  }

  get progress(): StepProgress {
    return { requests: this.#requests, errors: this.#errors.value, latency: this.#latency.value, needed: this.needed };
  }

  #count(block: Block): void {
    const { errors, errorRatio } = this.#worse;
    const failures = this.#observations.failures(block);
    this.#requests += failures.service.n;
    this.#anything ||= block.begun.service + block.begun.monolith > 0;
    this.#errors.fixed(failures.service, errors);
    this.#errors.compared(failures, errorRatio);
    const slow = (index: number): Count | undefined => this.#observations.slow(block, index);
    const overFloor = slow(this.#cuts.floor);
    if (overFloor) this.#latency.fixed(overFloor, 1 - QUANTILE);
    const [service, monolith] = [slow(this.#cuts.baseline.service), slow(this.#cuts.baseline.monolith)];
    if (service && monolith) this.#latency.compared({ service, monolith }, 1);
  }
}

/** Evidence against "worse than a fixed share and than a multiple of the other side". */
class Against {
  readonly #fixed = BETTER.map(() => 1);
  readonly #compared = BETTER.map(() => 1);

  fixed(count: Count, share: number): void {
    grow(this.#fixed, oneSample(count, share, BETTER));
  }

  compared(pair: { readonly service: Count; readonly monolith: Count }, nullOdds: number): void {
    grow(this.#compared, twoSample(pair, nullOdds, BETTER));
  }

  get value(): number {
    const all = [...this.#fixed, ...this.#compared];
    return all.reduce((sum, wealth) => sum + wealth, 0) / all.length;
  }
}

function grow(wealth: number[], logRatios: readonly number[]): void {
  for (let i = 0; i < wealth.length; i++) wealth[i] = Math.min(1e300, (wealth[i] ?? 0) * Math.exp(Math.min(700, logRatios[i] ?? 0)));
}
