/**
 * The alternatives that a test bets on: how many times the null's odds the true odds are. A finer
 * grid would gain little: an effect between two of them is still found by its neighbours.
 */
export const EFFECTS: readonly number[] = [1.25, 1.6, 2.5, 5, 15, 60];

/** Of the prior for when a change began: this share says "at the start". */
const FROM_THE_START = 0.5;
const MAX_WEALTH = 1e300;

/** The share of the prior that a change has not begun by this epoch. It falls as slowly as a sum allows. */
const notBegunBy = (epoch: number): number => ((1 - FROM_THE_START) * Math.LN2) / Math.log(epoch + 2);

/**
 * Evidence that may be looked at as often as one likes.
 *
 * Each step multiplies stakes by likelihood ratios that are 1 or less on average while the null holds,
 * so the wealth is a nonnegative supermartingale that begins at 1. By Ville's inequality (1939) the
 * probability that it *ever* reaches 1/α is at most α. It stays one as a mixture of two kinds:
 *
 * - over effect sizes (Robbins 1970; Johari, Koomen, Pekelis, Walsh, "Always Valid Inference", 2022);
 * - over when the change began. A service that was well all night has lost any stake placed in the
 *   evening; so some is held back and placed anew at every epoch, by a prior of total mass 1. This is
 *   the Shiryaev-Roberts sum of Shin, Ramdas, Rinaldo, "E-detectors" (2023), with weights that make it
 *   a martingale: it bounds the probability of a false alarm for ever, not only their mean distance.
 *
 * A change at epoch k is found with log(k·log²k) of evidence more than one at the start.
 */
export class ChangeMixture {
  readonly #wealth: Float64Array;
  /** Mass of the prior that is not placed yet. */
  #held: number;
  #epoch = 0;

  /** @param effects how many alternatives each update tells of. */
  constructor(effects = EFFECTS.length) {
    this.#wealth = new Float64Array(effects).fill(FROM_THE_START / effects);
    this.#held = 1 - FROM_THE_START;
  }

  /**
   * Another epoch may be the one in which the change began. Epochs must follow time or counts of requests,
   * never what the requests showed.
   */
  nextEpoch(): void {
    this.#epoch++;
    const left = notBegunBy(this.#epoch);
    const stake = (this.#held - left) / this.#wealth.length;
    this.#held = left;
    for (let i = 0; i < this.#wealth.length; i++) this.#wealth[i] = (this.#wealth[i] ?? 0) + stake;
  }

  /** What was seen, as the logarithm of each alternative's likelihood by the null's. */
  update(logRatios: readonly number[]): void {
    for (let i = 0; i < this.#wealth.length; i++) {
      const grown = (this.#wealth[i] ?? 0) * Math.exp(Math.min(700, logRatios[i] ?? 0));
      this.#wealth[i] = Math.min(MAX_WEALTH, grown);
    }
  }

  /** The evidence against the null: 1 says nothing; by chance it ever reaches x with probability 1/x at most. */
  get value(): number {
    let sum = this.#held;
    for (const wealth of this.#wealth) sum += wealth;
    return sum;
  }

  /** The evidence that a change from the very start needs to reach 1/`alpha`, as a logarithm, if one alternative is right. */
  static costFromTheStart(alpha: number, effects = EFFECTS.length): number {
    return Math.log(effects / (FROM_THE_START * alpha));
  }
}
