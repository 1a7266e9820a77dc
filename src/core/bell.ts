import type { Clock } from './clock.ts';

/** Wakes whoever waits; rung while nobody does, it wakes the next one at once. */
export class Bell {
  readonly #clock: Clock;
  #rung = false;
  #wake: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Resolves when it rings, at once if it did since the last time, and after `ms` milliseconds at the latest. */
  async heard(ms?: number): Promise<void> {
    if (!this.#rung) {
      const timer = new AbortController();
      const rings = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const pause = ms === undefined ? [] : [this.#clock.sleep(Math.max(1, ms), timer.signal).catch((error: unknown) => {
        if (!timer.signal.aborted) throw error;
      })];
      await Promise.race([rings, ...pause]);
      timer.abort();
    }
    this.#rung = false;
  }
}
