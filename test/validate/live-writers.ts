import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import { otherSide, type Side } from '../../src/model/side.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { PostgresFence } from '../../src/postgres/fence.ts';
import type { TableReport } from '../../src/validate/report.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { until } from '../support/condition.ts';
import type { Ends, RunningSync } from '../support/sync-engine.ts';
import { Dice } from './dice.ts';

const ROWS_PER_TRANSACTION = 10;
const WRITERS_PER_SIDE = 4;
/** Bytes of a side's log that the other one has not applied yet; then its writers wait, for no fence passes what only grows. */
const MOST_BEHIND = 1_000_000;
/** Beyond the keys that are written: only the planted corruption lies there. */
export const PLANTED = 1_000_000_000;

/**
 * Whatever is written to the planted row on the other side arrives there as something else: behind the
 * source's log, so that no stream knows of it.
 */
export const LIVE_SCHEMA = `
CREATE TABLE public.account (id int8 PRIMARY KEY, owner text NOT NULL, state text, balance numeric(12,2) NOT NULL, changed_at timestamptz NOT NULL DEFAULT now());
CREATE FUNCTION public.corrupt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('session_replication_role') = 'replica' THEN NEW.balance := NEW.balance + 0.01; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER corrupt BEFORE UPDATE ON public.account FOR EACH ROW WHEN (NEW.id = ${PLANTED}) EXECUTE FUNCTION public.corrupt();
ALTER TABLE public.account ENABLE ALWAYS TRIGGER corrupt`;

export const liveRows = (keys: number): string =>
  `INSERT INTO public.account SELECT g, 'owner ' || g, 'open', g FROM generate_series(1, ${keys}) g UNION ALL SELECT ${PLANTED}, 'nobody', 'open', 1`;

export interface LiveResult {
  /** Rows written a second, as far as the machine allowed. */
  readonly rate: number;
  readonly rounds: number;
  /** Rows that differed at the first look, and were on their way. */
  readonly inFlight: number;
  readonly unsettled: number;
  /** Reports of rows although nothing was planted. */
  readonly falseAlarms: readonly TableReport[];
  /** What the first round after the corruption reported. */
  readonly afterPlanting: TableReport | undefined;
}

