import { expect, it } from 'vitest';
import { ClockSkewWatch } from './clock-skew.ts';

it('is the difference of both clocks, by the readings with the shortest round trips', () => {
  const watch = new ClockSkewWatch();
  expect(watch.skew).toBeUndefined();
  watch.add('monolith', { offsetMs: 10, uncertaintyMs: 1 });
  expect(watch.skew).toBeUndefined();
  expect(watch.beyond(0)).toBe(false);
  watch.add('service', { offsetMs: 900, uncertaintyMs: 400 });
  expect(watch.skew).toEqual({ skewMs: 890, uncertaintyMs: 401 });
  expect(watch.beyond(500)).toBe(false);
  watch.add('service', { offsetMs: 610, uncertaintyMs: 2 });
  expect(watch.skew).toEqual({ skewMs: 600, uncertaintyMs: 3 });
  expect(watch.beyond(500)).toBe(true);
  expect(watch.beyond(600)).toBe(false);
});

it('forgets old readings, so that a clock that is set right is seen', () => {
  const watch = new ClockSkewWatch();
  watch.add('service', { offsetMs: 0, uncertaintyMs: 1 });
  watch.add('monolith', { offsetMs: -700, uncertaintyMs: 0.1 });
  expect(watch.beyond(100)).toBe(true);
  for (let i = 0; i < 10; i++) watch.add('monolith', { offsetMs: 0, uncertaintyMs: 5 });
  expect(watch.skew).toEqual({ skewMs: 0, uncertaintyMs: 6 });
});
