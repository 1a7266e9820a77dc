import type pg from 'pg';
import type { Position } from '../../model/position.ts';
import type { Entry } from './entries.ts';
import { readRelation, type LoggedRelation } from './entries.ts';

/** What one snapshot sees and the one before does not. */
export interface Batch {
  readonly position: Position;
  readonly snapshot: string;
}

/** How many entries, and bytes of their rows, are in memory at a time. */
export interface PartSize {
  readonly rows: number;
  readonly bytes: number;
}

/** Entries of one transaction that follow one another in a batch. */
export interface Stretch {
  readonly xid: bigint;
  readonly committedAt: bigint;
  readonly first: bigint;
  /** The id of its last entry. */
  readonly at: bigint;
  /** At least as many as there are. */
  readonly count: number;
}

/** A service's log, through one session that is nobody else's. */
export class CaptureLog {
  readonly #client: pg.Client;
  readonly #service: string;
  readonly #relations = new Map<string, LoggedRelation>();
  #time: { readonly at: string } | undefined;

  constructor(client: pg.Client, service: string) {
    this.#client = client;
    this.#service = service;
  }

  /** The oldest batch: what it has seen is acknowledged. */
  async acknowledged(): Promise<Batch | undefined> {
    return this.#batch('SELECT position, snapshot FROM banyan.capture_batch WHERE service = $1 ORDER BY position LIMIT 1', [this.#service]);
  }

  /** What this log is known by: one that was made anew is another. */
  async identity(): Promise<string> {
    const found = await this.#client.query<{ identity: string }>('SELECT identity FROM banyan.capture WHERE service = $1', [this.#service]);
    return found.rows[0]?.identity ?? '';
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

  /** A batch's entries, in the order of their ids; undefined if they are more than `most`. */
  async read(before: Batch, batch: Batch, most: PartSize): Promise<readonly Entry[] | undefined> {
    const found = await this.#query({
      name: 'entries',
      text:
        `SELECT ${await this.#columns()}, upto FROM (SELECT p.*, sum(weight) OVER (ORDER BY id) AS upto FROM ` +
        `(SELECT *, ${WEIGHT} AS weight FROM banyan.capture_log WHERE ${IN_BATCH} ORDER BY id LIMIT $4) p) q WHERE upto - weight <= $5 ORDER BY id`,
      values: [...this.#values(before, batch), String(most.rows + 1), String(most.bytes)],
    });
    const last = found.at(-1);
    return found.length > most.rows || Number(last?.['upto'] ?? 0) > most.bytes ? undefined : this.#entries(found);
  }

