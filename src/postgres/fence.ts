import type pg from 'pg';
import type { Clock } from '../core/clock.ts';
import { parseLsn, type Position } from '../model/position.ts';
import { directionFrom, otherSide, type Side } from '../model/side.ts';
import type { Fence } from '../ports/fence.ts';
import { streamName } from './banyan-schema.ts';
import { parsePosition, positionSql } from './log-position.ts';

/**
 * Writes a mark into a database's log and gives a position before the mark's own commit: everything
 * acknowledged before the call lies before it, and the mark makes the stream pass it.
 */
export async function placeMark(pool: pg.Pool, service: string): Promise<Position> {
  const placed = await pool.query<{ position: string }>(
    'INSERT INTO banyan.mark AS m (service, placed) VALUES ($1, 1) ' +
      `ON CONFLICT (service) DO UPDATE SET placed = m.placed + 1 RETURNING ${positionSql('$1')} AS position`,
    [service],
  );
  return parsePosition(placed.rows[0]?.position);
}

/** Fences through the databases alone; neither the sync worker nor a service's HTTP is asked. */
export class PostgresFence implements Fence {
  readonly #pools: (service: string) => Readonly<Record<Side, pg.Pool>>;
  readonly #clock: Clock;

  constructor(options: { readonly pools: (service: string) => Readonly<Record<Side, pg.Pool>>; readonly clock: Clock }) {
    this.#pools = options.pools;
    this.#clock = options.clock;
  }

  async place({ service, side, signal }: Parameters<Fence['place']>[0]): Promise<Position> {
    signal?.throwIfAborted();
    return placeMark(this.#pools(service)[side], service);
  }

  async passed({ service, side, position, timeoutMs, signal }: Parameters<Fence['passed']>[0]): Promise<boolean> {
    const pool = this.#pools(service)[otherSide(side)];
    const stream = streamName(service, directionFrom(side));
    const start = this.#clock.monotonic();
    for (;;) {
      signal?.throwIfAborted();
      const found = await pool.query<{ position: string }>('SELECT position FROM banyan.stream WHERE name = $1', [stream]);
      const applied = found.rows[0]?.position;
      if (applied !== undefined && parseLsn(applied) >= position) return true;
      const waitedMs = this.#clock.monotonic() - start;
      if (waitedMs >= timeoutMs) return false;
      // Often at first, when the answer is most likely near; then easier on the server.
      await this.#clock.sleep(waitedMs < 50 ? 2 : 10, signal);
    }
  }
}
