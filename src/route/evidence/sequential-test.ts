import type { Clock } from '../../core/clock.ts';
import { ChangeMixture, EFFECTS } from './change-mixture.ts';
import { oneSample, twoSample, type Count } from './likelihood.ts';
import type { Block, Observations } from './observations.ts';

const EPOCH_MS = 30_000;
/** What is shown to people is of about this long. */
const RECENT_MS = 60_000;

/** What "worse" means for one metric of the service's side. At least one of `threshold` and `relative` is given. */
export interface Hypothesis {
  /** Of latencies: the quantile, from 0 to 1; absent: failed requests are counted. */
  readonly quantile?: number;
  /** The share of failed requests, or the quantile in milliseconds, above which it is worse. */
  readonly threshold?: number;
  /** Worse is above this multiple of the monolith's value at the same time, too. */
  readonly relative?: number;
  /** The threshold where the monolith serves nobody who could be compared. */
  readonly alone?: number;
}

/** How far a test is. */
export interface TestEvidence {
  /** By chance, with a service that is not worse, it ever reaches x with probability 1/x at most. */
  readonly value: number;
  /** Where it fires. */
  readonly needed: number;
  /** Requests of the last minute, about, and how many of them were failed or slow. */
  readonly service: Count;
  readonly monolith: Count;
}

/** How slow is slow on both sides: the monolith's own quantile, known before the block began. */
export interface BaselineCuts {
  /** Index of the cut at the monolith's quantile. */
  readonly monolith: number;
  /** Of the cut at `relative` times that quantile on the service's side. */
  readonly service: number;
}

/**
 * Tells whether one side is worse than it may be, with a bound on the probability of saying so wrongly
 * however long one looks and however often.
 *
 * Against the other side: requests that began in the same block, by the conditional 2×2 test. Of latencies
 * the shares beyond two cutoffs are compared: the monolith's quantile c on the monolith's side, `relative`·c
 * on the service's. c is estimated from earlier blocks only, so a bad estimate costs power and not validity.
 * Against a threshold: one sample. With both, both must be worse.
 */
export class SequentialTest {
  readonly #observations: Observations;
  readonly #hypothesis: Hypothesis;
  readonly #cuts: { readonly floor?: number; readonly alone?: number; readonly baseline?: BaselineCuts };
  readonly needed: number;
  #absolute: ChangeMixture | null = null;
  #relative: ChangeMixture | null = null;
  #alone: ChangeMixture | null = null;
  #next = 0;
  #epochAt = -Infinity;
  #recent = { service: { n: 0, k: 0 }, monolith: { n: 0, k: 0 } };
  #lastAt = 0;

