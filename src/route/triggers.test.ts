import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../test/support/route-fixture.ts';
import { systemClock, type Clock } from '../core/clock.ts';
import { noMetrics, type Metrics } from '../core/metrics.ts';
import type { Side } from '../model/side.ts';
import { Breaker } from './breaker.ts';
import { Observations } from './evidence/observations.ts';
import type { RouteStatus } from './service-route.ts';
import { SideStats, type Timing } from './side-stats.ts';
import { wrongRule } from '../model/trigger-rule.ts';
import { DEFAULT_TRIGGERS, Triggers, type Evidence, type TriggerRule } from './triggers.ts';

class ManualClock implements Clock {
  ms = 1_000_000;
  now = (): number => this.ms;
  monotonic = (): number => this.ms;
  sleep = async (): Promise<void> => {};
}

interface Simulation {
  readonly clock: ManualClock;
  readonly evidence: Evidence & { breaker: Breaker };
  readonly triggers: Triggers;
  /**
   * Sends 20 requests a second to the service (and as many to the monolith) for some seconds; gives the
   * milliseconds after which a rule fired, and which.
   */
  run(seconds: number, behaviour: { readonly ms: number; readonly fails?: boolean; readonly monolithMs?: number }): { afterMs: number; metric: string } | null;
}

/** Those of the defaults that go back. */
const GOING_BACK = DEFAULT_TRIGGERS.filter(({ action }) => action === undefined);

function simulation(rules: readonly TriggerRule[] = GOING_BACK): Simulation {
  const clock = new ManualClock();
  const observations = new Observations(clock);
  const stats = (side: Side): SideStats => new SideStats(clock, { observations, side });
  const evidence = {
    stats: { monolith: stats('monolith'), service: stats('service') },
    breaker: new Breaker({ clock }),
    healthy: true,
  };
  const triggers = new Triggers({ rules, clock, observations, baseline: (q) => evidence.stats.monolith.tracked(q) });
  const open: { readonly timing: Timing; readonly at: number; readonly fails: boolean; readonly stats: SideStats }[] = [];
  return {
    clock,
    evidence,
    triggers,
    run: (seconds, { ms, fails = false, monolithMs = 5 }) => {
      const start = clock.ms;
      while (clock.ms < start + seconds * 1000) {
        if ((clock.ms - start) % 50 === 0) {
          const { monolith, service } = evidence.stats;
          open.push({ timing: service.start(), at: clock.ms + ms, fails, stats: service });
          open.push({ timing: monolith.start(), at: clock.ms + monolithMs, fails: false, stats: monolith });
        }
        for (const request of open.filter(({ at }) => at <= clock.ms)) {
          open.splice(open.indexOf(request), 1);
          request.stats.finish(request.timing, request.fails);
          if (request.stats !== evidence.stats.service) continue;
          if (request.fails) evidence.breaker.failed('pass');
          else evidence.breaker.succeeded('pass');
        }
        if ((clock.ms - start) % 200 === 0) {
          const [firing] = triggers.evaluate(evidence);
          if (firing) return { afterMs: clock.ms - start, metric: firing.rule.metric };
        }
        clock.ms += 5;
      }
      return null;
    },
  };
}

describe('the default triggers at 20 requests a second', () => {
  it('leave a healthy service alone', () => {
    expect(simulation().run(120, { ms: 5 })).toBeNull();
    // Slower than the monolith, but not slow; and slow, but not slower than the monolith.
    expect(simulation().run(60, { ms: 400 })).toBeNull();
    expect(simulation().run(60, { ms: 800, monolithMs: 800 })).toBeNull();
  });

  it('tell of one that is slower than the monolith, and not of one that is quick enough', () => {
    const telling = DEFAULT_TRIGGERS.filter(({ action }) => action === 'alert_team');
    expect(simulation(telling).run(60, { ms: 400 })).not.toBeNull();
    expect(simulation(telling).run(60, { ms: 60 })).toBeNull();
    expect(simulation(telling).run(60, { ms: 400, monolithMs: 400 })).toBeNull();
  });

  it('notice answers after 2 seconds instead of 5 ms before the third second', () => {
    const service = simulation();
    expect(service.run(60, { ms: 5 })).toBeNull();
    const firing = service.run(10, { ms: 2000 });
    expect(firing?.metric).toBe('latency_p95');
    expect(firing?.afterMs).toBeLessThan(2500);
  });

  it('notice a service that does not answer at all', () => {
    const service = simulation();
    service.run(60, { ms: 5 });
    expect(service.run(10, { ms: 1_000_000 })?.afterMs).toBeLessThan(2500);
  });

  it('notice errors within the second', () => {
    const service = simulation();
    service.run(60, { ms: 5 });
    const firing = service.run(10, { ms: 5, fails: true });
    expect(firing?.afterMs).toBeLessThan(1000);
  });

  it('notice errors among successes by their rate', () => {
    const service = simulation([DEFAULT_TRIGGERS[0]!]);
    service.run(60, { ms: 5 });
    expect(service.run(10, { ms: 5, fails: true })).toMatchObject({ metric: 'error_rate' });
  });

  it('do not blame the service for what the monolith suffers too', () => {
    expect(simulation([DEFAULT_TRIGGERS[1]!]).run(30, { ms: 1500, monolithMs: 1500 })).toBeNull();
    expect(simulation([DEFAULT_TRIGGERS[1]!]).run(30, { ms: 1500 })).not.toBeNull();
  });
});

