import type pg from 'pg';
import type { Clock } from '../core/clock.ts';

export interface ClockOffset {
  /** The server's clock minus ours, which begins anywhere: only the difference of two servers says something. In milliseconds. */
  readonly offsetMs: number;
  /** It may be off by this much: half of the round trip. */
  readonly uncertaintyMs: number;
}

/** One reading of a server's clock. Costs a round trip. */
export async function readClock(pool: Pick<pg.Pool, 'query'>, clock: Clock): Promise<ClockOffset> {
  const before = clock.monotonic();
  const result = await pool.query<{ ms: string }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::numeric(20,3)::text AS ms');
  const uncertaintyMs = (clock.monotonic() - before) / 2;
  return { offsetMs: Number(result.rows[0]?.ms) - (before + uncertaintyMs), uncertaintyMs };
}
