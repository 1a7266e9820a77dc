import { ErrorCode, InMemoryProvider, OpenFeature, ProviderEvents, ProviderStatus, type Client, type Provider } from '@openfeature/server-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { routerFixture, until, type RouterFixture } from '../../../test/support/route-fixture.ts';
import { SharedRouteStore } from '../../../test/support/shared-route-store.ts';
import { systemClock } from '../../core/clock.ts';
import { PLAIN_DECISION, type RouteDecision } from '../../model/route-decision.ts';
import { bucketOf } from '../decide.ts';
import { BanyanFlagProvider } from './flag-provider.ts';

const low = Array.from({ length: 99 }, (_, n) => `u${n}`).find((key) => bucketOf(key) < 5000)!;
const high = Array.from({ length: 99 }, (_, n) => `u${n}`).find((key) => bucketOf(key) >= 5000)!;

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await OpenFeature.close();
  OpenFeature.clearHandlers();
  await fixture?.close();
  fixture = undefined;
});

/** Application code that asks through the SDK, and what decides. */
async function application(percent: number, decision: Partial<RouteDecision> = {}) {
  const store = new SharedRouteStore(systemClock);
  const save = (share: number) => store.save({ service: 'accounts', percent: share, by: 'a', why: '', decision: { ...PLAIN_DECISION, ...decision } });
  await save(percent);
  // The SDK's own type: what it may ask, this can answer.
  const provider: Provider = new BanyanFlagProvider({ store, settleMs: 2 });
  await OpenFeature.setProviderAndWait('shop', provider);
  const client: Client = OpenFeature.getClient('shop');
  return { store, save, client };
}

describe('application code that asks through the SDK', () => {
  it('gets every type, and by the context of the call, the client or all', async () => {
    const { client } = await application(50, { stage: 'live', rules: [{ when: { tenant: ['acme'] }, percent: 100 }] });
    expect(client.providerStatus).toBe(ProviderStatus.READY);
    expect(client.metadata.providerMetadata).toEqual({ name: 'banyan' });
    expect(await client.getBooleanValue('accounts', false, { targetingKey: low })).toBe(true);
    expect(await client.getBooleanValue('accounts', true, { targetingKey: high })).toBe(false);
    expect(await client.getStringValue('accounts', '', { targetingKey: high, tenant: 'acme' })).toBe('service');
    expect(await client.getNumberValue('accounts', 0)).toBe(50);
    expect(await client.getObjectValue('accounts', {}, { targetingKey: low })).toMatchObject({ stage: 'live', side: 'service', dualWrite: true });
    client.setContext({ targetingKey: low });
    expect(await client.getBooleanDetails('accounts.readNew', false)).toMatchObject({ flagKey: 'accounts.readNew', value: true, reason: 'TARGETING_MATCH' });
  });

  it('gets its own default, and why, where nothing can be answered', async () => {
    const { client } = await application(50);
    expect(await client.getBooleanDetails('orders', true, { targetingKey: low })).toMatchObject({ value: true, reason: 'ERROR', errorCode: ErrorCode.FLAG_NOT_FOUND });
    expect(await client.getBooleanDetails('accounts', true)).toMatchObject({ value: true, errorCode: ErrorCode.TARGETING_KEY_MISSING });
    expect(await client.getNumberDetails('accounts.stage', 7)).toMatchObject({ value: 7, errorCode: ErrorCode.TYPE_MISMATCH });
  });

  it('hears of decisions, of a store that is away, and of its return', async () => {
    const { client, save, store } = await application(0);
    const heard: unknown[] = [];
    client.addHandler(ProviderEvents.ConfigurationChanged, (details) => void heard.push(details?.flagsChanged?.includes('accounts')));
    client.addHandler(ProviderEvents.Stale, () => void heard.push('stale'));
    await save(100);
    await until(() => heard.length === 1, 'the change');
    store.down = true;
    await until(() => heard.length === 2, 'the loss');
    expect(heard).toEqual([true, 'stale']);
    expect(client.providerStatus).toBe(ProviderStatus.STALE);
    expect(await client.getBooleanDetails('accounts', false, { targetingKey: low })).toMatchObject({ value: true, reason: 'STALE' });
    store.down = false;
    await until(() => client.providerStatus === ProviderStatus.READY, 'the return');
  });

  it('is told at once that a store which can not be read gives no provider', async () => {
    const store = new SharedRouteStore(systemClock);
    store.down = true;
    await expect(OpenFeature.setProviderAndWait('away', new BanyanFlagProvider({ store }))).rejects.toThrow('the store is down');
    const client = OpenFeature.getClient('away');
    expect(client.providerStatus).toBe(ProviderStatus.ERROR);
    expect(await client.getBooleanValue('accounts', true, { targetingKey: low })).toBe(true);
  });
});

describe("a route that follows the SDK's own provider", () => {
  it('is decided when a flag of it is turned', async () => {
    fixture = await routerFixture();
    const flag = (percent: number) => ({ share: { variants: { now: percent }, defaultVariant: 'now', disabled: false } });
    const provider = new InMemoryProvider(flag(20));
    const percent = () => fixture?.router.status().routes[0]?.percent;
    fixture.router.follow('accounts', { provider, flag: 'share', everyMs: 60_000 });
    await until(() => percent() === 20, 'the beginning');
    // Nobody looks for a minute: the provider's own event does it.
    provider.putConfiguration(flag(40));
    await until(() => percent() === 40, 'the turn');
  });
});
