import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { RouteState, RouteStatusResult } from '../../app/route-types.ts';
import { routesText, statusText } from './route-text.ts';

const plain = picocolors.createColors(false);

const PLAIN_ROUTE: RouteState = { service: 'accounts', percent: 25, version: 3, health: 'healthy', breaker: 'closed', shadow: {} };
const SIDE = { url: 'http://a', healthy: true, breaker: 'closed', requests: 1, errorRate: 0.5, p50Ms: 3, p95Ms: 9 } as const;

const underway = (route: Partial<RouteState>): string[] => routesText({ routes: [{ ...PLAIN_ROUTE, ...route }] }, plain).split('\n').slice(2, -2);

const status = (result: Partial<RouteStatusResult>): string =>
  statusText({ routes: [PLAIN_ROUTE], routers: [], planes: [], asked: { router: 'r1', cutOffSince: null, reason: '' }, store: { reachable: true, reason: '' }, ...result }, plain);

describe('the table of routes', () => {
  it('says that there are none', () => {
    expect(routesText({ routes: [] }, plain)).toBe('No routes.\n');
    expect(status({ routes: [] })).toBe('No routes.\n');
  });

  it('says nothing below itself while nothing goes on, and tells only figures of the shadow', () => {
    expect(underway({})).toEqual([]);
    expect(routesText({ routes: [{ ...PLAIN_ROUTE, shadow: { compared: 7, noise: { share: 0.1 } } }] }, plain)).toMatch(/closed\s+compared 7\n1 route\.\n$/);
  });

  it('tells a gradual shift, what it waits for, and that it is late only if it waits', () => {
    const gradual = { to: 100, next: 50, seconds: 10, waitsFor: ['200 requests more', 'quiet'], overdue: true, evidence: { requests: 1, errors: 1, latency: 1, needed: 20 } };
    expect(underway({ gradual })).toEqual(['accounts goes to 100 % by steps; the next, 50 %: waits for 200 requests more; quiet (overdue)']);
    expect(underway({ gradual: { ...gradual, waitsFor: [] } })).toEqual(['accounts goes to 100 % by steps; the next, 50 %: now']);
    expect(underway({ gradual: { ...gradual, overdue: false, waitsFor: ['its time'] } })).toEqual(['accounts goes to 100 % by steps; the next, 50 %: waits for its time']);
  });

  it('tells why it went back, and evidence that there is', () => {
    const seen = { falseAlarmRate: 0.01, edge: null, service: { requests: 10, share: 0.1 }, monolith: { requests: 10, share: 0 }, metric: 'errors', action: 'rollback', needed: 100 };
    expect(underway({
      lastRollback: { at: '2026-01-01T00:00:00Z', why: 'errors' },
      evidence: [{ ...seen, value: 12, finds: { share: 0.02, within: 900 } }, { ...seen, value: 3, finds: null }, { ...seen, value: 1, finds: null }],
    })).toEqual([
      'accounts went back by itself at 2026-01-01T00:00:00Z: errors',
      'accounts: evidence 12 of 100 for rollback by errors; 2.0 % would be found within 900 requests',
      'accounts: evidence 3 of 100 for rollback by errors',
    ]);
  });

  it('tells what the monolith did before nobody was left to compare with', () => {
    const baseline = { requests: 1000, share: 0.004, at: '2026-01-01T00:00:00Z' };
    const seen = { falseAlarmRate: 0.01, service: { requests: 10, share: 0.1 }, monolith: { requests: 10, share: 0 }, metric: 'errors', action: 'rollback', needed: 100, value: 0, finds: null };
    expect(underway({ baseline })).toEqual(["accounts: nobody is left to compare with; of the monolith's 1000 requests until 2026-01-01T00:00:00Z 0.40 % failed: too few to say more than the rules do"]);
    expect(underway({ baseline, evidence: [{ ...seen, edge: 0.021 }, { ...seen, edge: 0.021 }, { ...seen, edge: null }] })[0]).toMatch(/failed: worse is errors above 2\.1 %$/);
  });
});