describe('rules', () => {
  const evidence = (): Evidence & { healthy: boolean } => simulation().evidence;

  it('wait for their duration without a break', () => {
    const clock = new ManualClock();
    const triggers = new Triggers({ rules: [{ metric: 'unavailable', durationMs: 1000 }], clock });
    const sick = { ...evidence(), healthy: false };
    expect(triggers.evaluate(sick)).toEqual([]);
    clock.ms += 900;
    expect(triggers.evaluate(evidence())).toEqual([]);
    expect(triggers.evaluate(sick)).toEqual([]);
    clock.ms += 1000;
    expect(triggers.evaluate(sick)).toMatchObject([{ why: 'the health check fails' }]);
    triggers.reset();
    expect(triggers.evaluate(sick)).toEqual([]);
  });

  it('say which state the breaker is in', () => {
    const { evidence, triggers, clock } = simulation([{ metric: 'unavailable' }, { metric: 'consecutive_failures' }]);
    expect(triggers.evaluate(evidence)).toEqual([]);
    for (let n = 0; n < 5; n++) evidence.breaker.failed('pass');
    expect(triggers.evaluate(evidence).map(({ why }) => why)).toEqual(['the circuit breaker is open', '5 failures in a row']);
    clock.ms += 1000;
    expect(triggers.evaluate(evidence)[0]?.why).toBe('the circuit breaker is half-open');
  });
});

describe('rules about what is beside requests', () => {
  const fires = (rule: TriggerRule, evidence: Partial<Evidence>): string | undefined => {
    const base = simulation();
    return new Triggers({ rules: [rule], clock: base.clock }).evaluate({ ...base.evidence, ...evidence })[0]?.why;
  };

  it('fire above their threshold, and relative ones above the other side too', () => {
    expect(fires({ metric: 'sync_lag', threshold: 5000 }, { signals: { syncLagMs: 6000 } })).toContain('6000 ms behind');
    expect(fires({ metric: 'sync_lag', threshold: 5000 }, { signals: { syncLagMs: 5000 } })).toBeUndefined();
    expect(fires({ metric: 'validator_drift', threshold: 0 }, { signals: { validatorDrift: 0.001 } })).toContain('0.1 % of rows');
    const cpu = { cpu: { service: 0.9, monolith: 0.8 } };
    expect(fires({ metric: 'cpu', threshold: 0.8 }, { signals: cpu })).toContain('cpu of the service at 0.9');
    expect(fires({ metric: 'cpu', threshold: 0.8, relative: 2 }, { signals: cpu })).toBeUndefined();
    expect(fires({ metric: 'memory', threshold: 0.8, relative: 2 }, { signals: { memory: { service: 0.9 } } })).toContain('memory');
  });

  it('do not fire on what is not known', () => {
    for (const metric of ['sync_lag', 'validator_drift', 'cpu', 'memory'] as const) expect(fires({ metric, threshold: 0 }, {})).toBeUndefined();
    expect(fires({ metric: 'availability', threshold: 0.99 }, {})).toBeUndefined();
  });

  it('count what was refused as not available', () => {
    const { evidence, clock } = simulation();
    const rule: TriggerRule = { metric: 'availability', threshold: 0.9 };
    const { service } = evidence.stats;
    for (let n = 0; n < 20; n++) service.finish(service.start(), false);
    const triggers = new Triggers({ rules: [rule], clock });
    expect(triggers.evaluate(evidence)).toEqual([]);
    for (let n = 0; n < 5; n++) service.refuse();
    expect(triggers.evaluate(evidence)[0]?.why).toContain('availability at 80.0 % over 25 requests');
  });

  it('judge differences in the shadow by evidence, from the first look on', () => {
    const { evidence, clock } = simulation();
    const triggers = new Triggers({ rules: [{ metric: 'shadow_differences', threshold: 0.01 }], clock });
    const look = (compared: number, different: number): number => triggers.evaluate({ ...evidence, shadow: { compared, different } }).length;
    expect(look(100, 90)).toBe(0);
    expect(look(1100, 95)).toBe(0);
    expect(look(1200, 125)).toBe(1);
    expect(triggers.evidence).toMatchObject([{ metric: 'shadow_differences', falseAlarmRate: 0.01, needed: 100 }]);
    triggers.reset();
    expect(look(1300, 225)).toBe(0);
  });
});