/** Validates in a loop while both sides are written and synchronised; halfway, one row is corrupted past the streams. */
export async function validateLive(options: {
  readonly ends: Ends;
  readonly running: RunningSync;
  readonly keys: number;
  /** Rows a second, both sides together. */
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
}): Promise<LiveResult> {
  const { ends, running, keys, rate, seconds, seed } = options;
  const stop = new AbortController();
  let written = 0;
  const behind: Record<Side, number> = { monolith: 0, service: 0 };
  const watch = async (side: Side): Promise<void> => {
    for (; !stop.signal.aborted; await delay(100)) {
      const applied = await ends[otherSide(side)].pool.query<{ position: string }>('SELECT position FROM banyan.stream LIMIT 1');
      const left = await ends[side].pool.query<{ bytes: string }>('SELECT pg_current_wal_lsn() - $1::pg_lsn AS bytes', [applied.rows[0]?.position ?? '0/0']);
      behind[side] = Number(left.rows[0]?.bytes);
    }
  };
  const write = async (side: Side, writer: number): Promise<void> => {
    const dice = new Dice(seed * 100 + writer + (side === 'monolith' ? 0 : 50));
    const everyMs = (1000 * ROWS_PER_TRANSACTION * 2 * WRITERS_PER_SIDE) / rate;
    for (let due = performance.now(); !stop.signal.aborted; due += everyMs) {
      await delay(Math.max(0, due - performance.now()));
      while (behind[side] > MOST_BEHIND && !stop.signal.aborted) await delay(20);
      due = Math.max(due, performance.now() - 1000);
      // One key of a hundred is written by both sides, so that there are conflicts as well.
      const own = side === 'monolith' ? 0 : 1;
      const wanted = Array.from({ length: ROWS_PER_TRANSACTION }, () => {
        const key = 1 + dice.below(keys);
        return key % 100 === 0 ? key : 2 * Math.floor(key / 2) + own;
      }).filter((key) => key > 0);
      const ids = [...new Set(wanted)].toSorted((a, b) => a - b);
      const sql = dice.chance(0.1)
        ? { text: 'DELETE FROM public.account WHERE id = ANY ($1::int8[])', values: [ids] }
        : {
            text: `INSERT INTO public.account SELECT k, 'owner ' || k, $2::text, $3::numeric FROM unnest($1::int8[]) k
                   ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state, balance = EXCLUDED.balance`,
            values: [ids, dice.pick(['open', 'closed', null]), String(dice.below(1000))],
          };
      try {
        await ends[side].pool.query(sql);
        written += ids.length;
      } catch (error) {
        // Two writers of one key may meet in a deadlock, and the server ends one of them.
        if (!(error instanceof Error && /deadlock/.test(error.message))) throw error;
      }
    }
  };
  const writing = Promise.all((['monolith', 'service'] as const).flatMap((side) => [watch(side), ...Array.from({ length: WRITERS_PER_SIDE }, (_, writer) => write(side, writer))]));
  const fence = new PostgresFence({ clock: systemClock, pools: () => ({ monolith: ends.monolith.pool, service: ends.service.pool }) });
  const validator = new ConsistencyValidator(
    { checksummer: new PostgresChecksummer({ pool: ends.monolith.pool }) },
    { checksummer: new PostgresChecksummer({ pool: ends.service.pool }) },
    { fence: { fence, service: 'shop' } },
  );
  const result = { rounds: 0, inFlight: 0, unsettled: 0, falseAlarms: [] as TableReport[], afterPlanting: undefined as TableReport | undefined };
  const begun = performance.now();
  const secondsSoFar = (): number => (performance.now() - begun) / 1000;
  try {
    for (let round = 0; secondsSoFar() < seconds || result.afterPlanting === undefined; round++) {
      const planted = secondsSoFar() > seconds / 2;
      if (planted && result.afterPlanting === undefined) await plant(ends, round % 2 === 0 ? 'monolith' : 'service');
      let suspects = 0;
      const validated = validator.validate({
        tables: ['public.account'],
        level: round % 3 === 2 ? 'checksum' : 'full',
        // In ranges, and as a whole.
        ...(round % 2 === 0 ? { rangeRows: Math.ceil(keys / 7) } : {}),
        onProgress: (progress) => (suspects = Math.max(suspects, progress.suspects)),
      });
      const failed = running.failure().then((error): never => {
        throw error;
      });
      failed.catch(() => {});
      const { tables } = await Promise.race([validated, failed]);
      const [table] = tables;
      if (table === undefined) throw new Error('a table that was asked for is reported');
      result.rounds++;
      result.inFlight += suspects;
      result.unsettled += table.counts.unsettled;
      if (planted) result.afterPlanting ??= table;
      if (!isRight(table, planted)) result.falseAlarms.push(table);
    }
  } finally {
    stop.abort();
    await writing;
  }
  return { ...result, rate: written / secondsSoFar() };
}

/** One row is corrupted while it is applied on the other side. */
export async function plant(ends: Ends, from: Side): Promise<void> {
  const balance = async (side: Side): Promise<unknown> => (await ends[side].pool.query<{ balance: string }>(`SELECT balance FROM public.account WHERE id = ${PLANTED}`)).rows[0]?.balance;
  await ends[from].pool.query(`UPDATE public.account SET balance = 100 WHERE id = ${PLANTED}`);
  await until(async () => (await balance(otherSide(from))) === '100.01', { what: 'the corrupted row has arrived', timeoutMs: 60_000 });
}

function isRight({ missing, extra, different, counts }: TableReport, planted: boolean): boolean {
  const keys = different.map(({ key }) => key);
  return missing.length === 0 && extra.length === 0 && counts.missing + counts.extra === 0 && counts.different === (planted ? 1 : 0) && keys.every((key) => key === String(PLANTED));
}
