import { afterEach, expect, it } from 'vitest';
import { DEFAULT_TRIGGERS } from '../../src/model/trigger-rule.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { LiveShop, type LiveShopOptions } from '../support/live-shop/live-shop.ts';
import { judgeShop } from '../support/live-shop/verdict.ts';

let shop: LiveShop | undefined;
afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

async function open(options: Partial<LiveShopOptions>): Promise<LiveShop> {
  shop = await LiveShop.start({
    database: (schema) => testDatabase({ schema, max: 12 }), services: ['accounts', 'payments', 'warehouse'], users: 6, seed: 1, ...options,
  });
  return shop;
}

const CLEAN = { lost: [], stale: [], movedBack: [], failedOutsideFaults: [], wrongCharges: [], wrongStock: [], differing: [], conflicts: [], quarantined: 0 };

const ACCOUNTS_AND_PAYMENTS = { look: 1, session: 1, password: 1, order: 2, reserve: 0 };
const STOCK_ONLY = { look: 0, session: 0, password: 0, order: 0, reserve: 1 };

/**
 * Moves the users of a service there and back until one of them has been told something wrong. Each move is a chance
 * only: who wrote right before it must ask again right after it.
 */
async function noticed(live: LiveShop, service: 'accounts' | 'payments', wrong: RegExp): Promise<boolean> {
  for (let moves = 0; moves < 20; moves++) {
    await live.answered(40);
    await live.move(service, moves % 2 === 0 ? 100 : 0);
    await live.answered(60);
    if (live.journal.stale.some((line) => wrong.test(line))) return true;
  }
  return false;
}

describePostgres('a shop whose services are taken out while people use it', () => {
  it('keeps sessions, pays every order once and counts stock exactly while users and items are moved up, down and up', async () => {
    // So few pieces that the last ones are fought over.
    const live = await open({ pieces: 20 });
    for (const percents of [[100], [0, 70]]) {
      for (const service of live.extracted.keys()) {
        for (const percent of percents) await live.move(service, percent);
        await live.answered(20);
      }
    }
    const verdict = await judgeShop(live);
    expect(verdict).toMatchObject({ ...CLEAN, failedWithinFaults: 0 });
    for (const service of live.extracted.keys()) {
      const { monolith, service: byService } = live.journal.served(service);
      expect(Math.min(monolith, byService), service).toBeGreaterThan(0);
    }
  });

  it('moves nobody while sync stands still; with a fence that is skipped the journal shows who read the past and who paid twice', async () => {
    const skipped = { on: false };
    const live = await open({
      services: ['accounts', 'payments'], habits: ACCOUNTS_AND_PAYMENTS,
      fence: (real) => ({ place: (at) => real.place(at), passed: async (at) => skipped.on || real.passed(at) }),
      router: { fenceBoundMs: 300, retryMs: 50 },
    });
    await live.answered(30);
    await live.lagging('payments', async () => {
      expect(await live.router.shift('payments', 100)).toMatchObject({ state: 'postponed' });
      await live.answered(30);
      expect(live.status('payments')).toMatchObject({ percent: 0 });
      expect(live.journal.stale).toEqual([]);
      skipped.on = true;
      expect(await noticed(live, 'payments', /paid before/), 'somebody pays twice').toBe(true);
    });
    await live.lagging('accounts', async () => {
      expect(await noticed(live, 'accounts', /the session|password/), 'a session or a password is missing').toBe(true);
    });
    const { wrongCharges, conflicts } = await judgeShop(live);
    expect(wrongCharges.length).toBeGreaterThan(0);
    expect(conflicts.length).toBeGreaterThan(0);
  });

  it('goes back by itself from a service that fails, is slow, dies, and loses no write', async () => {
    const live = await open({
      services: ['payments'], habits: { look: 1, session: 0, password: 0, order: 4, reserve: 0 },
      rule: { triggers: DEFAULT_TRIGGERS, health: { service: { path: '/healthz', everyMs: 50 } } },
    });
    const { side } = live.of('payments');
    for (const fault of ['errors', 'slow', 'dead'] as const) {
      await live.move('payments', 60);
      await live.answered(20);
      const mended = live.journal.fault('payments');
      if (fault === 'dead') side.die();
      else side.fault = fault;
      await until(() => live.status('payments').percent === 0, { what: `everybody leaves a service with the fault ${fault}`, timeoutMs: 30_000 });
      expect(live.status('payments')).toMatchObject({ targetPercent: 0, lastRollback: { why: expect.any(String) } });
      if (fault === 'dead') await side.revive();
      side.fault = 'none';
      await until(() => live.status('payments').health === 'healthy', { what: 'the service is well again' });
      mended();
    }
    const verdict = await judgeShop(live);
    expect(verdict).toMatchObject(CLEAN);
    expect(verdict.failedWithinFaults).toBeGreaterThan(0);
  });
});

describePostgres('stock that users of both sides write at once', () => {
  const fought = async (options: Partial<LiveShopOptions>): Promise<LiveShop> => {
    const live = await open({ services: ['warehouse'], itemKeys: false, habits: STOCK_ONLY, ...options });
    await live.move('warehouse', 50);
    await live.lagging('warehouse', () => live.answered(40));
    return live;
  };

  it('is not exact where the last write wins, and each item that is wrong is reported as a conflict', async () => {
    const live = await fought({});
    const { wrongStock, conflicts, ...verdict } = await judgeShop(live);
    expect(wrongStock.length).toBeGreaterThan(0);
    for (const line of wrongStock) expect(conflicts).toContainEqual({ table: 'public.stock', key: JSON.stringify({ sku: line.split(':')[0] }) });
    // What each user was promised is there all the same: who counts reservations counts right.
    expect(verdict).toMatchObject({ lost: [], differing: [], failedOutsideFaults: [], quarantined: 0 });
  });

  it('is exact where what both took is added up', async () => {
    const live = await fought({ stock: { strategy: 'add-up', columns: ['on_hand'] } });
    const { conflicts, ...verdict } = await judgeShop(live);
    expect(verdict).toMatchObject({ lost: [], wrongStock: [], differing: [], failedOutsideFaults: [], quarantined: 0 });
    expect(conflicts.length).toBeGreaterThan(0);
  });
});
