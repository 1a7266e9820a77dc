import { setTimeout as delay } from 'node:timers/promises';

/** Time as a port: the only way rooms read or await it, so that tests and the simulation own it. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970, UTC. May step. For people and records. */
  now(): number;
  /** Milliseconds on a clock that never steps back. For durations and timeouts. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects at once with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