describe('the sequential rules of a rollout', () => {
  it('share the rate of false alarms, and those that only tell have their own', () => {
    const { clock } = simulation();
    const rules: TriggerRule[] = [
      { metric: 'error_rate', relative: 2 },
      { metric: 'latency_p50', relative: 1.5 },
      { metric: 'latency_p99', threshold: 100, action: 'alert_team' },
      { metric: 'latency_p99', threshold: 100, windowMs: 5000 },
    ];
    const { evidence } = new Triggers({ rules, clock, falseAlarmRate: 0.02 });
    expect(evidence.map(({ metric, falseAlarmRate }) => [metric, falseAlarmRate])).toEqual([['error_rate', 0.01], ['latency_p50', 0.01], ['latency_p99', 0.02]]);
  });

  it('begin anew with another rollout', () => {
    const service = simulation([{ metric: 'error_rate', relative: 2 }]);
    expect(service.run(10, { ms: 5, fails: true })).not.toBeNull();
    service.triggers.reset();
    expect(service.run(60, { ms: 5 })).toBeNull();
  });

  it.each<[TriggerRule, RegExp]>([
    [{ metric: 'cpu', threshold: 1, test: 'sequential' }, /no count of independent requests/],
    [{ metric: 'error_rate', threshold: 0.1, test: 'sequential', windowMs: 100 }, /decides by itself/],
    [{ metric: 'error_rate', threshold: 0.1, test: 'threshold', alone: 0.2 }, /only with sequential/],
    [{ metric: 'unavailable', threshold: 1 }, /it is or it is not/],
    [{ metric: 'sync_lag', threshold: 1, relative: 2 }, /both sides have a value/],
    [{ metric: 'error_rate' }, /without a threshold/],
    [{ metric: 'error_rate', relative: 0 }, /above 0/],
    [{ metric: 'error_rate', threshold: 1 }, /between 0 and 1/],
    [{ metric: 'latency_p95', threshold: 100_000 }, /60,000/],
  ])('are refused where they make no sense: %o', (rule, why) => {
    const { found, expected } = wrongRule(rule)!;
    expect(`${found}; ${expected}`).toMatch(why);
  });
});

describe('statistics of a side', () => {
  it('forget what is older than the window', () => {
    const clock = new ManualClock();
    const stats = new SideStats(clock);
    for (let n = 0; n < 600; n++) {
      stats.finish(stats.start(), n < 10);
      clock.ms += 250;
    }
    expect(stats.summary(1000)).toMatchObject({ requests: 3, errors: 0, errorRate: 0 });
    expect(stats.summary(120_000).requests).toBeLessThanOrEqual(480);
    expect(stats.summary(1000).quantile(0.5)).toBeLessThan(1);
    stats.reset();
    expect(stats.summary(10_000)).toMatchObject({ requests: 0 });
    expect(stats.summary(10_000).quantile(0.99)).toBe(0);
  });

  it('know quantiles to within their classes, up to the longest', () => {
    const clock = new ManualClock();
    const stats = new SideStats(clock);
    for (const ms of [10, 20, 30, 40, 1_000_000]) {
      const timing = stats.start();
      clock.ms += ms;
      stats.finish(timing, false);
    }
    const summary = stats.summary(2_000_000);
    expect(summary.quantile(1)).toBeGreaterThan(80_000);
    const cancelled = stats.start();
    clock.ms += 5000;
    expect(stats.summary(1, 1000).requests).toBe(1);
    stats.cancel(cancelled);
    expect(stats.summary(1, 1000).requests).toBe(0);
  });
});

