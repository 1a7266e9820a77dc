import type { Clock } from '../../../src/core/clock.ts';
import { seededRandom, type Random } from '../../../src/core/random.ts';
import type { Side } from '../../../src/model/side.ts';
import { Observations, type Block } from '../../../src/route/evidence/observations.ts';
import { QuantileTracker } from '../../../src/route/evidence/quantile-tracker.ts';

/** How one side behaves at a moment, for one user. */
export interface Behaviour {
  /** Share of requests that fail. */
  readonly errors: number;
  /** The median, in milliseconds. */
  readonly medianMs: number;
}

export interface World {
  readonly name: string;
  /** Requests a second at a moment (in seconds) of the rollout. */
  readonly rate: (second: number) => number;
  /** The service's share of users, 0 to 1. */
  readonly traffic: (second: number) => number;
  readonly side: (side: Side, at: { readonly second: number; readonly user: number; readonly random: Random }) => Behaviour;
  /** Standard deviation of the latency's logarithm. Default 0.5. */
  readonly sigma?: number;
  /** Share of requests in a Pareto tail of index 1.5 above the median. Default 0. */
  readonly heavy?: number;
  /** Users; each keeps his side. Default: every request is another user's. */
  readonly users?: number;
  readonly seconds: number;
}

/** Something that looks at the requests and says when to go back. */
export interface Judge {
  /** Whether it fires now, in this second of the rollout. */
  look(second: number): boolean;
}

export interface Outcome {
  readonly fired: boolean;
  /** Requests of the service until then. */
  readonly serviceRequests: number;
}

/** A latency and a failure of a request under way. */
interface UnderWay {
  readonly side: Side;
  readonly block: Block | null;
  readonly at: number;
  readonly ms: number;
  readonly failed: boolean;
}

class SteppedClock implements Clock {
  ms = 1_000_000;
  now = (): number => this.ms;
  monotonic = (): number => this.ms;
  sleep = async (): Promise<void> => {};
}

const WARM_UP_SECONDS = 10;
const WHEEL = 65_536;
const LOOK_MS = 50;

/** One rollout, with the router's own way of counting; the judge is asked every 50 ms, four times a block. */
export function rollout(
  world: World,
  seed: number,
  judgeOf: (parts: { readonly observations: Observations; readonly p95: () => number | undefined; readonly seen: (listener: (request: { readonly side: Side; readonly ms: number; readonly failed: boolean }) => void) => void }) => Judge,
): Outcome {
  const random = seededRandom(seed * 2_654_435_761);
  const normal = normals(random);
  const clock = new SteppedClock();
  const observations = new Observations(clock);
  const tracker = new QuantileTracker(0.95);
  let listener: ((request: { readonly side: Side; readonly ms: number; readonly failed: boolean }) => void) | undefined;
  const start = clock.ms;
  const wheel: UnderWay[][] = Array.from({ length: WHEEL }, () => []);
  let turned = Math.floor(start);
  const turn = (until: number): void => {
    for (; turned <= until; turned++) {
      const due = wheel[turned % WHEEL] ?? [];
      for (const { side, block, at, ms, failed } of due.splice(0)) {
        clock.ms = Math.max(clock.ms, at);
        if (side === 'monolith') tracker.add(ms);
        if (block) observations.end(side, block, { now: clock.ms, ms, failed });
        listener?.({ side, ms, failed });
      }
    }
  };
  let judge: Judge | undefined;
  let serviceRequests = 0;
  let nextLook = 0;
  const offset = Math.floor(random() * 1e9);
  for (let second = -WARM_UP_SECONDS; second < world.seconds; ) {
    // Nobody is served by the service before the rollout begins; the monolith's latencies are known by then.
    if (second >= 0 && !judge) {
      judge = judgeOf({ observations, p95: () => tracker.value, seen: (to) => (listener = to) });
    }
    const now = start + (second + WARM_UP_SECONDS) * 1000;
    turn(now);
    clock.ms = now;
    const user = world.users === undefined ? Math.floor(random() * 1e9) : Math.floor(random() * world.users);
    const place = world.users === undefined ? random() : seededRandom(user * 7919 + offset)();
    const side: Side = second >= 0 && place < world.traffic(second) ? 'service' : 'monolith';
    const { errors, medianMs } = world.side(side, { second, user, random });
    const tail = world.heavy !== undefined && random() < world.heavy ? (1 - random()) ** (-1 / 1.5) : 1;
    const ms = Math.min(WHEEL - 2000, medianMs * Math.exp(normal() * (world.sigma ?? 0.5)) * tail);
    const block = observations.begin(side, now);
    if (side === 'service') serviceRequests++;
    wheel[Math.ceil(now + ms) % WHEEL]?.push({ side, block, at: now + ms, ms, failed: random() < errors });
    second += -Math.log(1 - random()) / world.rate(Math.max(0, second));
    if (judge && now >= nextLook) nextLook = now + LOOK_MS;
    else continue;
    if (judge.look(second)) return { fired: true, serviceRequests };
  }
  return { fired: false, serviceRequests };
}

/** Box and Muller's way to normal variates. */
function normals(random: Random): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
