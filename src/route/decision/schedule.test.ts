import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../../test/support/route-fixture.ts';
import { SharedRouteStore } from '../../../test/support/shared-route-store.ts';
import { systemClock, type Clock } from '../../core/clock.ts';
import { PLAIN_DECISION } from '../../model/route-decision.ts';
import { TrafficRouter } from '../router.ts';
import { anchored, isDue, nextScheduled } from './schedule.ts';

const NOON = Date.parse('2026-07-01T12:00:00Z');

describe('the steps of a schedule', () => {
  it('have their time from the moment that makes them the next', () => {
    expect(anchored([], NOON)).toEqual([]);
    expect(anchored([{ percent: 5, afterSeconds: 60 }, { percent: 9, afterSeconds: 60 }], NOON)).toEqual([
      { percent: 5, at: '2026-07-01T12:01:00.000Z' }, { percent: 9, afterSeconds: 60 },
    ]);
    expect(anchored([{ percent: 5, at: '2026-07-02T00:00:00Z', afterSeconds: 60 }], NOON)).toEqual([{ percent: 5, at: '2026-07-02T00:00:00.000Z' }]);
    expect(anchored([{ percent: 5, at: '2020-01-01T00:00:00Z' }], NOON)).toEqual([{ percent: 5, at: '2020-01-01T00:00:00.000Z' }]);
  });

  it('come when it is time, and not while something stands before them', () => {
    const step = { percent: 5, at: '2026-07-01T12:00:00.000Z' };
    expect([isDue(step, NOON - 1), isDue(step, NOON), isDue({ percent: 5 }, NOON)]).toEqual([false, true, true]);
    const decision = { ...PLAIN_DECISION, schedule: [step] };
    expect(nextScheduled(decision)).toBe(step);
    expect(nextScheduled({ ...decision, pinned: 'monolith' })).toBeUndefined();
    expect(nextScheduled({ ...decision, gradual: { to: 9, stepPercent: 1, everySeconds: 1, maxSeconds: 1, overdue: 'wait' } })).toBeUndefined();
    expect(nextScheduled(PLAIN_DECISION)).toBeUndefined();
  });
});

let fixture: RouterFixture | undefined;
const others: TrafficRouter[] = [];
afterEach(async () => {
  for (const router of others.splice(0)) await router.close({ drainMs: 0 });
  await fixture?.close();
  fixture = undefined;
});

describe('a scheduled rollout', () => {
  /** A wall clock that is put forward by hand. */
  const movable = () => {
    const state = { ahead: 0 };
    const clock: Clock = { ...systemClock, now: () => NOON + state.ahead };
    return { clock, forward: (seconds: number) => (state.ahead += seconds * 1000) };
  };

  it('takes each step once among three routers, in its time, and stops when somebody goes back', async () => {
    const { clock, forward } = movable();
    const store = new SharedRouteStore(clock);
    const options = { clock, store, triggerEveryMs: 5 };
    fixture = await routerFixture(options);
    for (let n = 0; n < 2; n++) {
      const router = new TrafficRouter({ ...options, fence: fixture.fence, warmUpRequests: 0 });
      others.push(router);
      await router.addRoute({ service: 'accounts', triggers: [] }, { monolith: fixture.monolith.url, service: fixture.service.url });
    }
    const schedule = [{ percent: 5, at: '2026-07-01T13:00:00Z' }, { percent: 25, afterSeconds: 3600 }, { percent: 100, afterSeconds: 3600 }];
    await fixture.router.change('accounts', { strategy: 'canary', schedule });
    const status = () => fixture!.router.status().routes[0]!;
    await until(() => status().schedule?.waitsFor.join() === 'its time, 2026-07-01T13:00:00.000Z', 'the wait');
    forward(3600);
    await until(() => status().percent === 5, 'the first step');
    await until(() => others.every((router) => router.status().routes[0]!.percent === 5), 'the first step elsewhere');
    expect(store.versions.map(({ percent, by }) => [percent, by])).toEqual([[0, 'library'], [5, 'banyan']]);
    forward(3599);
    // A list changes nothing about the time of the next step.
    await fixture.router.change('accounts', { allow: ['anna'] });
    await until(() => status().schedule?.waitsFor.join() === 'its time, 2026-07-01T14:00:00.000Z', 'the wait for the second');
    forward(2);
    await until(() => status().percent === 25, 'the second step');
    expect(store.versions.map(({ percent }) => percent)).toEqual([0, 5, 5, 25]);
    await fixture.router.rollback('accounts');
    forward(7200);
    await until(() => others.every((router) => router.status().routes[0]!.version === 5), 'the rollback elsewhere');
    expect(status()).toMatchObject({ percent: 0, schedule: null });
    expect(store.versions.at(-1)?.decision).toMatchObject({ schedule: [], pinned: 'monolith', allow: ['anna'] });
  });

  it('does not go on before the users of the last step are moved, without a store too', async () => {
    const { clock, forward } = movable();
    fixture = await routerFixture({ clock, triggerEveryMs: 5, fenceBoundMs: 30, retryMs: 10 });
    fixture.fence.stall('monolith');
    await fixture.router.change('accounts', { schedule: [{ percent: 5 }, { percent: 25, afterSeconds: 1 }] });
    const status = () => fixture!.router.status().routes[0]!;
    await until(() => status().targetPercent === 5 && status().move.state === 'postponed');
    forward(10);
    await until(() => status().schedule?.waitsFor[0] === 'the users to be moved', 'the wait');
    expect(status()).toMatchObject({ percent: 0, targetPercent: 5 });
    fixture.fence.flow('monolith');
    await until(() => status().percent === 25 && status().move.state === 'done', 'both steps');
    expect(status().schedule).toBeNull();
  });
});
