import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { restoreTime, type RestoreProbe } from '../../src/plan/runbook/restore-time.ts';
import { connect } from '../../src/postgres/connect.ts';
import { restoreProbe } from '../../src/postgres/survey/restore-probe.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';

const ROUNDS = 3;
const SAMPLE = 20_000;
const LARGER = 160_000;

/** In the range, by a range that says something: its own margins, and what the rounds differ, explain its width. */
function holds({ rounds }: RestoreProbe, real: { readonly rows: number; readonly bytes: number; readonly seconds: number }): boolean {
  const { low, high } = restoreTime({ table: 't', rounds }, { ...real, basis: 'measured' });
  const took = rounds.map(({ seconds }) => seconds);
  const differ = Math.max(...took) / Math.min(...took);
  return high !== null && real.seconds >= low && real.seconds <= high && high / low / differ < 8;
}

describePostgres('how long a restore takes', () => {
  it('is in the range that a smaller one gave, by majority; wrong units are not', async () => {
    const { url } = await testDatabase({ schema: 'CREATE TABLE public.t (id bigint PRIMARY KEY, name text, at timestamptz); CREATE INDEX by_name ON public.t (name)' });
    const client = await connect({ url, clock: systemClock });
    const rowsUpTo = (most: number) => `SELECT n, n::text, timestamp '2026-01-01' + n * interval '1 hour' FROM generate_series(1, ${most}) n`;
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
    const passed = (bug: (round: RestoreProbe['rounds'][number]) => RestoreProbe['rounds'][number]) => rounds.filter(({ probe, real }) => holds({ ...probe, rounds: probe.rounds.map(bug) }, real)).length;
    const most = Math.ceil(ROUNDS / 2);
    expect(passed((round) => round), JSON.stringify(rounds.map(({ probe, real }) => [restoreTime(probe, { ...real, basis: 'measured' }), real]))).toBeGreaterThanOrEqual(most);
    expect(passed((round) => ({ ...round, seconds: round.seconds * 8 }))).toBeLessThan(most);
    expect(passed((round) => ({ ...round, seconds: round.seconds / 8 }))).toBeLessThan(most);
    expect(passed((round) => ({ ...round, bytes: round.bytes * 8 }))).toBeLessThan(most);
    expect(passed((round) => ({ ...round, bytes: round.bytes / 8 }))).toBeLessThan(most);
  });
});
