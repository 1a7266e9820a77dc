import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { build, RunningSync, setUp, type SyncSettings } from '../support/sync-engine.ts';
import { LIVE_SCHEMA, liveRows, validateLive } from '../validate/live-writers.ts';

/*
 * `npm run soak:validate-live`: two servers, both written and synchronised both ways, and validation in a
 * loop. No row in flight may be reported; a row that is corrupted halfway, past the streams, must be in
 * the next report. Prints one JSON document; exit code 1 if the answer is no.
 *
 * SOAK_SECONDS (default 60), SOAK_RATE (5000) rows a second, SOAK_KEYS (50,000) rows, SOAK_SEED (1).
 */
const number = (name: string, value: number): number => Number(process.env[name] ?? value);
const [SECONDS, RATE, KEYS] = [number('SOAK_SECONDS', 60), number('SOAK_RATE', 5000), number('SOAK_KEYS', 50_000)];
const SETTINGS: SyncSettings = { tables: ['account'] };

const servers = await Promise.all([EmbeddedPostgres.start({ durable: false }), EmbeddedPostgres.start({ durable: false })]);
const [monolith, service] = servers.map((server) => ({ url: server.url(), pool: createPool({ url: server.url(), max: 16, applicationName: 'soak' }) })) as [
  { url: string; pool: ReturnType<typeof createPool> }, { url: string; pool: ReturnType<typeof createPool> },
];
await Promise.all([monolith.pool.query(LIVE_SCHEMA), service.pool.query(LIVE_SCHEMA)]);
await monolith.pool.query(liveRows(KEYS));
const ends = { monolith, service };
const { names } = await setUp(ends, SETTINGS);
const running = new RunningSync(build(ends, SETTINGS, names));
const { afterPlanting, falseAlarms, ...result } = await validateLive({ ends, running, keys: KEYS, rate: RATE, seconds: SECONDS, seed: number('SOAK_SEED', 1) });
await running.stop();
const ok = falseAlarms.length === 0 && afterPlanting?.counts.different === 1;
console.log(JSON.stringify({ ok, seconds: SECONDS, keys: KEYS, ...result, rate: Math.round(result.rate), foundAfterPlanting: afterPlanting?.different.map(({ key }) => key), falseAlarms: falseAlarms.slice(0, 3) }));
await Promise.all([monolith.pool.end(), service.pool.end()]);
await Promise.all(servers.map((server) => server.remove()));
process.exitCode = ok ? 0 : 1;
