import type { Clock } from '../../core/clock.ts';
import { ChangeMixture, EFFECTS } from './change-mixture.ts';
import { oneSample, twoSample, type Count } from './likelihood.ts';
import type { Block, Observations } from './observations.ts';
import { upperShare } from './upper-share.ts';

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

/** What one side did while it was compared. */
export interface Compared extends Count {
  /** The share of bad requests in its worst half minute: trouble may come in spells. */
  readonly worst: number;
}

const NOTHING_COMPARED: Compared = { n: 0, k: 0, worst: 0 };
const ENOUGH_FOR_A_SHARE = 500;

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
  readonly #alpha: number;
  /** How many such tests, each with requests of its own, share the rate. */
  sharers = 1;
  #absolute: ChangeMixture | null = null;
  #relative: ChangeMixture | null = null;
  #alone: ChangeMixture | null = null;
  #next = 0;
  #epochAt = -Infinity;
  #recent = { service: { n: 0, k: 0 }, monolith: { n: 0, k: 0 } };
  #lastAt = 0;
  /** The monolith's requests that were compared in this rollout, and the failed among them. */
  #compared: Compared = NOTHING_COMPARED;
  /** The same in the present half minute. */
  #lately: Count = { n: 0, k: 0 };
  /** The share of failures that is not worse, from the remembered baseline; null: none was taken up. */
  #edge: number | null = null;

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
    this.#alpha = alone === undefined ? alpha : alpha / 2;
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
        this.#lately = { n: 0, k: 0 };
      }
      this.#count(block);
    }
  }

  get needed(): number {
    return this.sharers / this.#alpha;
  }

  /** What the monolith did while it was compared; of failures only. */
  get compared(): Compared {
    return this.#compared;
  }

  /** The share of failures that is not worse at 100 %, by a remembered baseline; null: by `alone`. */
  get edge(): number | null {
    return this.#edge;
  }

  /**
   * From now on, for the rest of the rollout, the service alone is held to what the monolith did: an upper
   * confidence bound of its share of failures, or its worst half minute if that was worse, with the rule's margin. That the bound is too low takes half of what
   * may be spent without the monolith, so the evidence has to be twice as much. `alone` stays a limit, and
   * `threshold` what is never too bad. For rules about failures that have `relative` and `alone`.
   */
  standAlone(baseline: Compared): void {
    const { quantile, threshold = 0, relative, alone } = this.#hypothesis;
    if (this.#edge !== null || quantile !== undefined || relative === undefined || alone === undefined) return;
    const share = Math.max(baseline.worst, upperShare(baseline, this.#alpha / 2 / this.sharers));
    const worse = (relative * share) / (1 - share + relative * share);
    if (Math.max(worse, threshold) < alone) this.#edge = Math.max(worse, threshold);
  }

  /** Against the null without the monolith; what the baseline's uncertainty took is paid. */
  get #byItself(): number {
    return (this.#alone?.value ?? 0) / (this.#edge === null ? 1 : 2);
  }

  get fires(): boolean {
    if (this.#byItself >= this.needed) return true;
    return (this.#absolute ?? this.#relative) !== null && [this.#absolute, this.#relative].every((process) => process === null || process.value >= this.needed);
  }

  get evidence(): TestEvidence {
    const compared = Math.min(this.#absolute?.value ?? Infinity, this.#relative?.value ?? Infinity);
    const value = Math.max(compared === Infinity ? 0 : compared, this.#byItself);
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
    this.#compared = NOTHING_COMPARED;
    this.#lately = { n: 0, k: 0 };
    this.#edge = null;
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
      if (service) this.#alone?.update(oneSample(service, latency ? 1 - quantile : (this.#edge ?? alone), EFFECTS));
      this.#remember(block, service ?? atFloor, undefined);
      return;
    }
    const service = latency ? slow(this.#cuts.baseline?.service) : failures.service;
    const monolith = latency ? slow(this.#cuts.baseline?.monolith) : failures.monolith;
    if (!latency && block.begun.service > 0) this.#keep(failures.monolith);
    // The margin of latencies is in the cutoffs, that of failures in the odds.
    if (service && monolith) this.#relative?.update(twoSample({ service, monolith }, latency ? 1 : relative, EFFECTS));
    this.#remember(block, service ?? atFloor, monolith);
  }

  #keep({ n, k }: Count): void {
    const { n: all, k: failed, worst } = this.#compared;
    this.#lately = { n: this.#lately.n + n, k: this.#lately.k + k };
    // Of fewer, one failure would make a bad half minute.
    const share = this.#lately.n < ENOUGH_FOR_A_SHARE ? 0 : this.#lately.k / this.#lately.n;
    this.#compared = { n: all + n, k: failed + k, worst: Math.max(worst, share) };
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
  readonly #alpha: number;
  /** As of {@link SequentialTest}. */
  sharers = 1;
  #mixture = new ChangeMixture();
  #seen: { readonly compared: number; readonly different: number } | null = null;
  #total = { n: 0, k: 0 };
  #epochAt: number;

  constructor(options: { readonly share: number; readonly alpha: number; readonly clock: Clock }) {
    this.#share = options.share;
    this.#clock = options.clock;
    this.#alpha = options.alpha;
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

  get needed(): number {
    return this.sharers / this.#alpha;
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
