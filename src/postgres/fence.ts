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
  const placed = await pool.query<{ position: string }>(MOVE_SQL, [service]);
  const moved = placed.rows[0] ?? (await pool.query<{ position: string }>(FIRST_SQL, [service])).rows[0];
  if (moved) return parsePosition(moved.position);
  // Somebody holds the row locked: whoever waits for a mark, with rows of users locked, must not wait for him.
  const beside = await pool.query<{ id: string; position: string }>(BESIDE_SQL, [service]);
  await pool.query('DELETE FROM banyan.request WHERE id = $1', [beside.rows[0]?.id]);
  return parsePosition(beside.rows[0]?.position);
}

const MOVE_SQL =
  'WITH free AS (SELECT m.service FROM banyan.mark AS m WHERE m.service = $1 FOR UPDATE SKIP LOCKED) ' +
  `UPDATE banyan.mark AS m SET placed = m.placed + 1 FROM free WHERE m.service = free.service RETURNING ${positionSql('$1')} AS position`;

const FIRST_SQL =
  'INSERT INTO banyan.mark AS m (service, placed) SELECT $1, 1 WHERE NOT EXISTS (SELECT FROM banyan.mark AS o WHERE o.service = $1) ' +
  `ON CONFLICT (service) DO UPDATE SET placed = m.placed + 1 RETURNING ${positionSql('$1')} AS position`;

/** A request for nothing is a mark as well. It need not stay: that it was inserted is in the log. */
const BESIDE_SQL = `INSERT INTO banyan.request (service, table_name, key) VALUES ($1, '', '{}') RETURNING id, ${positionSql('$1')} AS position`;

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
