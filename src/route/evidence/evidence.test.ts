import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { ChangeMixture, EFFECTS } from './change-mixture.ts';
import { oneSample, twoSample } from './likelihood.ts';
import { QuantileTracker } from './quantile-tracker.ts';
import { normalQuantile, samplesNeeded } from './samples-needed.ts';

const choose = (n: number, k: number): number => {
  let product = 1;
  for (let i = 1; i <= k; i++) product *= (n - k + i) / i;
  return product;
};
const binomial = (n: number, k: number, p: number): number => choose(n, k) * p ** k * (1 - p) ** (n - k);

describe('likelihood ratios', () => {
  const odds = (p: number, ratio: number): number => (ratio * p) / (1 - p + ratio * p);

  /** The mean over every outcome of a block, by arithmetic that knows nothing of conditioning. */
  function meanOfTwo(sizes: readonly [number, number], truth: { readonly p: number; readonly ratio: number }, nullOdds: number): number[] {
    const [n, m] = sizes;
    const means = EFFECTS.map(() => 0);
    for (let k = 0; k <= n; k++) {
      for (let j = 0; j <= m; j++) {
        const chance = binomial(n, k, odds(truth.p, truth.ratio)) * binomial(m, j, truth.p);
        twoSample({ service: { n, k }, monolith: { n: m, k: j } }, nullOdds, EFFECTS).forEach((log, i) => (means[i] = (means[i] ?? 0) + chance * Math.exp(log)));
      }
    }
    return means;
  }

  it.each([0.001, 0.05, 0.5, 0.97])('of two sides are 1 on average at the null, whatever their common share %d is', (p) => {
    for (const sizes of [[1, 19], [7, 7], [20, 3]] as const) {
      for (const nullOdds of [1, 2]) {
        for (const mean of meanOfTwo(sizes, { p, ratio: nullOdds }, nullOdds)) expect(mean).toBeCloseTo(1, 9);
      }
    }
  });

  it('of two sides are less on average where the service is better, and more where it is worse', () => {
    for (const mean of meanOfTwo([8, 9], { p: 0.1, ratio: 1 }, 2)) expect(mean).toBeLessThan(1);
    for (const mean of meanOfTwo([8, 9], { p: 0.1, ratio: 0.2 }, 1)) expect(mean).toBeLessThan(1);
    expect(meanOfTwo([8, 9], { p: 0.1, ratio: 5 }, 1)[2]).toBeGreaterThan(1);
  });

  it('of two sides say nothing without a bad request, with bad ones only, or with one side', () => {
    const nothing = EFFECTS.map(() => 0);
    expect(twoSample({ service: { n: 50, k: 0 }, monolith: { n: 50, k: 0 } }, 1, EFFECTS)).toEqual(nothing);
    expect(twoSample({ service: { n: 50, k: 50 }, monolith: { n: 50, k: 50 } }, 1, EFFECTS)).toEqual(nothing);
    expect(twoSample({ service: { n: 50, k: 9 }, monolith: { n: 0, k: 0 } }, 1, EFFECTS)).toEqual(nothing);
  });

  it('stay finite for full blocks', () => {
    for (const k of [0, 1000, 2000]) {
      for (const log of twoSample({ service: { n: 2000, k }, monolith: { n: 2000, k: 1000 } }, 1, EFFECTS)) expect(log).toSatisfy(Number.isFinite);
    }
  });

  it('of one side are 1 on average at the share, and less below it', () => {
    const mean = (p: number): number[] =>
      EFFECTS.map((_, i) => {
        let sum = 0;
        for (let k = 0; k <= 10; k++) sum += binomial(10, k, p) * Math.exp(oneSample({ n: 10, k }, 0.05, EFFECTS)[i] ?? 0);
        return sum;
      });
    for (const value of mean(0.05)) expect(value).toBeCloseTo(1, 9);
    for (const value of mean(0.03)) expect(value).toBeLessThan(1);
  });
});

describe('a mixture over effects and times of change', () => {
  it('never holds more than it began with if nothing is won', () => {
    const mixture = new ChangeMixture();
    expect(mixture.value).toBeCloseTo(1, 12);
    for (let n = 0; n < 5000; n++) {
      mixture.nextEpoch();
      mixture.update(EFFECTS.map(() => 0));
    }
    expect(mixture.value).toBeCloseTo(1, 9);
  });

  it('finds a change after a long good time about as soon as log(k·log²k) says', () => {
    const random = seededRandom(7);
    const goodEpochs = 2880; // A day of 30 seconds each.
    const delay = (epochs: number): number => {
      const mixture = new ChangeMixture();
      const send = (p: number): void => mixture.update(oneSample({ n: 1, k: random() < p ? 1 : 0 }, 0.05, EFFECTS));
      for (let n = 0; n < epochs; n++) {
        for (let i = 0; i < 50; i++) send(0.01);
        mixture.nextEpoch();
      }
      for (let n = 1; ; n++) {
        if (n % 50 === 0) mixture.nextEpoch();
        send(0.3);
        if (mixture.value >= 300) return n;
      }
    };
    expect(delay(0)).toBeLessThan(40);
    expect(delay(goodEpochs)).toBeLessThan(100);
  });

  it('keeps its wealth finite', () => {
    const mixture = new ChangeMixture();
    for (let n = 0; n < 1000; n++) mixture.update(EFFECTS.map(() => 600));
    expect(mixture.value).toSatisfy(Number.isFinite);
  });
});

describe('the tracked quantile', () => {
  it('comes near the true one and follows it', () => {
    const random = seededRandom(3);
    const tracker = new QuantileTracker(0.95);
    expect(tracker.value).toBeUndefined();
    const feed = (scale: number, n: number): void => {
      for (let i = 0; i < n; i++) tracker.add(scale * -Math.log(1 - random()));
    };
    feed(10, 5000);
    expect(tracker.value).toBeGreaterThan(25);
    expect(tracker.value).toBeLessThan(36);
    feed(100, 5000);
    expect(tracker.value).toBeGreaterThan(250);
    expect(tracker.value).toBeLessThan(360);
  });
});

describe('the promised number of requests', () => {
  it('grows as the difference and the rate shrink, and is infinite for none', () => {
    const n = (service: number, alpha = 0.01): number => samplesNeeded({ service, reference: 0.001, relative: 2 }, { alpha });
    expect(n(0.01)).toBeLessThan(n(0.005));
    expect(n(0.01)).toBeLessThan(n(0.01, 0.001));
    expect(n(0.001)).toBe(Infinity);
    expect(samplesNeeded({ service: 0.04, reference: 0.05 }, { alpha: 0.01 })).toBe(Infinity);
  });

  it('knows the normal distribution', () => {
    expect(normalQuantile(0.9)).toBeCloseTo(1.2816, 2);
    expect(normalQuantile(0.1)).toBeCloseTo(-1.2816, 2);
    expect(normalQuantile(0.5)).toBe(0);
  });
});
