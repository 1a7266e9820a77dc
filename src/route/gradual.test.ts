import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';
import type { Clock } from '../core/clock.ts';
import { noMetrics } from '../core/metrics.ts';
import { seededRandom } from '../core/random.ts';
import type { GradualPlan } from '../model/gradual-plan.ts';
import { PLAIN_DECISION } from '../model/route-decision.ts';
import type { RouteNotice } from '../ports/route-notifier.ts';
import type { RouteSignals } from '../ports/route-signals.ts';
import type { RouteAcknowledgement, RouteChange, RouteState, RouteStore, RouteWatcher } from '../ports/route-store.ts';
import { Observations } from './evidence/observations.ts';
import { StepEvidence } from './evidence/step-evidence.ts';
import { GradualWalk, type GradualStatus, type StepSurroundings } from './gradual.ts';
import type { RouteStatus } from './service-route.ts';

class ManualClock implements Clock {
  ms = 1_000_000;
  now = (): number => this.ms;
  monotonic = (): number => this.ms;
  sleep = async (): Promise<void> => {};
}

const plan: GradualPlan = { to: 100, stepPercent: 25, everySeconds: 10, maxSeconds: 100, overdue: 'wait' };
const fine: StepSurroundings = { moved: true, healthy: true, holding: [], unknown: [] };

function walkOf(): {
  readonly look: (around?: Partial<StepSurroundings>, more?: { readonly version?: number; readonly plan?: Partial<GradualPlan> }) => GradualStatus;
  /** A second of traffic: 50 requests to either side. */
  readonly send: (seconds: number, service?: { readonly errors?: number; readonly ms?: number }) => void;
} {
  const clock = new ManualClock();
  const observations = new Observations(clock);
  const evidence = new StepEvidence({ observations, baseline: () => 300 });
  const walk = new GradualWalk({ clock, evidence });
  const random = seededRandom(5);
  const look = (around: Partial<StepSurroundings> = {}, more: { readonly version?: number; readonly plan?: Partial<GradualPlan> } = {}): GradualStatus =>
    walk.look({ version: more.version ?? 1, percent: 25, plan: { ...plan, ...more.plan } }, { ...fine, ...around });
  return {
    look,
    send: (seconds, { errors = 0, ms = 60 } = {}) => {
      for (let n = 0; n < seconds * 50; n++) {
        const begun = (['monolith', 'service'] as const).map((side) => ({ side, block: observations.begin(side, clock.ms) }));
        clock.ms += 20;
        for (const { side, block } of begun) {
          // Latencies are exponential: the monolith's 95th percentile is 300.
          const took = -Math.log(1 - random()) * (side === 'service' ? ms : 100);
          if (block) observations.end(side, block, { now: clock.ms, ms: took, failed: side === 'service' && random() < errors });
        }
        if (n % 10 === 0) look();
      }
    },
  };
}

describe('a step of a gradual shift', () => {
  it('waits for its users, its time and its evidence, and says so', () => {
    const walk = walkOf();
    expect(walk.look({ moved: false }).waitsFor).toEqual(['the users to be moved']);
    expect(walk.look().waitsFor).toEqual(['its time']);
    walk.send(5);
    expect(walk.look().waitsFor).toMatchObject(['its time', expect.stringMatching(/^evidence of .* after \d+ requests$/)]);
    walk.send(35);
    expect(walk.look()).toMatchObject({ to: 100, next: 50, waitsFor: [], overdue: false });
  });

  it('does not wait where nobody asks', () => {
    const walk = walkOf();
    walk.look();
    expect(walk.look({}, { plan: { everySeconds: 0 } }).waitsFor).toEqual([]);
  });

  it.each([
    ['slower by a half', { ms: 150 }, /^evidence of latency/],
    ['with 2 % errors', { errors: 0.02 }, /^evidence of failures/],
  ])('is not taken with a service %s, and is overdue in time', (_what, service, waits) => {
    const walk = walkOf();
    walk.send(99, service);
    expect(walk.look()).toMatchObject({ waitsFor: [expect.stringMatching(waits)], overdue: false });
    walk.send(2, service);
    expect(walk.look()).toMatchObject({ overdue: true });
    expect(walk.look().waitsFor).toHaveLength(1);
    expect(walk.look({}, { plan: { overdue: 'continue' } }).waitsFor).toEqual([]);
  });

  it('waits while a rule holds or what it looks at is not known, however old it is', () => {
    const walk = walkOf();
    walk.send(110);
    const around = { holding: ['sync is 9000 ms behind'], unknown: ['validator_drift'], healthy: false };
    expect(walk.look(around, { plan: { overdue: 'continue' } }).waitsFor).toEqual([
      'the service to be healthy', 'the end of sync is 9000 ms behind', 'a word of validator_drift',
    ]);
    // Back is always possible.
    expect(walk.look(around, { plan: { to: 0 } }).waitsFor).toEqual([]);
  });

  it('begins with no evidence of the one before', () => {
    const walk = walkOf();
    walk.send(40);
    expect(walk.look().waitsFor).toEqual([]);
    expect(walk.look({}, { version: 2 })).toMatchObject({ waitsFor: ['its time'], evidence: { requests: 0 } });
  });
});

