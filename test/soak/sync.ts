import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { until } from '../support/condition.ts';
import { Journal, JOURNAL_SCHEMA } from '../support/journal.ts';
import { build, rowsOf, RunningSync, setUp, type Ends, type SyncSettings } from '../support/sync-engine.ts';

/*
 * `npm run soak:sync`: two servers, 16 writers on each side over the same keys, and a client-kept journal
 * that judges: nothing acknowledged is lost, both sides end equal, no conflict between writes of which one
 * had seen the other. Prints one JSON document; exit code 1 if the answer is no.
 *
 * SOAK_WRITES (default 10,000) acknowledged writes, SOAK_WRITERS (16) on each side, SOAK_KEYS (400) rows.
 */
const WRITES = Number(process.env['SOAK_WRITES'] ?? 10_000);
const WRITERS = Number(process.env['SOAK_WRITERS'] ?? 16);
const KEYS = Number(process.env['SOAK_KEYS'] ?? 400);
const SETTINGS: SyncSettings = { tables: ['account', 'entry'] };

async function side() {
  const server = await EmbeddedPostgres.start({ durable: false, maxConnections: 100 });
  const url = server.url();
  const pool = createPool({ url, max: WRITERS + 8, applicationName: 'soak' });
  await pool.query(`SET search_path = public; ${JOURNAL_SCHEMA}; SET search_path = pg_catalog`);
  const query = async (sql: string): Promise<Record<string, string | null>[]> => (await pool.query<Record<string, string | null>>(sql)).rows;
  return {
    url, pool, query,
    end: async () => {
      await pool.end();
      await server.remove();
    },
  };
}

const [monolith, service] = [await side(), await side()];
const ends: Ends = { monolith, service };
const { names } = await setUp(ends, SETTINGS);
const running = new RunningSync(build(ends, SETTINGS, names));
const journal = new Journal({ ends, keys: KEYS, uniqueValues: true });
const start = performance.now();
journal.start(WRITERS);
await until(() => journal.writes >= WRITES, { what: 'the writers have written', timeoutMs: 1_800_000 });
await journal.finish();
const writingSeconds = (performance.now() - start) / 1000;
const failed = async (): Promise<never> => {
  throw await running.failure();
};
for (let i = 0; i < 4; i++) await Promise.race([running.sync.caughtUp(new AbortController().signal), failed()]);
const drainedSeconds = (performance.now() - start) / 1000;
await running.stop();

const differing: string[] = [];
for (const table of SETTINGS.tables) {
  const ours = await rowsOf(monolith, `public.${table}`);
  const theirs = new Set(await rowsOf(service, `public.${table}`));
  for (const row of ours) if (!theirs.delete(row)) differing.push(`${table} ${row}`);
  differing.push(...[...theirs].map((row) => `${table} ${row}`));
}
const [lost, unjust] = [await journal.lost(), await journal.unjust()];
const [counts] = await monolith.query(
  "SELECT count(*) FILTER (WHERE strategy NOT IN ('superseded', 'sent-again')) AS conflicts, count(*) FILTER (WHERE strategy = 'superseded') AS superseded, " +
    "count(*) FILTER (WHERE strategy = 'sent-again') AS answers FROM banyan.conflict",
);
const [known] = await monolith.query(
  "SELECT round(1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)) AS p50, round(1000 * percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)) AS p95, " +
    'round(1000 * max(seconds)) AS max FROM (SELECT extract(epoch FROM at) - greatest(monolith_at::numeric, service_at::numeric) / 1000000 AS seconds ' +
    "FROM banyan.conflict WHERE strategy NOT IN ('superseded', 'sent-again') AND monolith_at IS NOT NULL AND service_at IS NOT NULL) AS known",
);
let quarantined = 0;
for (const end of [monolith, service]) quarantined += Number((await end.query('SELECT count(*) AS n FROM banyan.quarantine'))[0]?.['n']);
const ok = lost.length === 0 && unjust.length === 0 && differing.length === 0 && quarantined === 0;
console.log(JSON.stringify({
  ok, writes: journal.writes, refused: journal.refused, writersPerSide: WRITERS, keys: KEYS, writingSeconds: Math.round(writingSeconds * 10) / 10,
  drainedSeconds: Math.round(drainedSeconds * 10) / 10, conflicts: Number(counts?.['conflicts']), superseded: Number(counts?.['superseded']), answers: Number(counts?.['answers']),
  knownAfterMs: { p50: Number(known?.['p50']), p95: Number(known?.['p95']), max: Number(known?.['max']) },
  quarantined, lost: lost.slice(0, 10), unjust: unjust.slice(0, 10), differing: differing.slice(0, 10),
}));
if (process.env['SOAK_SHOW'] !== undefined) {
  const key = /of (\{.*?\})/.exec(unjust[0] ?? '')?.[1];
  if (key !== undefined) for (const row of await monolith.query(`SELECT id, type, winner, strategy, standing, monolith, service_row, decision, monolith_at, service_at FROM banyan.conflict WHERE key = '${key}' ORDER BY id`)) console.error(JSON.stringify(row));
  console.error(journal.story(key === undefined ? 0 : Number(/\d+/.exec(key)?.[0])));
}
await monolith.end();
await service.end();
process.exitCode = ok ? 0 : 1;
