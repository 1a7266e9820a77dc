import type { Clock } from '../../src/core/clock.ts';

/** A clock on which time passes only by sleeping, at once. */
export function instantClock(): Clock {
  let ms = 0;
  return {
    now: () => ms,
    monotonic: () => ms,
    sleep: async (pause, signal) => {
      signal?.throwIfAborted();
      ms += pause;
    },
  };
}
