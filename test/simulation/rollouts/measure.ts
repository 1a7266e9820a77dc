import type { JudgeOf } from './judges.ts';
import { rollout, type World } from './world.ts';

export interface Measured {
  readonly world: string;
  readonly rollouts: number;
  readonly fired: number;
  /** Requests of the service until it fired, of those that did: median and 90th percentile. */
  readonly median: number;
  readonly p90: number;
  /** Rollouts that fired within `promised` requests of the service; none if nothing was promised. */
  readonly within: number;
}

export function measure(world: World, judgeOf: JudgeOf, options: { readonly rollouts: number; readonly promised?: number; readonly firstSeed?: number }): Measured {
  const { rollouts, promised, firstSeed = 1 } = options;
  const until: number[] = [];
  for (let seed = firstSeed; seed < firstSeed + rollouts; seed++) {
    const { fired, serviceRequests } = rollout(world, seed, judgeOf);
    if (fired) until.push(serviceRequests);
  }
  until.sort((a, b) => a - b);
  const at = (q: number): number => until[Math.max(0, Math.ceil(q * until.length) - 1)] ?? 0;
  return { world: world.name, rollouts, fired: until.length, median: at(0.5), p90: at(0.9), within: promised === undefined ? 0 : until.filter((n) => n <= promised).length };
}

/** The greatest number of false alarms that a true rate of `alpha` explains: exceeded with probability 0.001 at most. */
export function mostAlarms(rollouts: number, alpha: number): number {
  let chance = (1 - alpha) ** rollouts;
  let sum = chance;
  let n = 0;
  while (1 - sum > 0.001) {
    n++;
    chance *= ((rollouts - n + 1) / n) * (alpha / (1 - alpha));
    sum += chance;
  }
  return n;
}