describe('the circuit breaker', () => {
  it('follows its table of states', () => {
    const clock = new ManualClock();
    const changes: string[] = [];
    const breaker = new Breaker({ clock, failures: 2, openMs: 100, successes: 2, onChange: (state) => changes.push(state) });
    breaker.failed('pass');
    breaker.succeeded('pass');
    breaker.failed('pass');
    expect(breaker.enter(false)).toBe('pass');
    expect(breaker.troubledMs).toBe(0);
    breaker.failed('pass');
    expect(breaker.state).toBe('open');
    expect(breaker.enter(true)).toBe('refused');
    breaker.succeeded('pass');
    breaker.failed('pass');
    expect(breaker.state).toBe('open');
    clock.ms += 100;
    expect(breaker.enter(false)).toBe('refused');
    expect(breaker.enter(true)).toBe('trial');
    expect(breaker.enter(true)).toBe('refused');
    breaker.failed('trial');
    expect(breaker.state).toBe('open');
    clock.ms += 100;
    expect(breaker.enter(true)).toBe('trial');
    breaker.cancelled('trial');
    breaker.cancelled('pass');
    for (let n = 0; n < 2; n++) {
      expect(breaker.enter(true)).toBe('trial');
      breaker.succeeded('trial');
    }
    expect(breaker.state).toBe('closed');
    expect(breaker.consecutiveFailures).toBe(0);
    expect(changes).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
    expect(breaker.troubledMs).toBe(0);
  });
});

