import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { ShadowLatency, type LatencyStatus } from './latency.ts';

const clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };

/** Lognormal latencies around 10 ms; the service's are `times` as long. */
function measured(seed: number, { times, pairs }: { readonly times: number; readonly pairs: number }): LatencyStatus {
  const random = seededRandom(seed);
  const one = (): number => 10 * Math.exp(0.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
  const latency = new ShadowLatency(clock);
  for (let n = 0; n < pairs; n++) latency.add({ monolith: one(), service: one() * times });
  return latency.status;
}

describe('the latencies of both sides', () => {
  it('are compared by quantiles, with bounds that hold as often as they say', () => {
    let held = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const { ratio } = measured(seed, { times: 1.3, pairs: 1000 });
      expect(ratio.p95.value).toBeGreaterThan(1);
      for (const { low, high } of [ratio.p50, ratio.p95, ratio.p99]) if (low !== null && high !== null && low <= 1.3 && high >= 1.3) held++;
    }
    expect(held).toBeGreaterThanOrEqual(285);
    const { monolith, service } = measured(1, { times: 2, pairs: 5000 });
    // 10 ms times e^(0.5·1.645).
    expect(monolith.p50).toBeGreaterThan(9);
    expect(monolith.p50).toBeLessThan(11);
    expect(service.p95 / 2).toBeGreaterThan(20);
    expect(service.p95 / 2).toBeLessThan(26);
  });

  it('say nothing of quantiles that too few answers tell', () => {
    const { ratio } = measured(1, { times: 1, pairs: 50 });
    expect(ratio.p99).toMatchObject({ high: null });
    expect(ratio.p50.low).not.toBeNull();
    expect(new ShadowLatency(clock).status).toMatchObject({ pairs: 0, monolith: { p50: 0 }, ratio: { p50: { value: 0, low: null } }, sign: { verdict: 'unknown' } });
  });

  it('are called slower or faster if they are, and hardly ever otherwise, whenever one looks', () => {
    expect(measured(1, { times: 1.3, pairs: 1000 }).sign.verdict).toBe('slower');
    expect(measured(1, { times: 1 / 1.3, pairs: 1000 }).sign.verdict).toBe('faster');
    let alarms = 0;
    for (let seed = 1; seed <= 200; seed++) if (measured(seed, { times: 1, pairs: 2000 }).sign.verdict !== 'unknown') alarms++;
    // 2 % of 200 for both directions; a test that fires remains so only for as long as its stake is high.
    expect(alarms).toBeLessThanOrEqual(8);
  });
});