  constructor(options: {
    readonly observations: Observations;
    readonly hypothesis: Hypothesis;
    /** The probability with which it ever fires although the service is not worse. */
    readonly alpha: number;
    /** The monolith's quantile just now, in milliseconds; for latencies that are compared. */
    readonly baseline?: () => number | undefined;
  }) {
    const { observations, hypothesis, alpha, baseline } = options;
    this.#observations = observations;
    this.#hypothesis = hypothesis;
    const { quantile, threshold, relative, alone } = hypothesis;
    // Two ways to fire share the rate.
    this.needed = (alone === undefined ? 1 : 2) / alpha;
    const cut = (ms: number | undefined): number | undefined => (quantile === undefined || ms === undefined ? undefined : observations.addCut('service', () => ms));
    const floor = cut(threshold);
    const aloneCut = cut(alone);
    const compared = quantile !== undefined && relative !== undefined && baseline;
    this.#cuts = {
      ...(floor === undefined ? {} : { floor }),
      ...(aloneCut === undefined ? {} : { alone: aloneCut }),
      ...(compared ? { baseline: baselineCuts(observations, baseline, relative) } : {}),
    };
    this.reset();
  }

  /** Counts what has become certain since the last look. */
  look(): void {
    const { floor, alone, baseline } = this.#cuts;
    const waitMs = ({ cutoffs }: Block): number =>
      Math.max(0, ...[floor, alone, baseline?.monolith, baseline?.service].map((index) => (index === undefined ? 0 : cutoffs[index] || 0)));
    for (const block of this.#observations.settled(this.#next, waitMs)) {
      this.#next = block.number + 1;
      if (block.openedAt - this.#epochAt >= EPOCH_MS) {
        if (this.#epochAt > -Infinity) for (const process of [this.#absolute, this.#relative, this.#alone]) process?.nextEpoch();
        this.#epochAt = block.openedAt;
      }
      this.#count(block);
    }
  }

  get fires(): boolean {
    if (this.#alone && this.#alone.value >= this.needed) return true;
    return (this.#absolute ?? this.#relative) !== null && [this.#absolute, this.#relative].every((process) => process === null || process.value >= this.needed);
  }

  get evidence(): TestEvidence {
    const compared = Math.min(this.#absolute?.value ?? Infinity, this.#relative?.value ?? Infinity);
    const value = Math.max(compared === Infinity ? 0 : compared, this.#alone?.value ?? 0);
    return { value, needed: this.needed, ...this.#recent };
  }

  /** Begins anew, with the whole rate: for another rollout. */
  reset(): void {
    const { threshold, relative, alone } = this.#hypothesis;
    this.#absolute = threshold === undefined ? null : new ChangeMixture();
    this.#relative = relative === undefined ? null : new ChangeMixture();
    this.#alone = alone === undefined ? null : new ChangeMixture();
    this.#next = this.#observations.next;
    this.#epochAt = -Infinity;
    this.#recent = { service: { n: 0, k: 0 }, monolith: { n: 0, k: 0 } };
  }

  #count(block: Block): void {
    const { quantile, threshold = 0, relative = 1, alone = 0 } = this.#hypothesis;
    const failures = this.#observations.failures(block);
    const latency = quantile !== undefined;
    const slow = (index: number | undefined): Count | undefined => (index === undefined ? undefined : this.#observations.slow(block, index));
    const atFloor = latency ? slow(this.#cuts.floor) : failures.service;
    if (atFloor) this.#absolute?.update(oneSample(atFloor, latency ? 1 - quantile : threshold, EFFECTS));
    if (block.begun.monolith === 0) {
      const service = latency ? slow(this.#cuts.alone) : failures.service;
      if (service) this.#alone?.update(oneSample(service, latency ? 1 - quantile : alone, EFFECTS));
      this.#remember(block, service ?? atFloor, undefined);
      return;
    }
    const service = latency ? slow(this.#cuts.baseline?.service) : failures.service;
    const monolith = latency ? slow(this.#cuts.baseline?.monolith) : failures.monolith;
    // The margin of latencies is in the cutoffs, that of failures in the odds.
    if (service && monolith) this.#relative?.update(twoSample({ service, monolith }, latency ? 1 : relative, EFFECTS));
    this.#remember(block, service ?? atFloor, monolith);
  }

  #remember(block: Block, service: Count = { n: 0, k: 0 }, monolith: Count = { n: 0, k: 0 }): void {
    const kept = Math.exp(-Math.max(0, block.closedAt - this.#lastAt) / RECENT_MS);
    this.#lastAt = block.closedAt;
    const mix = (past: Count, now: Count): Count => ({ n: past.n * kept + now.n, k: past.k * kept + now.k });
    this.#recent = { service: mix(this.#recent.service, service), monolith: mix(this.#recent.monolith, monolith) };
  }
}

/** The monolith's quantile on its own side, and `relative` times it on the service's. */
export function baselineCuts(observations: Observations, quantile: () => number | undefined, relative: number): BaselineCuts {
  const times = (factor: number): number | undefined => {
    const ms = quantile();
    return ms === undefined ? undefined : ms * factor;
  };
  return { monolith: observations.addCut('monolith', () => times(1)), service: observations.addCut('service', () => times(relative)) };
}

/** The same for events that are counted elsewhere, against a fixed share: comparisons in the shadow. */
export class CountTest {
  readonly #share: number;
  readonly #clock: Clock;
  readonly needed: number;
  #mixture = new ChangeMixture();
  #seen: { readonly compared: number; readonly different: number } | null = null;
  #total = { n: 0, k: 0 };
  #epochAt: number;

  constructor(options: { readonly share: number; readonly alpha: number; readonly clock: Clock }) {
    this.#share = options.share;
    this.#clock = options.clock;
    this.needed = 1 / options.alpha;
    this.#epochAt = options.clock.monotonic();
  }

  /** @param counts since the router began; what was before the first look is not counted. */
  look(counts: { readonly compared: number; readonly different: number }): void {
    const past = this.#seen ?? counts;
    this.#seen = counts;
    const count = { n: counts.compared - past.compared, k: counts.different - past.different };
    if (count.n <= 0) return;
    if (this.#clock.monotonic() - this.#epochAt >= EPOCH_MS) {
      this.#epochAt = this.#clock.monotonic();
      this.#mixture.nextEpoch();
    }
    this.#mixture.update(oneSample(count, this.#share, EFFECTS));
    this.#total = { n: this.#total.n + count.n, k: this.#total.k + count.k };
  }

  get fires(): boolean {
    return this.#mixture.value >= this.needed;
  }

  get evidence(): TestEvidence {
    return { value: this.#mixture.value, needed: this.needed, service: this.#total, monolith: { n: 0, k: 0 } };
  }

  reset(): void {
    this.#mixture = new ChangeMixture();
    this.#seen = null;
    this.#total = { n: 0, k: 0 };
    this.#epochAt = this.#clock.monotonic();
  }
}
