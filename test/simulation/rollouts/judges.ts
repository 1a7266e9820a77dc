import type { Side } from '../../../src/model/side.ts';
import type { Observations } from '../../../src/route/evidence/observations.ts';
import { StepEvidence } from '../../../src/route/evidence/step-evidence.ts';
import { SequentialTest, type Compared, type Hypothesis } from '../../../src/route/evidence/sequential-test.ts';
import type { Judge } from './world.ts';

export type JudgeOf = (parts: {
  readonly observations: Observations;
  readonly p95: () => number | undefined;
  readonly seen: (listener: (request: { readonly side: Side; readonly ms: number; readonly failed: boolean }) => void) => void;
}) => Judge;

/** The router's own: the rate is shared by the rules, and by the routers, of which this is one. */
export function sequential(rules: readonly Hypothesis[], alpha: number, routers = 1): JudgeOf {
  return ({ observations, p95 }) => {
    const tests = rules.map((hypothesis) => new SequentialTest({ observations, hypothesis, alpha: alpha / rules.length, baseline: p95 }));
    for (const test of tests) test.sharers = routers;
    return {
      look: () => {
        for (const test of tests) test.look();
        return tests.some((test) => test.fires);
      },
    };
  };
}

/** The same, when nobody is left on the monolith after `from` seconds: then it goes by what that did. */
export function standingAlone(rules: readonly Hypothesis[], alpha: number, from: number, remembered = (seen: Compared): Compared => seen): JudgeOf {
  return ({ observations, p95 }) => {
    const tests = rules.map((hypothesis) => new SequentialTest({ observations, hypothesis, alpha: alpha / rules.length, baseline: p95 }));
    let alone = false;
    return {
      look: (second) => {
        for (const test of tests) test.look();
        if (second >= from && !alone) {
          alone = true;
          for (const test of tests) test.standAlone(remembered(test.compared));
        }
        return tests.some((test) => test.fires);
      },
    };
  };
}

/** A step of a gradual shift: "fires" when it may go on. */
export function goesOn(beta: number): JudgeOf {
  return ({ observations, p95 }) => {
    const evidence = new StepEvidence({ observations, baseline: p95, beta });
    evidence.begin();
    return {
      look: () => {
        evidence.look();
        return evidence.confirmed;
      },
    };
  };
}

/** Planted: a test for one look at a fixed number of requests, looked at after each. */
export function peeking(alpha: number): JudgeOf {
  const critical = -normalQuantileOf(alpha);
  return ({ seen }) => {
    const counts = { service: { n: 0, k: 0 }, monolith: { n: 0, k: 0 } };
    seen(({ side, failed }) => {
      counts[side].n++;
      if (failed) counts[side].k++;
    });
    return {
      look: () => {
        const { service, monolith } = counts;
        if (service.k + monolith.k < 10 || service.n < 30 || monolith.n < 30) return false;
        const p = (service.k + monolith.k) / (service.n + monolith.n);
        const z = (service.k / service.n - monolith.k / monolith.n) / Math.sqrt(p * (1 - p) * (1 / service.n + 1 / monolith.n));
        return z > critical;
      },
    };
  };
}

/** Planted: the same evidence process, but for a baseline that was measured once and is kept. */
export function staleBaseline(alpha: number): JudgeOf {
  return ({ observations, p95 }) => {
    const threshold = p95() ?? 1;
    return sequential([{ quantile: 0.95, threshold }], alpha)({ observations, p95, seen: () => {} });
  };
}

function normalQuantileOf(p: number): number {
  let [low, high] = [-8, 8];
  for (let n = 0; n < 60; n++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < p) low = middle;
    else high = middle;
  }
  return low;
}

/** The share of a standard normal below z, by Simpson's rule. */
export function normalShare(z: number): number {
  const steps = 400;
  const width = Math.abs(z) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(-((i * width) ** 2) / 2);
  const half = (sum * width) / 3 / Math.sqrt(2 * Math.PI);
  return z < 0 ? 0.5 - half : 0.5 + half;
}
