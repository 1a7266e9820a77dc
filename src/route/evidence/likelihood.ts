/** Of `n` requests, `k` were bad: failed, or slower than a cutoff. */
export interface Count {
  readonly n: number;
  readonly k: number;
}

/** Requests of both sides in one short stretch of time. */
export interface Pair {
  readonly service: Count;
  readonly monolith: Count;
}

/**
 * One side against a fixed share: log likelihood ratios of the odds `effect` × (share's odds) to the
 * share itself, for each effect. Each has expectation 1 or less as long as every request is bad with
 * probability `share` at most given what went before, whatever its own probability is.
 */
export function oneSample({ n, k }: Count, share: number, effects: readonly number[]): number[] {
  return effects.map((effect) => k * Math.log(effect) - n * Math.log(1 - share + effect * share));
}

/**
 * One side against the other at the same time: log likelihood ratios of the odds ratio
 * `nullOdds` × effect to `nullOdds`, given how many requests each side had and how many were bad in all.
 *
 * Given these margins the service's bad ones follow Fisher's noncentral hypergeometric distribution,
 * in which the common share of bad ones, whatever it is just now, no longer occurs. So a bad minute of
 * both sides, or day and night, is no evidence; and the product over disjoint stretches of time is a
 * martingale. That is the stratified exact 2×2 test (Cochran, Mantel, Haenszel) made anytime-valid; see
 * ter Schure, Pérez-Ortiz, Ly, Grünwald, "The Anytime-Valid Logrank Test" (2022), for the same partial
 * likelihood, and Lindon, Malek, "Anytime-Valid Inference for Multinomial Count Data" (2022) for
 * canaries with rates that change in time. Effects above 1 bet on worse, below 1 on better; the
 * ratio is 1 or less on average for every true odds ratio on the null's side of `nullOdds`.
 */
export function twoSample({ service, monolith }: Pair, nullOdds: number, effects: readonly number[]): number[] {
  const bad = service.k + monolith.k;
  const least = Math.max(0, bad - monolith.n);
  const most = Math.min(service.n, bad);
  if (least === most) return effects.map(() => 0);
  // log of C(service.n, u)·C(monolith.n, bad - u) for each u, up to a constant.
  const weights = new Float64Array(most - least + 1);
  for (let i = 0; i < most - least; i++) {
    const u = least + i;
    const step = ((service.n - u) * (bad - u)) / ((u + 1) * (monolith.n - bad + u + 1));
    weights[i + 1] = (weights[i] ?? 0) + Math.log(step);
  }
  const base = logSum(weights, Math.log(nullOdds));
  return effects.map((effect) => (service.k - least) * Math.log(effect) - logSum(weights, Math.log(nullOdds * effect)) + base);
}

/** log Σ exp(weights[i] + i·slope), without overflow. */
function logSum(weights: Float64Array, slope: number): number {
  let top = -Infinity;
  for (let i = 0; i < weights.length; i++) top = Math.max(top, (weights[i] ?? 0) + i * slope);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += Math.exp((weights[i] ?? 0) + i * slope - top);
  return top + Math.log(sum);
}