/** A store in memory that two routers can share. */
class MemoryStore implements RouteStore {
  readonly states: RouteState[] = [];
  readonly #watchers = new Set<RouteWatcher>();
  install = async (): Promise<void> => {};
  load = async (): Promise<readonly RouteState[]> => this.states.slice(-1);
  save = async ({ expectedVersion, decision = PLAIN_DECISION, ...change }: RouteChange): Promise<RouteState> => {
    const version = this.states.length + 1;
    if (expectedVersion !== undefined && expectedVersion !== version - 1) throw new Error('conflict');
    const state = { ...change, decision, version, at: new Date(0).toISOString() };
    this.states.push(state);
    for (const { onStates } of this.#watchers) onStates([state]);
    return state;
  };
  history = async (_service: string, limit: number): Promise<readonly RouteState[]> => [...this.states].reverse().slice(0, limit);
  watch = async (watcher: RouteWatcher, signal: AbortSignal): Promise<void> => {
    this.#watchers.add(watcher);
    watcher.onReachable(true, '');
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
    });
  };
  acknowledge = async (): Promise<void> => {};
  heartbeat = async (): Promise<void> => {};
  forget = async (): Promise<void> => {};
  liveRouters = async (): Promise<readonly string[]> => [];
  acknowledgements = async (): Promise<readonly RouteAcknowledgement[]> => [];
}

