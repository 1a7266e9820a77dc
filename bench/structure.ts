/**
 * What the checks beside the rows cost: the catalogues of 100 tables, and references inside a database and across
 * the cut, beside the raw limit of the latter in the same run: `select user_id, count(*) … group by` there, and one
 * anti-join of a table of those values here.
 *
 *   npx tsx bench/structure.ts [orders, default 1000000]
 */
import { createPool } from '../src/postgres/connect.ts';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import { parseTableName } from '../src/model/names.ts';
import { PostgresReferenceFinder } from '../src/postgres/structure/find-references.ts';
import { PostgresReferenceReader } from '../src/postgres/structure/reference-reader.ts';
import { PostgresStructure } from '../src/postgres/structure/structure.ts';
import { PauseBarrier } from '../src/validate/barrier.ts';
import { systemClock } from '../src/core/clock.ts';
import { checkReferences } from '../src/validate/structure/check-references.ts';

const ORDERS = Number(process.argv[2] ?? 1_000_000);
const USERS = Math.ceil(ORDERS / 5);
const MANY = Array.from({ length: 100 }, (_, i) => `many_${i}`);

const MANY_SQL = MANY.map((name) => `CREATE TABLE public.${name} (id bigserial PRIMARY KEY, a text UNIQUE, b numeric(12,2) DEFAULT 0 CHECK (b >= 0), c timestamptz); CREATE INDEX ON public.${name} (c)`).join(';');
const ORDERS_SQL = `INSERT INTO public.orders SELECT g, 1 + g % ${USERS}, 'order ' || g FROM generate_series(1, ${ORDERS}) g`;
const SOURCE = `CREATE TABLE public.users (id bigint PRIMARY KEY, email text); INSERT INTO public.users SELECT g, 'u' || g FROM generate_series(1, ${USERS}) g;
  CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint REFERENCES public.users, note text); ${ORDERS_SQL}; ${MANY_SQL}`;
const TARGET = `CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint, note text); ${ORDERS_SQL}; ${MANY_SQL}`;

/** The least of some runs: what the machine can do when others leave it alone. */
async function best(run: () => Promise<unknown>): Promise<string> {
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    const startedMs = performance.now();
    await run();
    least = Math.min(least, performance.now() - startedMs);
  }
  return `${(least / 1000).toFixed(2)} s`;
}

async function main(): Promise<void> {
  const servers = await Promise.all([EmbeddedPostgres.start({ durable: false }), EmbeddedPostgres.start({ durable: false })]);
  const pools = servers.map((server) => createPool({ url: server.url() }));
  try {
    const [source, target] = pools as [(typeof pools)[0], (typeof pools)[0]];
    await Promise.all([source.query(SOURCE), target.query(TARGET)]);
    await Promise.all(pools.map((pool) => pool.query('VACUUM (FREEZE, ANALYZE)')));
    const scopes = MANY.map((name) => ({ source: parseTableName(name), target: parseTableName(name) }));
    const structure = new PostgresStructure({ source, target });
    console.log(`catalogues of ${MANY.length} tables: ${await best(() => structure.compare({ tables: scopes, checks: new Set(['schema']) }))}, with sequences ${await best(() => structure.compare({ tables: scopes, checks: new Set(['schema', 'sequences']) }))}`);
    const finder = new PostgresReferenceFinder({ source, target, readers: { source: new PostgresReferenceReader({ pool: source }), target: new PostgresReferenceReader({ pool: target }) } });
    const across = { find: async (wanted: Parameters<typeof finder.find>[0]) => (await finder.find(wanted)).filter(({ child, parent }) => child.reader !== parent.reader) };
    const inside = { find: async (wanted: Parameters<typeof finder.find>[0]) => (await finder.find(wanted)).filter(({ child, parent }) => child.reader === parent.reader) };
    let peakBytes = 0;
    const check = async (find: Pick<typeof finder, 'find'>): Promise<void> => {
      const barrier = new PauseBarrier({ clock: systemClock, pauseMs: 1 });
      await checkReferences({ finder: find, tables: [], specs: [{ table: 'orders' }], barrier, clock: systemClock, rounds: 20, graceMs: 0, maxDifferences: 100 });
      peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    };
    const raw = await best(() => target.query('SELECT count(*) FROM (SELECT user_id, count(*) FROM public.orders GROUP BY user_id) AS k'));
    const anti = await best(() => source.query(`SELECT count(*) FROM generate_series(1, ${USERS}) AS k WHERE NOT EXISTS (SELECT FROM public.users u WHERE u.id = k)`));
    console.log(`${ORDERS} orders of ${USERS} users across the cut: ${await best(() => check(across))}; raw: ${raw} to group, ${anti} to look up; inside a database: ${await best(() => check(inside))}`);
    await source.query(`SET session_replication_role = replica; DELETE FROM public.users WHERE id % ${Math.max(1, Math.floor(USERS / 10_000))} = 0`);
    console.log(`with 10,000 users gone: ${await best(() => check(across))}; peak memory ${Math.round(peakBytes / 1e6)} MB`);
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
    await Promise.all(servers.map((server) => server.stop()));
  }
}

await main();
