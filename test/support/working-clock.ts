import type { Clock } from '../../src/core/clock.ts';

/** Real time, in which `sleep` is work that takes exactly as long as was asked for. */
export function workingClock(work: () => Promise<void> = () => Promise.resolve()): Clock {
  let jumped = 0;
  return {
    now: () => Date.UTC(2027, 0, 11),
    monotonic: () => performance.now() + jumped,
    sleep: async (ms) => {
      const start = performance.now();
      await work();
      jumped += ms - (performance.now() - start);
    },
  };
}
