import { parseArgs } from 'node:util';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { KINDS, TYPES_SQL } from '../validate/mutation/kinds.ts';
import { runRounds } from '../validate/mutation/rounds.ts';

/*
 * `npm run soak:validate -- --rounds=2000 [--seed=N]`: random tables, random corruptions, and a report that has
 * to be exactly what was planted. Prints one JSON document; exit code 1 if a round failed, or if a near pair of
 * any type was never planted, so that the run says less than it seems to.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' }, 'failures-at-most': { type: 'string', default: '3' } } });
const rounds = Number(values.rounds);
const server = await EmbeddedPostgres.start({ durable: false });
const pools = { source: createPool({ url: server.url(), max: 4 }), target: createPool({ url: server.url('target'), max: 4 }) };
await pools.source.query('CREATE DATABASE target');
for (const pool of Object.values(pools)) await pool.query(`SET search_path = public; ${TYPES_SQL} SET search_path = pg_catalog`);
const start = performance.now();
const result = await runRounds({
  ...pools, rounds, seed: Number(values.seed), failuresAtMost: Number(values['failures-at-most']),
  onRounds: (done) => void (done % 240 === 0 && process.stderr.write(`${done} rounds\n`)),
});
const seconds = Math.round((performance.now() - start) / 100) / 10;
await Promise.all(Object.values(pools).map((pool) => pool.end()));
await server.remove();

const wanted = KINDS.flatMap(({ type, near }) => near.map(({ name }) => `${name}: ${type}`));
const unplanted = [...new Set(wanted)].filter((name) => !result.planted.has(name));
const corruptions = [...result.planted.values()].reduce((sum, times) => sum + times, 0);
for (const failure of result.failures) process.stderr.write(`\n${failure}\n`);
process.stdout.write(`${JSON.stringify({ rounds: result.rounds, rows: result.rows, corruptions, kinds: result.planted.size, unplanted, failed: result.failures.length, seconds })}\n`);
if (result.failures.length > 0 || (rounds >= 1000 && unplanted.length > 0)) process.exitCode = 1;