describe('the router', () => {
  let fixture: RouterFixture | undefined;
  afterEach(async () => {
    fixture?.fence.flow('service');
    await fixture?.close();
    fixture = undefined;
  });

  /** Clients that ask one request after the other until the route is back at the monolith. */
  async function useUntilRolledBack(): Promise<{ readonly failedReads: number }> {
    let failedReads = 0;
    const over = new AbortController();
    const client = async (n: number): Promise<void> => {
      while (!over.signal.aborted) {
        const response = await request(`${fixture!.url}/api/users/${n}`, { headers: { cookie: `uid=${n}` } });
        await response.body.dump();
        if (response.statusCode !== 200) failedReads++;
      }
    };
    const clients = Promise.all(Array.from({ length: 10 }, (_, n) => client(n)));
    try {
      await until(() => fixture!.router.status().routes[0]!.percent === 0, 'the way back');
    } finally {
      over.abort();
      await clients;
    }
    return { failedReads };
  }

  // One rule each: on a busy machine a failing service may be slow as well.
  const onErrors: TriggerRule[] = [{ metric: 'error_rate', threshold: 0.05, windowMs: 5000, minSamples: 10 }];
  const onLatency: TriggerRule[] = [{ metric: 'latency_p95', threshold: 150, windowMs: 5000, minSamples: 10 }];

  it.each([
    ['slow', onLatency, 'latency_p95'],
    ['failing', onErrors, 'error_rate'],
    ['unreachable', DEFAULT_TRIGGERS.filter(({ metric }) => metric === 'consecutive_failures'), 'failures in a row'],
    ['failing with nobody to compare', DEFAULT_TRIGGERS.filter(({ metric }) => metric === 'error_rate'), 'error_rate'],
  ])('goes back by itself from a service that is %s, with the fence and without its HTTP', async (fault, triggers, why) => {
    fixture = await routerFixture({
      rule: { percent: 100, triggers, breaker: { failures: fault === 'unreachable' ? 5 : 1000 } },
      triggerEveryMs: 20,
      retryMs: 20,
    });
    const { service, router } = fixture;
    if (fault === 'slow') service.handler = (_incoming, response) => setTimeout(() => response.end('late'), 400);
    if (fault.startsWith('failing')) service.handler = (_incoming, response) => response.writeHead(500).end();
    if (fault === 'unreachable') await service.close();
    const { failedReads } = await useUntilRolledBack();
    expect(failedReads).toBe(0);
    const [status] = router.status().routes;
    expect(status).toMatchObject({ percent: 0, targetPercent: 0, version: 1 });
    expect(status?.lastRollback?.why).toContain(why);
    expect(fixture.fence.placed.some(({ side }) => side === 'service')).toBe(true);
  });

  it('only tells when a rule says so', async () => {
    let alerts = 0;
    let looks = 0;
    const triggerEveryMs = 5;
    const metrics: Metrics = { ...noMetrics, count: (name) => void (name === 'banyan_route_alerts_total' && alerts++) };
    const clock: Clock = {
      ...systemClock,
      sleep: async (ms, signal) => {
        if (ms === triggerEveryMs) looks++;
        return systemClock.sleep(ms, signal);
      },
    };
    fixture = await routerFixture({
      rule: { percent: 100, triggers: [{ metric: 'consecutive_failures', threshold: 0, action: 'alert_team' }] },
      triggerEveryMs,
      metrics,
      clock,
    });
    fixture.service.handler = (_incoming, response) => response.writeHead(500).end();
    for (let n = 0; n < 5; n++) await (await request(`${fixture.url}/api/users/1`)).body.dump();
    await until(() => alerts > 0, 'the alert');
    const looksBefore = looks;
    await until(() => looks >= looksBefore + 3, 'three more looks');
    expect(alerts).toBe(1);
    expect(fixture.router.status().routes[0]).toMatchObject({ percent: 100, targetPercent: 100, lastRollback: null });
  });

  it.each([
    ['which its check finds well', { path: '/healthz', everyMs: 5 }],
    ['which no check watches', undefined],
  ])('can be raised again after its breaker opened, to a service %s', async (_what, service) => {
    let opened = 0;
    fixture = await routerFixture({
      metrics: { ...noMetrics, count: (name, labels) => void (name === 'banyan_route_breaker_changes_total' && labels?.['state'] === 'open' && opened++) },
      rule: {
        percent: 100,
        // As by default, but for what a busy machine may show by itself.
        triggers: DEFAULT_TRIGGERS.filter(({ metric }) => metric !== 'latency_p95'),
        breaker: { openMs: 50 },
        ...(service === undefined ? {} : { health: { service: { ...service, timeoutMs: 5000 } } }),
      },
      triggerEveryMs: 5, retryMs: 20,
    });
    const { router } = fixture;
    const route = (): RouteStatus => router.status().routes[0]!;
    // The check may find it unwell sooner than the breaker, which would then not open.
    fixture.service.handler = (incoming, response) => response.writeHead(incoming.url === '/healthz' ? 200 : 503).end();
    await useUntilRolledBack();
    // By now its check may have closed it again.
    expect(opened).toBeGreaterThan(0);
    fixture.service.handler = null;
    // Nobody is sent there who could try it.
    await until(() => route().health === 'healthy', 'the service to be healthy');
    const { version } = await router.shift('accounts', 100);
    const looks = fixture.service.seen.length;
    for (let n = 0; n < 10; n++) await (await request(`${fixture.url}/api/users/${n}`)).body.dump();
    expect(fixture.service.seen.slice(looks).filter((path) => path.startsWith('GET /api/users/'))).toHaveLength(10);
    expect(route()).toMatchObject({ percent: 100, targetPercent: 100, version, breaker: 'closed' });
  });

  it('checks the sides’ health, and sends nobody to a service that is unwell', async () => {
    fixture = await routerFixture({
      rule: {
        percent: 100,
        health: { service: { path: '/healthz', everyMs: 5, timeoutMs: 500, failures: 2, successes: 2 } },
      },
    });
    const { service, router, url } = fixture;
    const side = async (): Promise<unknown> => {
      const response = await request(`${url}/api/users/1`, { method: 'POST' });
      await response.body.dump();
      return response.headers['x-banyan-side'];
    };
    expect(await router.health.isHealthy('accounts')).toBe(true);
    service.handler = (incoming, response) => {
      if (incoming.url === '/healthz') response.writeHead(500).end();
      else response.end();
    };
    await until(() => router.status().routes[0]!.health === 'unhealthy');
    expect(await router.health.isHealthy('accounts')).toBe(false);
    expect(await side()).toBe('monolith');
    service.handler = (incoming, response) => {
      if (incoming.url !== '/healthz') response.end();
    };
    expect(await router.health.isHealthy('accounts')).toBe(false);
    service.handler = null;
    await until(() => router.status().routes[0]!.health === 'healthy');
    expect(await side()).toBe('service');
    await service.close();
    await until(() => router.status().routes[0]!.health === 'unhealthy');
    await expect(router.health.isHealthy('nobody')).rejects.toMatchObject({ code: 'BANYAN_ROUTE_UNKNOWN' });
  });
});
