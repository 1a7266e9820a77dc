import type { Count } from './likelihood.ts';

/**
 * A share that the true one is above with a probability of `delta` at most, if each of the requests was bad with that
 * probability, whatever the others were (Clopper, Pearson 1934). 1 if none was seen.
 */
export function upperShare({ n, k }: Count, delta: number): number {
  if (n <= 0 || k >= n) return 1;
  let [low, high] = [k / n, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (atMost({ n, k }, middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** P(X ≤ k) of n requests that are bad with probability p; from X = k down, so that nothing underflows that counts. */
function atMost({ n, k }: Count, p: number): number {
  if (p >= 1) return 0;
  let term = Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
  let sum = term;
  for (let i = k; i > 0 && term > sum * 1e-12; i--) {
    term *= (i * (1 - p)) / ((n - i + 1) * p);
    sum += term;
  }
  return sum;
}

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** Stirling's series; exact sums below 20. */
function logFactorial(n: number): number {
  if (n < 20) {
    let sum = 0;
    for (let i = 2; i <= n; i++) sum += Math.log(i);
    return sum;
  }
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3);
}