  /** All entries of a batch's transactions that moved a checkpoint in this database. */
  async replays(before: Batch, batch: Batch): Promise<readonly Entry[]> {
    // In two steps: what the planner makes of one is a look at the whole batch for each of its entries.
    const moved = await this.#query({
      text: `SELECT DISTINCT xid FROM banyan.capture_log WHERE ${IN_BATCH} AND relation = ANY (ARRAY(SELECT id FROM banyan.capture_relation WHERE relid = 'banyan.stream'::regclass))`,
      values: this.#values(before, batch),
    });
    if (moved.length === 0) return [];
    const text = `SELECT ${await this.#columns()} FROM banyan.capture_log WHERE service = $1 AND xid = ANY ($2::text[]::xid8[]) ORDER BY id`;
    return this.#entries(await this.#query({ text, values: [this.#service, moved.map((row) => row['xid'])] }));
  }

  /** Who wrote a batch's entries, in the order of their ids; without these transactions. */
  async stretches(before: Batch, batch: Batch, without: readonly bigint[]): Promise<readonly Stretch[]> {
    const at = (await this.#commitTime()).at;
    const found = await this.#query({
      text:
        `SELECT xid, min(id) AS first, max(id) AS last, count(*) AS entries, (extract(epoch FROM min(${at})) * 1000000)::int8 AS committed_at FROM (` +
        'SELECT id, xid, at, row_number() OVER (ORDER BY id) - row_number() OVER (PARTITION BY xid ORDER BY id) AS stretch ' +
        `FROM banyan.capture_log WHERE ${IN_BATCH} AND xid::text <> ALL ($4::text[])) e GROUP BY xid, stretch ORDER BY min(id)`,
      values: [...this.#values(before, batch), without.map(String)],
    });
    return found.map((row) => ({
      xid: BigInt(row['xid'] ?? 0), first: BigInt(row['first'] ?? 0), at: BigInt(row['last'] ?? 0), count: Number(row['entries']), committedAt: BigInt(row['committed_at'] ?? 0),
    }));
  }

  /** Entries that were logged behind the one that replaced their version, by the id of that one. */
  async late(before: Batch, batch: Batch): Promise<ReadonlyMap<bigint, readonly bigint[]>> {
    await this.#client.query('BEGIN');
    // Nobody has counted these entries, and to join all with all takes for ever.
    await this.#client.query('SET LOCAL enable_nestloop = off');
    const found = await this.#query({ text: LATE_SQL, values: this.#values(before, batch) });
    await this.#client.query('COMMIT');
    const late = new Map<bigint, bigint[]>();
    for (const row of found) {
      const replacer = BigInt(row['replacer'] ?? 0);
      late.set(replacer, [...(late.get(replacer) ?? []), BigInt(row['id'] ?? 0)]);
    }
    return late;
  }

  /**
   * The entries of a stretch, a page at a time. The server keeps the result for this session, on its disk where it
   * is large; no transaction stays open meanwhile.
   */
  async *pages(before: Batch, batch: Batch, { stretch, part }: { readonly stretch: Stretch; readonly part: PartSize }): AsyncGenerator<readonly Entry[]> {
    const values = [...this.#values(before, batch), String(stretch.xid), String(stretch.first), String(stretch.at)];
    const within = `FROM banyan.capture_log WHERE ${IN_BATCH} AND xid = $4::text::xid8 AND id BETWEEN $5 AND $6`;
    const sizes = await this.#query({
      text:
        'SELECT count(*) AS entries FROM (SELECT floor(greatest((number - 1)::numeric / $7, (upto - weight)::numeric / $8)) AS page FROM ' +
        `(SELECT weight, row_number() OVER (ORDER BY id) AS number, sum(weight) OVER (ORDER BY id) AS upto FROM (SELECT id, ${WEIGHT} AS weight ${within}) e) n) p GROUP BY page ORDER BY page`,
      values: [...values, String(part.rows), String(part.bytes)],
    });
    const text = `SELECT ${await this.#columns()} ${within} ORDER BY id`;
    if (sizes.length < 2) {
      if (sizes.length === 1) yield this.#entries(await this.#query({ text, values }));
      return;
    }
    await this.#client.query('BEGIN');
    await this.#client.query({ text: `DECLARE page NO SCROLL CURSOR WITH HOLD FOR ${text}`, values });
    await this.#client.query('COMMIT');
    try {
      for (const { entries } of sizes) yield this.#entries(await this.#query({ text: `FETCH ${Number(entries)} FROM page`, values: [] }));
    } finally {
      await this.#client.query('CLOSE page');
    }
  }

  async entries(ids: readonly bigint[]): Promise<readonly Entry[]> {
    if (ids.length === 0) return [];
    const text = `SELECT ${await this.#columns()} FROM banyan.capture_log WHERE service = $1 AND id = ANY ($2::int8[]) ORDER BY id`;
    return this.#entries(await this.#query({ text, values: [this.#service, ids.map(String)] }));
  }

  #values(before: Batch, batch: Batch): string[] {
    return [this.#service, before.snapshot, batch.snapshot];
  }

  async #query(query: pg.QueryConfig): Promise<readonly Readonly<Record<string, string | null>>[]> {
    return (await this.#client.query<Record<string, string | null>>(query)).rows;
  }

  async #entries(rows: readonly Readonly<Record<string, string | null>>[]): Promise<readonly Entry[]> {
    const entries = rows.map((row): Entry => ({
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

  /** Where the server does not keep commit times, it refuses to be asked. */
  async #commitTime(): Promise<{ readonly at: string }> {
    if (!this.#time) {
      const found = await this.#client.query<{ kept: string }>("SELECT current_setting('track_commit_timestamp') AS kept");
      this.#time = { at: found.rows[0]?.kept === 'on' ? 'coalesce(pg_xact_commit_timestamp(xid::xid), at)' : 'at' };
    }
    return this.#time;
  }

  async #columns(): Promise<string> {
    const { at } = await this.#commitTime();
    return `id, xid, relation, kind, (extract(epoch FROM ${at}) * 1000000)::int8 AS committed_at, old_version, new_version, old_row, new_row`;
  }
}

/** $1: the service, $2 and $3: the snapshots of the batch before and of this one. */
const IN_BATCH =
  'service = $1 AND xid >= pg_snapshot_xmin($2::pg_snapshot) AND xid < pg_snapshot_xmax($3::pg_snapshot) ' +
  'AND pg_visible_in_snapshot(xid, $3::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, $2::pg_snapshot)';

/** What an entry's rows take in memory, in bytes. */
const WEIGHT = '(coalesce(octet_length(old_row), 0) + coalesce(octet_length(new_row), 0))';

/** Of several that replaced a version, the last before it counts; a truncation numbers the versions anew. */
const LATE_SQL = `
WITH e AS MATERIALIZED (
  SELECT l.id, l.xid, r.relid, l.kind, l.old_version, l.new_version FROM banyan.capture_log l JOIN banyan.capture_relation r ON r.id = l.relation
   WHERE ${IN_BATCH}
), pair AS (
  SELECT late.id, max(earlier.id) AS replacer FROM e AS late JOIN e AS earlier
      ON earlier.xid = late.xid AND earlier.relid = late.relid AND earlier.old_version = late.new_version AND earlier.id < late.id
   WHERE NOT EXISTS (SELECT FROM e AS cut WHERE cut.kind IN ('T', 'R', 'N') AND cut.xid = late.xid AND cut.relid = late.relid AND cut.id > earlier.id AND cut.id < late.id)
   GROUP BY late.id
)
SELECT p.id, p.replacer FROM pair p JOIN banyan.capture_log l ON l.service = $1 AND l.id = p.id JOIN banyan.capture_log r ON r.service = $1 AND r.id = p.replacer
 WHERE r.old_row = l.new_row ORDER BY p.id`;

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
