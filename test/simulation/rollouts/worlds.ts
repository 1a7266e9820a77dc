import { seededRandom } from '../../../src/core/random.ts';
import { normalShare } from './judges.ts';
import type { Behaviour, World } from './world.ts';

const SIGMA = 0.5;
const equal: Behaviour = { errors: 0.001, medianMs: 100 };

export function plain(seconds: number, options: { readonly rate?: number; readonly traffic?: number } = {}): World {
  const { rate = 100, traffic = 0.2 } = options;
  return { name: 'both sides the same', seconds, rate: () => rate, traffic: () => traffic, side: () => equal, sigma: SIGMA };
}

/** Errors and latencies rise and fall together on both sides, and one minute in ten is bad for both. */
export function drifting(seconds: number): World {
  return {
    ...plain(seconds),
    name: 'day and night, bad minutes on both sides, and a percentage that grows',
    rate: (second) => 60 + 50 * Math.sin(second / 90),
    traffic: (second) => Math.min(0.9, 0.05 + second / seconds),
    side: (_side, { second }) => {
      const bad = second % 600 > 540;
      const wave = Math.exp(Math.sin(second / 70));
      return { errors: bad ? 0.3 : 0.002 * wave, medianMs: (bad ? 800 : 100) * wave };
    },
  };
}

export function heavyTailed(seconds: number): World {
  return { ...plain(seconds), name: 'one latency in ten from a Pareto tail (index 1.5)', heavy: 0.1 };
}

/** Requests come in crowds: a second of many, then few. */
export function bursts(seconds: number): World {
  return { ...plain(seconds), name: 'bursts: twenty times the requests for a second in five', rate: (second) => (Math.floor(second) % 5 === 0 ? 400 : 20) };
}

/** Common failures last for some seconds, on both sides alike. */
export function commonTrouble(seconds: number): World {
  return {
    ...plain(seconds),
    name: 'errors that come in spells of 5 seconds, common to both sides',
    side: (_side, { second }) => (seededRandom(Math.floor(second / 5) * 31 + 5)() < 0.05 ? { errors: 0.1, medianMs: 300 } : equal),
  };
}

/** Each side has its own spells of trouble, as often as the other: not what the guarantee assumes. */
export function ownTrouble(seconds: number): World {
  let rollouts = 0;
  return {
    ...plain(seconds),
    name: 'errors that come in spells of 5 seconds, each side its own',
    side: (side, { second, random }) => {
      if (second < -9.9) rollouts = random() * 1e9;
      const spell = Math.floor(second / 5) * 2 + (side === 'service' ? 1 : 0);
      return seededRandom(spell * 31 + rollouts)() < 0.02 ? { errors: 0.1, medianMs: 300 } : equal;
    },
  };
}

/** Users differ, and each stays on his side: not what the guarantee assumes, unless there are many. */
export function unlikeUsers(seconds: number, users: number): World {
  return {
    ...plain(seconds),
    name: `${users} users, each with a speed (σ 0.3) and an error rate (σ 1) of his own`,
    users,
    side: (_side, { user }) => {
      const own = seededRandom(user * 104_729 + 11);
      const normal = Math.sqrt(-2 * Math.log(1 - own())) * Math.cos(2 * Math.PI * own());
      return { errors: Math.min(1, 0.001 * Math.exp(normal)), medianMs: 100 * Math.exp(0.3 * normal) };
    },
  };
}

/** The service is on the edge of what a rule calls worse: twice the errors, 1.1 times the latency. */
export function onTheEdge(seconds: number): World {
  return {
    ...plain(seconds, { traffic: 0.5 }),
    name: 'the service just not worse than the rules allow: 2 × the errors, 1.1 × the latency',
    side: (side) => (side === 'service' ? { errors: 2 * 0.005, medianMs: 110 } : { errors: 0.005, medianMs: 100 }),
  };
}

export function slower(seconds: number, by: number, traffic = 0.2): World {
  return {
    ...plain(seconds, { traffic }),
    name: `the service ${Math.round((by - 1) * 100)} % slower, ${traffic * 100} % of the users`,
    side: (side) => (side === 'service' ? { ...equal, medianMs: 100 * by } : equal),
  };
}

export function failing(seconds: number, errors: number, traffic = 0.2): World {
  return {
    ...plain(seconds, { traffic }),
    name: `the service with ${errors * 100} % errors instead of 0.1 %, ${traffic * 100} % of the users`,
    side: (side) => (side === 'service' ? { ...equal, errors } : equal),
  };
}

/** Half of the users for `ramp` seconds, then all of them; from then on the service fails as often as `errors` says. */
export function allAfter(ramp: number, seconds: number, errors: number): World {
  return {
    ...plain(seconds),
    name: `100 % after ${ramp} s, and then ${errors * 100} % errors instead of 0.1 %`,
    traffic: (second) => (second < ramp ? 0.5 : 1),
    side: (_side, { second }) => ({ ...equal, errors: second < ramp ? equal.errors : errors }),
  };
}

/** The service's share of requests beyond `relative` times the monolith's p95, if it is `by` times as slow. */
export function shareBeyond(by: number, relative: number): number {
  const z95 = 1.644854;
  return 1 - normalShare(z95 + Math.log(relative / by) / SIGMA);
}
