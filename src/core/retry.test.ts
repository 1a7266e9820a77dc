import { describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { retry } from './retry.ts';

/** Time passes only where somebody waits for it. */
class StepClock implements Clock {
  readonly slept: number[] = [];
  #now = 0;
  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.pass(ms);
    return Promise.resolve();
  }
  pass(ms: number): void {
    this.#now += ms;
  }
}

const lost = new Error('lost');

function setting() {
  const clock = new StepClock();
  return { clock, options: { clock, signal: new AbortController().signal, transient: (error: unknown) => error === lost } };
}

describe('retry', () => {
  it('waits longer each time, and begins anew after an attempt that went well for a while', async () => {
    const { clock, options } = setting();
    let attempts = 0;
    await retry(async (going) => {
      attempts += 1;
      if (attempts === 5) going();
      if (attempts < 8) throw lost;
    }, options);
    expect(clock.slept).toEqual([50, 100, 200, 400, 50, 100, 200]);
  });

  it('tries for ever, unless there is an end to its patience with errors that follow one another', async () => {
    const { clock, options } = setting();
    let attempts = 0;
    const failing = (going: () => void): Promise<void> => {
      attempts += 1;
      clock.pass(1000);
      // What went well in between is no outage.
      if (attempts < 10) going();
      return Promise.reject(lost);
    };
    await expect(retry(failing, { ...options, patienceMs: () => 5000 })).rejects.toBe(lost);
    expect(attempts).toBeGreaterThan(12);
    let endless = 0;
    await retry(() => ((endless += 1) < 200 ? Promise.reject(lost) : Promise.resolve()), options);
    expect(endless).toBe(200);
  });

  it('does not try again what will not pass by itself', async () => {
    const { options } = setting();
    const broken = new Error('broken');
    await expect(retry(() => Promise.reject(broken), options)).rejects.toBe(broken);
  });
});
