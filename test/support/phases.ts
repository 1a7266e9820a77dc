import { setTimeout as delay } from 'node:timers/promises';
import { createPool } from '../../src/postgres/connect.ts';
import { isTransient } from '../../src/postgres/transient.ts';
import { ChaosPair, type ChaosPairOptions } from './chaos-pair.ts';
import { until } from './condition.ts';
import { WORKERS } from './faults.ts';
import { judge } from './verdict.ts';

/** What a phase saw; it is as wanted if `ok`. */
export interface PhaseVerdict {
  readonly ok: boolean;
  readonly [what: string]: unknown;
}

/** What is not made good by going on, each under load on a pair of its own. */
export const PHASES: Readonly<Record<string, (options: ChaosPairOptions, timeoutMs: number) => Promise<PhaseVerdict>>> = {
  failover,
  'slot-dropped': slotDropped,
};

/** The monolith fails over to its standby, which has everything that was acknowledged: the workers go on there. */
async function failover(options: ChaosPairOptions, timeoutMs: number): Promise<PhaseVerdict> {
  await using pair = await ChaosPair.start({ ...options, standby: true });
  const { standby, pool } = pair.ends.monolith;
  pair.keepWorkers(WORKERS);
  await pair.crossed(timeoutMs);
  pair.journal.start(options.writers);
  const there = createPool({ url: standby?.server.url() ?? '', max: 1 });
  await until(
    async () => {
      await pool.query('SELECT pg_log_standby_snapshot()');
      return (await there.query("SELECT 1 FROM pg_replication_slots WHERE slot_name LIKE 'banyan%' AND synced AND NOT temporary")).rowCount === 1;
    },
    { what: 'the slot is on the standby', timeoutMs, everyMs: 200 },
  );
  await there.end();
  await delay(3000);
  const before = pair.journal.writes;
  await pair.failOver();
  const crossedMs = Math.round(await pair.crossed(timeoutMs));
  await until(() => pair.journal.writes > before + 500, { timeoutMs });
  await pair.journal.finish();
  const { lost, unjust, differing, ended, ...counts } = await judge(pair, timeoutMs);
  return { ...counts, crossedMs, writesBefore: before, lost: lost.slice(0, 5), unjust: unjust.slice(0, 5), differing: differing.slice(0, 5), ended: ended.slice(0, 2) };
}

/**
 * Somebody drops the slot. What is written from then on can not be had: the workers must say so and stop, and
 * the way that docs/operations.md describes ("Beginning anew") must lead back.
 */
async function slotDropped(options: ChaosPairOptions, timeoutMs: number): Promise<PhaseVerdict> {
  await using pair = await ChaosPair.start(options);
  const { monolith, service } = pair.ends;
  pair.keepWorkers(WORKERS);
  await pair.crossed(timeoutMs);
  pair.journal.start(options.writers);
  await delay(3000);
  const position = async (): Promise<string | undefined> =>
    (await service.pool.query<{ position: string }>("SELECT position FROM banyan.stream WHERE direction = 'monolith-to-service'")).rows[0]?.position;
  const [{ slot } = { slot: '' }] = (await monolith.pool.query<{ slot: string }>("SELECT slot_name AS slot FROM pg_replication_slots WHERE slot_name LIKE 'banyan%'")).rows;
  await until(
    async () => {
      await monolith.pool.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active', [slot]);
      return monolith.pool.query('SELECT pg_drop_replication_slot($1)', [slot]).then(() => true, (error: unknown) => {
        if (isTransient(error)) return false;
        throw error;
      });
    },
    { what: 'the slot is dropped', timeoutMs },
  );
  // Each of them, and whoever comes after them.
  const said: boolean[] = [];
  for (let round = 0; round < 2; round++) {
    for (const worker of pair.workers) {
      await until(() => worker.end !== undefined, { what: 'a worker ends', timeoutMs });
      said.push(worker.end === '3' && worker.said.includes('BANYAN_SLOT_LOST'));
    }
    if (round === 0) {
      pair.forgetEnded();
      pair.keepWorkers(1);
    }
  }
  pair.forgetEnded();
  const stoodAt = await position();
  const before = pair.journal.writes;
  await until(() => pair.journal.writes > before + 100, { timeoutMs });
  const standsStill = (await position()) === stoodAt;
  await pair.journal.finish();
  const { consistent } = await pair.application.validate({ level: 'full' });

  // What only the service has is carried over by hand; then its side is copied anew.
  const entries = async (side: typeof monolith): Promise<Set<string>> =>
    new Set((await side.pool.query<{ value: string }>('SELECT value FROM public.entry')).rows.map(({ value }) => value));
  const [here, overThere] = [await entries(monolith), await entries(service)];
  for (const value of overThere) {
    if (!here.has(value)) await monolith.pool.query('INSERT INTO public.entry (account_id, value) VALUES (1, $1)', [value]);
  }
  await service.pool.query('TRUNCATE public.account, public.entry, public.probe');
  for (const { pool } of [monolith, service]) await pool.query("DELETE FROM banyan.stream WHERE service = 'accounts'");
  pair.keepWorkers(WORKERS);
  await pair.crossed(timeoutMs);
  const differing = await pair.differing(timeoutMs / 4);
  const afterwards = await entries(service);
  const missing = [...here, ...overThere].filter((value) => !afterwards.has(value));
  const again = await pair.application.validate({ level: 'full' });
  return {
    ok: said.every(Boolean) && standsStill && !consistent && differing.length === 0 && missing.length === 0 && again.consistent && pair.ended.length === 0,
    refusedByCode: said, standsStill, foundByValidate: !consistent, differing: differing.slice(0, 5), missing: missing.slice(0, 5),
    validated: again.consistent, writes: pair.journal.writes, ended: pair.ended.slice(0, 2),
  };
}