describe('the status of routes', () => {
  it('says that no router answers, and that the shared state does not', () => {
    const text = status({ asked: null, store: { reachable: false, reason: 'connect ECONNREFUSED' } });
    expect(text).toContain('This command can not reach the shared state: connect ECONNREFUSED\n');
    expect(text).toContain('No router of this configuration answers here: health and breakers are not known.\n');
    expect(status({ asked: { router: 'r1', cutOffSince: '2026-01-01T00:00:00Z', reason: 'timeout' } })).toContain('The router r1 is cut off from the shared state since 2026-01-01T00:00:00Z and keeps its last decisions: timeout\n');
  });

  it('leaves out what is not known', () => {
    expect(status({})).not.toContain('of  ');
    const decision = { strategy: 'percentage', pinned: null, stage: 'off', allowed: 0, denied: 0, rules: 0, variants: {}, next: null } as const;
    expect(status({ routes: [{ ...PLAIN_ROUTE, decision }] })).toMatch(/strategy\s+percentage, stage off\n/);
  });

  it('tells who was pinned where, and the next step of a schedule or of the decision', () => {
    const decision = { strategy: 'canary', pinned: 'monolith', stage: 'live', allowed: 0, denied: 0, rules: 0, variants: {}, next: { percent: 50 } } as const;
    const text = status({ routes: [{ ...PLAIN_ROUTE, decision, decided: { by: 'anna', why: '', at: '2026-01-01T00:00:00Z' } }] });
    expect(text).toMatch(/strategy\s+canary, stage live; everybody rolled back to the monolith\n/);
    expect(text).toMatch(/decided\s+version 3, 2026-01-01T00:00:00Z, by anna\n/);
    expect(text).toMatch(/next step\s+50 %\n/);
    const scheduled = { ...PLAIN_ROUTE, decision: { ...decision, pinned: 'service' as const }, schedule: { next: { percent: 60, at: '2026-02-01T00:00:00Z' }, more: 0, waitsFor: [] } };
    expect(status({ routes: [scheduled] })).toMatch(/next step\s+60 % not before 2026-02-01T00:00:00Z: now\n/);
    expect(status({ routes: [scheduled] })).toContain('everybody on the service');
  });

  it('tells a move under way, and both sides', () => {
    const moving = { version: 3, state: 'moving', reason: '', heldRequests: 1 } as const;
    expect(status({ routes: [{ ...PLAIN_ROUTE, targetPercent: 30, move: moving }] })).toMatch(/moving\s+from 25 % to 30 %; 1 request held\n/);
    expect(status({ routes: [{ ...PLAIN_ROUTE, move: moving }] })).toMatch(/moving\s+from 25 % to 25 %; 1 request held\n/);
    expect(status({ routes: [{ ...PLAIN_ROUTE, move: { ...moving, state: 'done' } }] })).not.toContain('moving');
    const text = status({ routes: [{ ...PLAIN_ROUTE, sides: { monolith: SIDE, service: { ...SIDE, requests: 0, healthy: false, breaker: 'open' } } }] });
    expect(text).toMatch(/monolith\s+http:\/\/a: 1 request in 10 s, 50\.00 % failed, median 3 ms, 95 % within 9 ms\n/);
    expect(text).toMatch(/service\s+http:\/\/a: no requests in 10 s; its health check fails; breaker open\n/);
  });

  it('tells other proxies by what they do, and where that is not what was decided', () => {
    const planes = [
      { name: 'a', shares: [{ service: 'accounts', percent: 25, movingUpTo: 40 }], problem: '' },
      { name: 'b', shares: [{ service: 'accounts', percent: 20 }, { service: 'gone', percent: 1 }], problem: '' },
      { name: 'c', shares: [], problem: '' },
      { name: 'd', shares: [], problem: 'connect ENOENT' },
    ];
    const text = status({ planes });
    expect(text).toMatch(/a\s+accounts 25 %, up to 40 % through the router\n/);
    expect(text).toMatch(/b\s+accounts 20 % \(decided: 25 %\); gone 1 %\n/);
    expect(text).toMatch(/c\s+has no shares\n/);
    expect(text).toMatch(/d\s+can not be asked: connect ENOENT\n/);
  });

  it('tells routers that are silent by what they said last', () => {
    const routers = [
      { router: 'r1', alive: true, seenAt: '2026-01-01T00:00:00Z', routes: [] },
      { router: 'r2', alive: false, seenAt: '2026-01-01T00:00:00Z', routes: [{ service: 'accounts', version: 2, state: 'postponed', percent: 10, reason: 'sync lags' }] },
    ] as const;
    const text = status({ routers });
    expect(text).toMatch(/router r1\s+nothing moved yet\n/);
    expect(text).toMatch(/router r2\s+not heard of since 2026-01-01T00:00:00Z: stopped by force, or cut off; last accounts 10 % of version 2, postponed: sync lags\n/);
  });
});
