import type pg from 'pg';
import type { Position } from '../../model/position.ts';
import type { Entry } from './entries.ts';
import { readRelation, type LoggedRelation } from './entries.ts';

/** What one snapshot sees and the one before does not. */
export interface Batch {
  readonly position: Position;
  readonly snapshot: string;
}

/** A service's log, through one session that is nobody else's. */
export class CaptureLog {
  readonly #client: pg.Client;
  readonly #service: string;
  readonly #relations = new Map<string, LoggedRelation>();
  #entriesSql: string | undefined;

  constructor(client: pg.Client, service: string) {
    this.#client = client;
    this.#service = service;
  }

  /** The oldest batch: what it has seen is acknowledged. */
  async acknowledged(): Promise<Batch | undefined> {
    return this.#batch('SELECT position, snapshot FROM banyan.capture_batch WHERE service = $1 ORDER BY position LIMIT 1', [this.#service]);
  }

  /** The first batch after a position. */
  async next(after: Position): Promise<Batch | undefined> {
    return this.#batch(
      'SELECT position, snapshot FROM banyan.capture_batch WHERE service = $1 AND position > $2 ORDER BY position LIMIT 1',
      [this.#service, String(after)],
    );
  }

  /** Whether there are entries that a batch has not seen, and whose transactions have been committed. */
  async hasMore({ snapshot }: Batch): Promise<boolean> {
    const found = await this.#client.query<{ more: string }>({
      name: 'more',
      text: 'SELECT EXISTS (SELECT 1 FROM banyan.capture_log WHERE service = $1 AND xid >= pg_snapshot_xmin($2) AND NOT pg_visible_in_snapshot(xid, $2)) AS more',
      values: [this.#service, snapshot],
    });
    return found.rows[0]?.more === 't';
  }

  /**
   * Adds batches up to now: one for each snapshot that writers have left since the last, and one for
   * the present. Each position is drawn before its snapshot is taken.
   */
  async advance(): Promise<void> {
    const client = this.#client;
    await client.query('BEGIN');
    try {
      // One at a time, so that each next snapshot is a later one.
      await client.query('SELECT 1 FROM banyan.capture WHERE service = $1 FOR UPDATE', [this.#service]);
      await client.query(STAKES_SQL, [this.#service]);
      const drawn = await client.query<{ position: string }>("SELECT nextval('banyan.capture_position') AS position");
      await client.query('INSERT INTO banyan.capture_batch (service, position, snapshot) VALUES ($1, $2, pg_current_snapshot())', [
        this.#service, drawn.rows[0]?.position,
      ]);
      await client.query('DELETE FROM banyan.capture_stake WHERE service = $1 AND position < $2', [this.#service, drawn.rows[0]?.position]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  /** A batch's entries, in the order of their ids. */
  async read(before: Batch, batch: Batch): Promise<Entry[]> {
    this.#entriesSql ??= await this.#buildEntriesSql();
    const found = await this.#client.query<Record<string, string | null>>({
      name: 'entries', text: this.#entriesSql, values: [this.#service, before.snapshot, batch.snapshot],
    });
    const entries = found.rows.map((row): Entry => ({
      id: BigInt(row['id'] ?? 0), xid: BigInt(row['xid'] ?? 0), relation: row['relation'] ?? '', kind: row['kind'] ?? '',
      committedAt: BigInt(row['committed_at'] ?? 0), oldVersion: row['old_version'] ?? null, newVersion: row['new_version'] ?? null,
      oldRow: row['old_row'] ?? null, newRow: row['new_row'] ?? null,
    }));
    await this.#learnRelations(entries);
    return entries;
  }

  relationOf(entry: Entry): LoggedRelation {
    const relation = this.#relations.get(entry.relation);
    if (!relation) throw new Error(`entry ${entry.id} is of relation ${entry.relation}, which is nowhere described`);
    return relation;
  }

  /**
   * Forgets what is acknowledged, in small steps. First the batches, in one commit: what is left of
   * their entries is seen by the oldest batch that stays, and read by nobody. False: there is more.
   */
  async forget(through: Position): Promise<boolean> {
    await this.#client.query(
      'DELETE FROM banyan.capture_batch WHERE service = $1 AND position < ' +
        '(SELECT max(position) FROM banyan.capture_batch WHERE service = $1 AND position <= $2)',
      [this.#service, String(through)],
    );
    const base = await this.acknowledged();
    if (!base) return true;
    const deleted = await this.#client.query({
      name: 'forget',
      text:
        'DELETE FROM banyan.capture_log WHERE ctid = ANY (ARRAY(SELECT ctid FROM banyan.capture_log ' +
        `WHERE service = $1 AND xid < pg_snapshot_xmax($2) AND pg_visible_in_snapshot(xid, $2) LIMIT ${FORGET_ROWS}))`,
      values: [this.#service, base.snapshot],
    });
    return (deleted.rowCount ?? 0) < FORGET_ROWS;
  }

  async #batch(text: string, values: readonly string[]): Promise<Batch | undefined> {
    const found = await this.#client.query<{ position: string; snapshot: string }>(text, [...values]);
    const row = found.rows[0];
    return row && { position: BigInt(row.position) as Position, snapshot: row.snapshot };
  }

  async #learnRelations(entries: readonly Entry[]): Promise<void> {
    const unknown = [...new Set(entries.map((entry) => entry.relation))].filter((id) => !this.#relations.has(id));
    if (unknown.length === 0) return;
    const found = await this.#client.query<{ id: string; relid: string; definition: string }>(
      'SELECT id, relid, definition FROM banyan.capture_relation WHERE id = ANY ($1)', [unknown],
    );
    for (const { id, relid, definition } of found.rows) this.#relations.set(id, readRelation(relid, definition));
  }

  async #buildEntriesSql(): Promise<string> {
    const found = await this.#client.query<{ kept: string }>("SELECT current_setting('track_commit_timestamp') AS kept");
    // Where the server does not keep commit times, it refuses to be asked.
    const at = found.rows[0]?.kept === 'on' ? 'coalesce(pg_xact_commit_timestamp(xid::xid), at)' : 'at';
    return (
      `SELECT id, xid, relation, kind, (extract(epoch FROM ${at}) * 1000000)::int8 AS committed_at, old_version, new_version, old_row, new_row ` +
      'FROM banyan.capture_log WHERE service = $1 AND xid >= pg_snapshot_xmin($2) AND xid < pg_snapshot_xmax($3) ' +
      'AND pg_visible_in_snapshot(xid, $3) AND NOT pg_visible_in_snapshot(xid, $2) ORDER BY id'
    );
  }
}

const FORGET_ROWS = 2000;

/**
 * Snapshots of one server are ordered by how many transactions had ended. One that is not later than
 * the last batch, or whose number is not, is of no use.
 */
const STAKES_SQL = `
WITH RECURSIVE stake AS (
  SELECT position, snapshot, pg_snapshot_xmax(snapshot)::text::numeric - (SELECT count(*) FROM pg_snapshot_xip(snapshot)) AS ended
    FROM banyan.capture_stake WHERE service = $1
), chain AS (
  (SELECT position, snapshot, pg_snapshot_xmax(snapshot)::text::numeric - (SELECT count(*) FROM pg_snapshot_xip(snapshot)) AS ended
     FROM banyan.capture_batch WHERE service = $1 ORDER BY position DESC LIMIT 1)
  UNION ALL
  SELECT n.position, n.snapshot, n.ended FROM chain c CROSS JOIN LATERAL (
    SELECT s.position, s.snapshot, s.ended FROM stake s WHERE s.position > c.position AND s.ended > c.ended ORDER BY s.position LIMIT 1) n
)
INSERT INTO banyan.capture_batch (service, position, snapshot)
SELECT $1, c.position, c.snapshot FROM chain c
 WHERE NOT EXISTS (SELECT FROM banyan.capture_batch b WHERE b.service = $1 AND b.position = c.position)`;
