import { ChangeMixture, EFFECTS } from './change-mixture.ts';
import { oneSample, twoSample } from './likelihood.ts';

/** A difference that a test is to see. */
export interface Difference {
  /** Share of bad requests (failed, or beyond the cutoff) on the service's side. */
  readonly service: number;
  /** The share that is not worse yet: the threshold, or the monolith's share at the same time. */
  readonly reference: number;
  /** Compared with the monolith: the odds ratio that is not worse yet. Absent: with a fixed share. */
  readonly relative?: number;
  /** Compared with the monolith: the service's share of all requests, from 0 to 1. Default 0.5. */
  readonly traffic?: number;
}

export interface Assurance {
  /** The probability of ever firing although the service is not worse. */
  readonly alpha: number;
  /** The probability of firing within the promised number. Default 0.9. */
  readonly power?: number;
}

const LARGE = 20_000;
/** Blocks condition on their margins, and beyond the mean and variance there is a rest. */
const SAFETY = 1.15;

/**
 * Requests of the service within which a {@link ChangeMixture} fires with the given power, if the service is
 * that much worse from the start of the rollout. Infinity: the difference is none.
 *
 * Each request adds a log likelihood ratio of mean g and variance v under the truth; the wealth must reach
 * b = log(1/(α·weight)). So N·g - z·√(N·v) = b, for the best alternative of the mixture. The simulation
 * checks the promise (`npm run sim:rollouts`).
 *
 * For a change that begins in epoch k (of 30 seconds) after the start, b grows by log(k·log²k) about.
 */
export function samplesNeeded(difference: Difference, { alpha, power = 0.9 }: Assurance): number {
  const b = ChangeMixture.costFromTheStart(alpha);
  const z = normalQuantile(power);
  let best = Infinity;
  for (const { mean, variance } of growth(difference)) {
    if (mean <= 0) continue;
    const root = (z * Math.sqrt(variance) + Math.sqrt(z * z * variance + 4 * mean * b)) / (2 * mean);
    best = Math.min(best, root * root);
  }
  return Math.ceil(best * SAFETY);
}

/** Mean and variance, for one request of the service, of the log likelihood ratio of each alternative. */
function growth({ service, reference, relative, traffic = 0.5 }: Difference): { readonly mean: number; readonly variance: number }[] {
  if (relative === undefined) {
    const bad = oneSample({ n: 1, k: 1 }, reference, EFFECTS);
    const good = oneSample({ n: 1, k: 0 }, reference, EFFECTS);
    return EFFECTS.map((_, i) => {
      const [up, down] = [bad[i] ?? 0, good[i] ?? 0];
      return { mean: service * up + (1 - service) * down, variance: service * (1 - service) * (up - down) ** 2 };
    });
  }
  // A block so large that its share of bad requests is the expected one.
  const others = Math.round((LARGE * (1 - traffic)) / traffic);
  const pair = {
    service: { n: LARGE, k: Math.round(LARGE * service) },
    monolith: { n: others, k: Math.round(others * reference) },
  };
  // What one more bad request of either side would change: the rest is Poisson's, or Bernoulli's.
  const few = LARGE / 1000;
  const [ratios, ofService, ofMonolith] = [pair, { ...pair, service: { ...pair.service, k: pair.service.k + few } }, { ...pair, monolith: { ...pair.monolith, k: pair.monolith.k + few } }].map(
    (each) => twoSample(each, relative, EFFECTS),
  );
  return EFFECTS.map((_, i) => {
    const at = (list: readonly number[] | undefined): number => list?.[i] ?? 0;
    const [up, down] = [(at(ofService) - at(ratios)) / few, (at(ofMonolith) - at(ratios)) / few];
    return {
      mean: at(ratios) / LARGE,
      variance: service * (1 - service) * up ** 2 + (others / LARGE) * reference * (1 - reference) * down ** 2,
    };
  });
}

/** z with P(Z ≤ z) = p for a standard normal Z, to about 0.0005 (Abramowitz, Stegun 26.2.23). */
export function normalQuantile(p: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -normalQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(1 - p));
  return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
}
