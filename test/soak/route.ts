import { Random } from '../../examples/shop/random.ts';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { DEFAULT_TRIGGERS } from '../../src/model/trigger-rule.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { until } from '../support/condition.ts';
import { LiveShop, type ShopDatabase } from '../support/live-shop/live-shop.ts';
import { SERVICES, type ShopService } from '../support/live-shop/tables.ts';
import { isClean, judgeShop } from '../support/live-shop/verdict.ts';

/*
 * `npm run soak:route`: accounts, payments and warehouse are taken out of a shop, each into a database of
 * its own, and moved up and down at random while people use it; services fail, are slow and die, and sync
 * stands still. The clients' own journal judges. Prints one JSON document; exit code 1 if the answer is no.
 *
 * SOAK_SEED (default 1), SOAK_USERS (24), SOAK_MOVES (40), SOAK_PLANT=fence: users are moved without waiting for sync.
 */
const SEED = Number(process.env['SOAK_SEED'] ?? 1);
const USERS = Number(process.env['SOAK_USERS'] ?? 24);
const MOVES = Number(process.env['SOAK_MOVES'] ?? 40);
const PLANTED = process.env['SOAK_PLANT'] === 'fence';

const servers = await Promise.all([1, 2].map(() => EmbeddedPostgres.start({ durable: false, maxConnections: 200 })));
const pools: ReturnType<typeof createPool>[] = [];

async function database(schema: string): Promise<ShopDatabase> {
  // The monolith is made first, and has a server for itself.
  const server = servers[Math.min(pools.length, 1)];
  if (!server) throw new Error('no server');
  const name = `shop_${pools.length}`;
  const admin = createPool({ url: server.url(), max: 1 });
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const url = server.url(name);
  const pool = createPool({ url, max: 20, applicationName: 'soak' });
  pools.push(pool);
  const query = async (sql: string): Promise<Record<string, string | null>[]> => (await pool.query<Record<string, string | null>>(sql)).rows;
  await query(`SET search_path = public; ${schema}; SET search_path = pg_catalog`);
  return { url, pool, query };
}

const random = new Random(SEED);
const start = performance.now();
const shop = await LiveShop.start({
  database, services: SERVICES, users: USERS, seed: SEED, items: 6, pieces: 3000,
  rule: { triggers: DEFAULT_TRIGGERS, health: { service: { path: '/healthz', everyMs: 100 } } },
  ...(PLANTED ? { fence: (real) => ({ place: (at) => real.place(at), passed: () => Promise.resolve(true) }) } : {}),
});

const did = { moves: 0, lags: 0, errors: 0, slow: 0, dead: 0 };
const moveSeconds: number[] = [];

async function move(service: ShopService, percent: number): Promise<void> {
  const began = performance.now();
  await shop.move(service, percent);
  moveSeconds.push((performance.now() - began) / 1000);
  did.moves += 1;
}

/** The service is broken until the router has gone back by itself. */
async function breakService(service: ShopService, fault: 'errors' | 'slow' | 'dead'): Promise<void> {
  const { side } = shop.of(service);
  if (shop.status(service).percent < 60) await move(service, 60);
  await shop.answered(5 * USERS);
  const mended = shop.journal.fault(service);
  if (fault === 'dead') side.die();
  else side.fault = fault;
  await until(() => shop.status(service).percent === 0, { what: `everybody leaves ${service} (${fault})`, timeoutMs: 120_000 });
  if (fault === 'dead') await side.revive();
  side.fault = 'none';
  await until(() => shop.status(service).health === 'healthy' && shop.status(service).breaker === 'closed', { what: `${service} is well again`, timeoutMs: 60_000 });
  mended();
  did[fault] += 1;
}

while (did.moves < MOVES) {
  const service = SERVICES[random.between(0, SERVICES.length - 1)] ?? 'accounts';
  const percent = [0, 1, 10, 33.33, 50, 75, 100][random.between(0, 6)] ?? 0;
  const what = random.pick({ move: 12, lagging: 2, errors: 1, slow: 1, dead: 1 });
  if (what === 'move') await move(service, percent);
  else if (what === 'lagging') {
    did.lags += 1;
    // Users who write and turn to the other side wait meanwhile, as moving ones do.
    await shop.lagging(service, () => new Promise((resolve) => setTimeout(resolve, random.between(100, 2000))));
  } else await breakService(service, what);
  await shop.answered(2 * USERS);
}
const usedSeconds = (performance.now() - start) / 1000;
const verdict = await judgeShop(shop);
const ok = isClean(verdict);
const some = (lines: readonly string[]) => ({ count: lines.length, first: lines.slice(0, 5) });
moveSeconds.sort((a, b) => a - b);
const round = (seconds: number | undefined): number => Math.round((seconds ?? 0) * 1000) / 1000;
console.log(JSON.stringify({
  ok, seed: SEED, users: USERS, seconds: round(usedSeconds), requests: verdict.requests, acknowledged: verdict.acknowledged, ...did, rollbacks: shop.noteRollbacks(),
  moveSeconds: { p50: round(moveSeconds[Math.floor(moveSeconds.length / 2)]), max: round(moveSeconds.at(-1)) },
  servedByServices: SERVICES.map((service) => shop.journal.served(service).service).reduce((sum, each) => sum + each, 0),
  failedWithinFaults: verdict.failedWithinFaults, failedOutsideFaults: some(verdict.failedOutsideFaults),
  lost: some(verdict.lost), stale: some(verdict.stale), movedBack: some(verdict.movedBack), wrongCharges: some(verdict.wrongCharges), wrongStock: some(verdict.wrongStock),
  differing: some(verdict.differing), conflicts: verdict.conflicts.length, quarantined: verdict.quarantined,
}));
await shop.close();
await Promise.all(pools.map((pool) => pool.end()));
await Promise.all(servers.map((server) => server.remove()));
process.exitCode = ok ? 0 : 1;
