import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../../test/support/route-fixture.ts';
import { SharedRouteStore } from '../../../test/support/shared-route-store.ts';
import { systemClock } from '../../core/clock.ts';
import { PLAIN_DECISION, type RouteDecision } from '../../model/route-decision.ts';
import { bucketOf } from '../decide.ts';
import { shareOut } from '../decision/variants.ts';
import { changeOf } from './flag-follower.ts';
import { BanyanFlagProvider } from './flag-provider.ts';
import { FlagEvents, type FlagContext, type FlagResolution, type OutsideProvider } from './open-feature.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function provided(percent: number, decision: Partial<RouteDecision> = {}) {
  const store = new SharedRouteStore(systemClock);
  await store.save({ service: 'accounts', percent, by: 'a', why: '', decision: { ...PLAIN_DECISION, ...decision } });
  const provider = new BanyanFlagProvider({ store, settleMs: 2 });
  open.push({ close: () => provider.onClose() });
  await provider.initialize();
  const ask = {
    boolean: async (flag: string, context: FlagContext = {}) => (await provider.resolveBooleanEvaluation(flag, false, context)).value,
    string: async (flag: string, context: FlagContext = {}) => (await provider.resolveStringEvaluation(flag, '', context)).value,
    number: async (flag: string, context: FlagContext = {}) => (await provider.resolveNumberEvaluation(flag, 0, context)).value,
    object: async (flag: string, context: FlagContext = {}) => (await provider.resolveObjectEvaluation<unknown>(flag, {}, context)).value,
  };
  const save = (percent: number, decision: Partial<RouteDecision> = {}) =>
    store.save({ service: 'accounts', percent, by: 'a', why: '', decision: { ...PLAIN_DECISION, ...decision } });
  return { store, provider, ask, save };
}

const low = Array.from({ length: 99 }, (_, n) => `u${n}`).find((key) => bucketOf(key) < 5000)!;
const high = Array.from({ length: 99 }, (_, n) => `u${n}`).find((key) => bucketOf(key) >= 5000)!;

describe("Banyan's own flags", () => {
  it('say of a user what the router does with him', async () => {
    const { ask } = await provided(50, { deny: ['dora'], rules: [{ when: { tenant: ['acme'], headers: { 'X-Beta': 'y*' } }, percent: 100 }] });
    expect(await ask.boolean('accounts', { targetingKey: low })).toBe(true);
    expect(await ask.boolean('accounts', { targetingKey: high })).toBe(false);
    expect(await ask.string('accounts', { targetingKey: high })).toBe('monolith');
    expect(await ask.string('accounts', { targetingKey: high, tenant: 'acme', headers: { 'x-beta': 'yes' } })).toBe('service');
    expect(await ask.boolean('accounts', { targetingKey: 'dora' })).toBe(false);
    expect(await ask.number('accounts')).toBe(50);
  });

  it('say what the stage means for him: live only for whom the service serves', async () => {
    const { ask } = await provided(50, { stage: 'live' });
    const of = (key: string) => ask.object('accounts', { targetingKey: key });
    expect(await of(low)).toEqual({
      stage: 'live', readOld: true, readNew: true, writeOld: true, writeNew: true, dualWrite: true, shadow: true, authority: 'new',
      side: 'service', variant: '', percent: 50, version: 1,
    });
    expect(await of(high)).toMatchObject({ stage: 'shadow', authority: 'old', dualWrite: true, side: 'monolith' });
    expect(await ask.string('accounts.stage', { targetingKey: low })).toBe('live');
    expect(await ask.boolean('accounts.readNew', { targetingKey: low })).toBe(true);
    expect(await ask.string('accounts.authority', { targetingKey: high })).toBe('old');
  });

  it('need no user where all are alike, and say so where not', async () => {
    const { ask } = await provided(0, { stage: 'dual-write', experiment: 'x', variants: shareOut([{ name: 'blue', weight: 1 }]) });
    expect(await ask.boolean('accounts.dualWrite')).toBe(true);
    expect(await ask.boolean('accounts.readNew')).toBe(false);
    await expect(ask.boolean('accounts')).rejects.toMatchObject({ code: 'TARGETING_KEY_MISSING' });
    await expect(ask.boolean('orders', { targetingKey: low })).rejects.toMatchObject({ code: 'FLAG_NOT_FOUND' });
    await expect(ask.boolean('accounts.colour', { targetingKey: low })).rejects.toMatchObject({ code: 'FLAG_NOT_FOUND' });
    await expect(ask.boolean('accounts.stage')).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
    await expect(ask.string('accounts.readNew')).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
    await expect(ask.number('accounts.readNew')).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
    await expect(ask.object('accounts.readNew')).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
    expect(await ask.string('accounts.variant', { targetingKey: low })).toBe('');
  });

  it('follow a decision only when every router has moved its users', async () => {
    const { store, provider, ask, save } = await provided(0);
    const changed: unknown[] = [];
    provider.events.addHandler('PROVIDER_CONFIGURATION_CHANGED', (details) => changed.push(details?.flagsChanged?.[0]));
    const report = (router: string, version: number, state: 'moving' | 'done') => store.acknowledge({ router, service: 'accounts', version, state, percent: 0, reason: '' });
    store.routers = ['a', 'b'];
    await report('a', 1, 'done');
    await report('b', 1, 'done');
    await save(100);
    await report('a', 2, 'done');
    await report('b', 2, 'moving');
    // It has looked, and more than once.
    let looks = 0;
    store.liveRouters = async () => (looks++, store.routers);
    await until(() => looks > 3, 'some looks');
    expect(await ask.boolean('accounts', { targetingKey: low })).toBe(false);
    await report('b', 2, 'done');
    await until(() => changed.length === 1, 'the change');
    expect(changed).toEqual(['accounts']);
    expect(await ask.boolean('accounts', { targetingKey: low })).toBe(true);
  });

  it('begin in the middle of a move with what was before it', async () => {
    const { store, save } = await provided(0);
    await save(100);
    store.routers = ['a'];
    await store.acknowledge({ router: 'a', service: 'accounts', version: 2, state: 'moving', percent: 0, reason: '' });
    const late = new BanyanFlagProvider({ store, settleMs: 2 });
    open.push({ close: () => late.onClose() });
    await late.initialize();
    const boolean = async () => (await late.resolveBooleanEvaluation('accounts', false, { targetingKey: low })).value;
    expect(await boolean()).toBe(false);
    let told = 0;
    late.events.addHandler('PROVIDER_CONFIGURATION_CHANGED', () => told++);
    await store.acknowledge({ router: 'a', service: 'accounts', version: 2, state: 'done', percent: 100, reason: '' });
    await until(() => told === 1, 'the change');
    expect(await boolean()).toBe(true);
  });

  it('are stale while the store can not be reached, and do not begin without it', async () => {
    const { store, provider, ask } = await provided(100);
    const events: string[] = [];
    for (const event of ['PROVIDER_STALE', 'PROVIDER_READY']) provider.events.addHandler(event, () => events.push(event));
    store.down = true;
    store.down = true;
    expect(await provider.resolveBooleanEvaluation('accounts', false, { targetingKey: low })).toEqual({ value: true, reason: 'STALE' });
    const other = new BanyanFlagProvider({ store });
    await expect(other.resolveBooleanEvaluation('accounts', false, {})).rejects.toMatchObject({ code: 'PROVIDER_NOT_READY' });
    await expect(other.initialize()).rejects.toThrow('the store is down');
    store.down = false;
    expect(events).toEqual(['PROVIDER_STALE', 'PROVIDER_READY']);
    expect(await ask.boolean('accounts', { targetingKey: low })).toBe(true);
  });
});

