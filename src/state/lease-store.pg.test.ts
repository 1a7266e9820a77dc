import { expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import type { LeaseWorker } from '../ports/lease-store.ts';
import { PostgresLeaseStore } from './lease-store.ts';

const worker = (id: string): LeaseWorker => ({ id, host: 'h', pid: 1, services: ['accounts'], greedy: false });
const take = (id: string, above = '0') => ({ service: 'accounts', worker: id, above });

/** `ttlMs` of an hour: nobody dies by a slow machine. */
async function store({ ttlMs = 3_600_000 } = {}): Promise<PostgresLeaseStore> {
  const { pool } = await testDatabase();
  const made = new PostgresLeaseStore({ pool, ttlMs });
  await made.install();
  return made;
}

describePostgres('the lease store', () => {
  it('is installed by many at once', async () => {
    const { pool } = await testDatabase();
    const made = new PostgresLeaseStore({ pool });
    await Promise.all([made.install(), made.install(), made.install()]);
    expect(await made.renew(worker('a'))).toMatchObject({ workers: [worker('a')], leases: [], nextDeathMs: undefined });
  });

  it('gives a lease to one living worker, each time with a greater token', async () => {
    const leases = await store();
    expect(await leases.acquire(take('a'))).toBeUndefined();
    await Promise.all([leases.renew(worker('a')), leases.renew(worker('b'))]);
    const won = await Promise.all(['a', 'b'].map((id) => leases.acquire(take(id))));
    expect(won.filter((token) => token !== undefined)).toHaveLength(1);
    const [holder, other] = won[0] === undefined ? ['b', 'a'] : ['a', 'b'];
    const first = won[0] ?? won[1] ?? '';
    // The answer to the first attempt may have been lost.
    const again = await leases.acquire(take(holder));
    expect(BigInt(again ?? 0)).toBeGreaterThan(BigInt(first));
    // Not by a token that is held no longer.
    await leases.release({ service: 'accounts', worker: holder, token: first });
    expect(await leases.acquire(take(other))).toBeUndefined();
    await leases.release({ service: 'accounts', worker: holder, token: again ?? '' });
    expect(await leases.acquire(take(other, '1000'))).toBe('1001');
    expect((await leases.renew(worker(holder))).leases).toEqual([{ service: 'accounts', holder: other, token: '1001', wantedBy: undefined, paused: false }]);
  });

  it('promises a lease to him who asks first', async () => {
    const leases = await store();
    for (const id of ['a', 'b', 'c']) await leases.renew(worker(id));
    const token = await leases.acquire(take('a'));
    await leases.ask({ service: 'accounts', worker: 'b', holder: 'a' });
    await leases.ask({ service: 'accounts', worker: 'c', holder: 'a' });
    expect((await leases.renew(worker('a'))).leases[0]?.wantedBy).toBe('b');
    await leases.release({ service: 'accounts', worker: 'a', token: token ?? '' });
    expect(await leases.acquire(take('c'))).toBeUndefined();
    expect(await leases.acquire(take('b'))).toBeDefined();
  });

  it('takes a lease from a worker that is silent for too long, or has left', async () => {
    const leases = await store({ ttlMs: 50 });
    await leases.renew(worker('a'));
    await leases.acquire(take('a'));
    await until(async () => (await leases.renew(worker('b'))).workers.length === 1, { what: 'a counts as dead', everyMs: 5 });
    await until(async () => (await leases.renew(worker('b')), leases.acquire(take('b'))) !== undefined, { what: 'b has the lease' });

    const long = await store();
    for (const id of ['a', 'b']) await long.renew(worker(id));
    await long.acquire(take('a'));
    expect((await long.renew(worker('b'))).nextDeathMs).toBeGreaterThan(0);
    await long.leave('a');
    expect(await long.acquire(take('b'))).toBeDefined();
  });

  it('lets nobody have what is paused, and gives a greater token once its holder has let go', async () => {
    const leases = await store();
    await leases.renew(worker('a'));
    const token = (await leases.acquire(take('a'))) ?? '';
    expect(await leases.drained('accounts')).toEqual({ state: 'resumed' });
    expect(await leases.pause({ service: 'accounts', by: 'anna' })).toBe(true);
    expect(await leases.pause({ service: 'accounts', by: 'bob' })).toBe(false);
    expect((await leases.renew(worker('a'))).leases[0]).toMatchObject({ paused: true, holder: 'a' });
    expect(await leases.drained('accounts')).toEqual({ state: 'held' });
    await leases.release({ service: 'accounts', worker: 'a', token });
    expect(await leases.acquire(take('a'))).toBeUndefined();
    const drained = await leases.drained('accounts');
    expect(drained).toMatchObject({ state: 'free' });
    if (drained.state === 'free') expect(BigInt(drained.token)).toBeGreaterThan(BigInt(token));
    // One that no worker ever had can be paused as well.
    expect(await leases.pause({ service: 'orders', by: 'anna' })).toBe(true);
    expect(await leases.resume('accounts')).toBe(true);
    expect(await leases.resume('accounts')).toBe(false);
    expect(BigInt((await leases.acquire(take('a'))) ?? 0)).toBeGreaterThan(BigInt(token) + 1n);
  });
});
