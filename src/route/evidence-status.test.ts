import { expect, it } from 'vitest';
import { evidenceStatus } from './evidence-status.ts';
import type { TriggerEvidence } from './triggers.ts';

const evidence: TriggerEvidence = {
  metric: 'error_rate', action: 'automatic_rollback', falseAlarmRate: 0.005, value: 1.234567, needed: 400,
  service: { n: 100.4, k: 2 }, monolith: { n: 1000, k: 1 }, reference: 0.05, edge: null, relative: 2,
};

it('the status tells within how many requests a difference would be found, as long as there is somebody to compare', () => {
  const [half, few, all, none] = [50, 5, 100, 0].map((percent) => evidenceStatus([evidence], { percent })[0]);
  expect(half).toMatchObject({ value: 1.235, service: { requests: 100, share: 0.01992 }, monolith: { requests: 1000, share: 0.001 }, finds: { share: 0.01 } });
  // With few users on the service there is more to compare each of its requests with.
  expect(few!.finds!.within).toBeLessThan(half!.finds!.within);
  expect(few!.finds!.within).toBeGreaterThan(100);
  // Against the fixed share that counts alone.
  expect(all!.finds).toMatchObject({ share: 0.25 });
  expect(none!.finds).toBeNull();
});

it('the status tells of a monolith that fails more often than not, too', () => {
  for (const k of [200, 500, 950, 1000]) {
    const [half] = evidenceStatus([{ ...evidence, monolith: { n: 1000, k } }], { percent: 50 });
    expect(half).toMatchObject({ monolith: { share: k / 1000 } });
  }
});