describe('the router', () => {
  const fixtures: RouterFixture[] = [];
  afterEach(async () => {
    for (const fixture of fixtures.splice(0)) await fixture.close();
  });
  const fixtureOf = async (options: Parameters<typeof routerFixture>[0]): Promise<RouterFixture> => {
    const fixture = await routerFixture({ triggerEveryMs: 5, retryMs: 20, ...options });
    fixtures.push(fixture);
    return fixture;
  };
  const statusOf = ({ router }: RouterFixture): RouteStatus => router.status().routes[0]!;

  it('goes on with a gradual shift that another router began, and leaves it when somebody decides', async () => {
    const store = new MemoryStore();
    const first = await fixtureOf({ store });
    const shift = first.router.shift('accounts', 75, { gradual: true, stepPercent: 25, everySeconds: 3600, by: 'ada' });
    await until(() => statusOf(first).gradual !== null, 'the plan');
    await first.router.close();
    expect(await shift).toMatchObject({ state: 'superseded', reason: 'the router stopped' });
    // As if an hour had passed: the step's time is the only thing it waited for.
    const last = store.states.at(-1)!;
    store.states[store.states.length - 1] = { ...last, decision: { ...last.decision, gradual: { ...last.decision.gradual!, everySeconds: 0.01 } } };
    const second = await fixtureOf({ store });
    await until(() => statusOf(second).percent === 75, 'the last step');
    expect(store.states.map(({ percent, by }) => [percent, by])).toEqual([[25, 'ada'], [50, 'banyan'], [75, 'banyan']]);
    expect(statusOf(second).gradual).toBeNull();
    const again = second.router.shift('accounts', 100, { gradual: true, stepPercent: 5, everySeconds: 3600 });
    await until(() => statusOf(second).gradual !== null, 'the other plan');
    await second.router.shift('accounts', 10);
    expect(await again).toMatchObject({ state: 'superseded', reason: '10 % was decided meanwhile (version 5)' });
  });

  it('says at which step it waits, and for what, and is postponed when that is overdue', async () => {
    let signals: RouteSignals = { syncLagMs: 9000 };
    const fixture = await fixtureOf({
      rule: { triggers: [{ metric: 'sync_lag', threshold: 1000, action: 'alert_team' }] },
      signals: { read: async () => signals }, signalsEveryMs: 5,
    });
    const shift = await fixture.router.shift('accounts', 100, { gradual: true, stepPercent: 50, everySeconds: 0.01, maxSeconds: 0.1 });
    expect(shift).toMatchObject({ state: 'postponed', reason: expect.stringContaining('waiting for the end of sync is 9000 ms behind') });
    expect(statusOf(fixture)).toMatchObject({ percent: 50, gradual: { next: 100, overdue: true }, signals: { syncLagMs: 9000 } });
    signals = { syncLagMs: 0 };
    await until(() => statusOf(fixture).percent === 100, 'the last step');
  });

  it('tells when it goes back by itself, refuses a gradual shift shortly after, and obeys a hand', async () => {
    const notices: RouteNotice[] = [];
    const fixture = await fixtureOf({
      rule: { percent: 100, triggers: [{ metric: 'consecutive_failures', threshold: 2 }], breaker: { failures: 1000 } },
      notifier: { tell: (notice) => void notices.push(notice), close: async () => {} },
    });
    fixture.service.handler = (_incoming, response) => response.writeHead(500).end();
    while (statusOf(fixture).percent > 0) await (await request(`${fixture.url}/api/users/1`)).body.dump();
    expect(notices).toMatchObject([{ event: 'triggered', metric: 'consecutive_failures', action: 'automatic_rollback', percent: 100 }]);
    expect(statusOf(fixture).coolingUntil).not.toBeNull();
    await expect(fixture.router.shift('accounts', 50, { gradual: true })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_COOLING' });
    fixture.service.handler = null;
    expect(await fixture.router.shift('accounts', 50)).toMatchObject({ state: 'done' });
  });

  it('tells of a rule that only alerts when it begins and when it ends, and not again soon', async () => {
    const notices: RouteNotice[] = [];
    let cpu = 0.95;
    let looks = 0;
    const fixture = await fixtureOf({
      metrics: { ...noMetrics, gauge: (name) => void (looks += name === 'banyan_route_gradual_overdue' ? 1 : 0) },
      rule: { percent: 100, triggers: [{ metric: 'cpu', threshold: 0.9, action: 'scale_up' }] },
      signals: { read: async () => ({ cpu: { service: cpu } }) }, signalsEveryMs: 5,
      notifier: { tell: (notice) => void notices.push(notice), close: async () => {} },
    });
    await until(() => notices.length === 1, 'the notice');
    cpu = 0.1;
    await until(() => notices.length === 2, 'its end');
    cpu = 0.95;
    await until(() => statusOf(fixture).signals.cpu?.service === 0.95, 'the load');
    const seen = looks;
    await until(() => looks >= seen + 3, 'further judgements');
    expect(notices).toMatchObject([{ event: 'triggered', action: 'scale_up' }, { event: 'resolved', action: 'scale_up' }]);
    expect(statusOf(fixture).percent).toBe(100);
  });

  it('goes back to any earlier version, and keeps the history', async () => {
    const fixture = await fixtureOf({});
    for (const percent of [10, 60, 30]) await fixture.router.shift('accounts', percent, { by: 'ada' });
    expect(await fixture.router.rollback('accounts', { toVersion: 1 })).toMatchObject({ percent: 10, version: 4 });
    expect((await fixture.router.history('accounts')).map(({ version, percent, why }) => [version, percent, why])).toEqual([
      [4, 10, 'rollback to version 1'], [3, 30, ''], [2, 60, ''], [1, 10, ''],
    ]);
    await expect(fixture.router.rollback('accounts', { toVersion: 9 })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_INVALID' });
  });
});
