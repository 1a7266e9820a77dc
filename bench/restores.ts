import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { systemClock } from '../src/core/clock.ts';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import { restoreTime, type RestoreProbe } from '../src/plan/runbook/restore-time.ts';
import { connect } from '../src/postgres/connect.ts';
import { restoreProbe } from '../src/postgres/survey/restore-probe.ts';

/**
 * How long `banyan runbook test` says that a restore takes, by what 20,000 rows took, beside how long 160,000 then took.
 * Beside it the same with every time, or every size, wrong by eight, which must not agree. Ends with 1 if most rounds say
 * otherwise: other work on the machine spoils a round.
 *
 *     npx tsx bench/restores.ts [ROUNDS]
 */

const ROUNDS = Number(process.argv[2] ?? 5);
const SAMPLE = 20_000;
const LARGER = 160_000;

/** In the range, by a range that says something: its own margins, and what the rounds differ, explain its width. */
function holds({ rounds }: RestoreProbe, real: { readonly rows: number; readonly bytes: number; readonly seconds: number }): boolean {
  const { low, high } = restoreTime({ table: 't', rounds }, { ...real, basis: 'measured' });
  const took = rounds.map(({ seconds }) => seconds);
  const differ = Math.max(...took) / Math.min(...took);
  return high !== null && real.seconds >= low && real.seconds <= high && high / low / differ < 8;
}

const server = await EmbeddedPostgres.start({ durable: false });
const client = await connect({ url: server.url(), clock: systemClock });
await client.query('CREATE TABLE public.t (id bigint PRIMARY KEY, name text, at timestamptz); CREATE INDEX by_name ON public.t (name)');
const rowsUpTo = (most: number): string => `SELECT n, n::text, timestamp '2026-01-01' + n * interval '1 hour' FROM generate_series(1, ${most}) n`;
const rounds: { readonly probe: RestoreProbe; readonly real: { readonly rows: number; readonly bytes: number; readonly seconds: number } }[] = [];
try {
  for (let i = 0; i < ROUNDS; i++) {
    const probe = { table: 't', rounds: await restoreProbe(client, { table: 'public.t', fill: (to) => `INSERT INTO ${to} ${rowsUpTo(SAMPLE)}`, rounds: 3, clock: systemClock }) };
    // The larger one is restored by other means than those that are judged: text made here, one COPY, its indexes.
    const text = Array.from({ length: LARGER }, (_, n) => `${n + 1}\t${n + 1}\t${new Date(Date.UTC(2026, 0, 1) + (n + 1) * 3_600_000).toISOString()}\n`).join('');
    await client.query('DROP TABLE IF EXISTS public.large');
    const start = systemClock.monotonic();
    await client.query('BEGIN; CREATE TABLE public.large (id bigint NOT NULL, name text, at timestamptz)');
    await pipeline(Readable.from([text]), client.query(copyFrom('COPY public.large FROM STDIN')));
    await client.query('ALTER TABLE public.large ADD PRIMARY KEY (id); CREATE INDEX ON public.large (name); COMMIT');
    const seconds = (systemClock.monotonic() - start) / 1000;
    const { rows: [size] } = await client.query<{ bytes: string }>(`SELECT pg_total_relation_size('public.large')::text AS bytes`);
    rounds.push({ probe, real: { rows: LARGER, bytes: Number(size?.bytes), seconds } });
  }
} finally {
  await client.end();
}

await server.remove();
const passed = (bug: (round: RestoreProbe['rounds'][number]) => RestoreProbe['rounds'][number]): number => rounds.filter(({ probe, real }) => holds({ ...probe, rounds: probe.rounds.map(bug) }, real)).length;
for (const { probe, real } of rounds) {
  const { low, high } = restoreTime(probe, { ...real, basis: 'measured' });
  console.log(`${real.seconds.toFixed(2)} s, estimated ${low} to ${high}`);
}
const right = passed((round) => round);
const wrong = [8, 1 / 8].flatMap((by) => [passed((round) => ({ ...round, seconds: round.seconds * by })), passed((round) => ({ ...round, bytes: round.bytes * by }))]);
console.log(`of ${ROUNDS} rounds right: ${right}; still right if seconds or bytes were wrong by eight: ${wrong.join(', ')}`);
process.exitCode = right > ROUNDS / 2 && wrong.every((each) => each <= ROUNDS / 2) ? 0 : 1;