/** An outside provider whose one flag is turned by hand. */
class Outside implements OutsideProvider {
  readonly events = new FlagEvents('outside');
  value: unknown;
  closed = false;

  constructor(value: unknown) {
    this.value = value;
  }

  turn(value: unknown): void {
    this.value = value;
    this.events.emit('PROVIDER_CONFIGURATION_CHANGED');
  }
  async onClose(): Promise<void> {
    this.closed = true;
  }
  async #answer<T>(type: string): Promise<FlagResolution<T>> {
    if (typeof this.value !== type) throw Object.assign(new Error(`it is no ${type}`), { code: 'TYPE_MISMATCH' });
    return { value: this.value as T };
  }
  resolveNumberEvaluation = () => this.#answer<number>('number');
  resolveBooleanEvaluation = () => this.#answer<boolean>('boolean');
  resolveObjectEvaluation = () => this.#answer<unknown>('object');
}

describe('an outside flag', () => {
  const before = (percent: number, decision: Partial<RouteDecision> = {}) => ({ percent, decision: { ...PLAIN_DECISION, ...decision } });

  it('says a percentage, yes or no, or more', () => {
    expect(changeOf(12.5, before(0))).toEqual({ percent: 12.5 });
    expect(changeOf(true, before(0))).toEqual({ percent: 100 });
    expect(changeOf(false, before(0))).toBeUndefined();
    expect(changeOf(false, before(0, { pinned: 'monolith' }))).toEqual({ percent: 0 });
    expect(changeOf({ percent: 5, allow: ['b', 'c'], stage: 'dual-write' }, before(5, { allow: ['a', 'b'], deny: ['z'] }))).toEqual({ allow: ['c'], unlist: ['a'], stage: 'dual-write' });
    expect(changeOf({ percent: 5, allow: [] }, before(5))).toBeUndefined();
    for (const wrong of ['much', 101, 0.001, null, [], { percent: '5' }, { allow: 'x' }, { deny: [1] }, { stage: 'soon' }, { pct: 5 }]) {
      expect(() => changeOf(wrong, before(0)), JSON.stringify(wrong)).toThrow(/expected/);
    }
  });

  it('decides, through the fence, whenever it is turned; and a rollback stays until it is', async () => {
    const fixture: RouterFixture = await routerFixture();
    open.push(fixture);
    const outside = new Outside(20);
    const status = () => fixture.router.status().routes[0]!;
    fixture.router.follow('accounts', { provider: outside, flag: 'accounts-share', everyMs: 5 });
    await until(() => status().percent === 20, 'the beginning');
    outside.turn({ percent: 40, deny: ['dora'] });
    await until(() => status().percent === 40 && status().decision.denied === 1, 'the turn');
    expect(fixture.fence.placed.length).toBeGreaterThan(1);
    await fixture.router.rollback('accounts');
    const { version } = status();
    outside.value = 'rubbish';
    const asked = new Promise<void>((resolve) => {
      const { resolveObjectEvaluation } = outside;
      let left = 3;
      outside.resolveObjectEvaluation = () => {
        if (--left === 0) resolve();
        return resolveObjectEvaluation();
      };
    });
    await asked;
    outside.value = { percent: 40, deny: ['dora'] };
    expect(status()).toMatchObject({ percent: 0, version });
    outside.turn(1);
    await until(() => status().percent === 1, 'the next turn');
    expect(status().decision.pinned).toBeNull();
    await fixture.router.close();
    expect(outside.closed).toBe(true);
  });
});
