import { parseTableName } from '../model/names.ts';
import type { ResyncJob, ResyncProgress, ResyncState, ResyncStore } from '../ports/resync-store.ts';
import type { SqlPool } from './migration-store.ts';
import { number, text, type StoredRow } from './stored-row.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.resync', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.resync (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service text NOT NULL,
  table_name text NOT NULL,
  truth text NOT NULL,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  state text NOT NULL DEFAULT 'asked',
  began_at timestamptz,
  ended_at timestamptz,
  compared bigint NOT NULL DEFAULT 0,
  expected bigint NOT NULL DEFAULT 0,
  found bigint NOT NULL DEFAULT 0,
  repaired bigint NOT NULL DEFAULT 0,
  held bigint NOT NULL DEFAULT 0,
  busy bigint NOT NULL DEFAULT 0,
  refused bigint NOT NULL DEFAULT 0,
  reason text
);
CREATE UNIQUE INDEX IF NOT EXISTS resync_open ON banyan.resync (service, table_name) WHERE state IN ('asked', 'running')`;

const COLUMNS =
  'id, service, table_name, truth, asked_by, to_char(asked_at AT TIME ZONE \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') AS asked_at, state, ' +
  'compared, expected, found, repaired, held, busy, refused, reason, ' +
  'coalesce(extract(epoch FROM coalesce(ended_at, clock_timestamp()) - began_at), 0) AS seconds';

const OPEN = `SELECT ${COLUMNS} FROM banyan.resync WHERE state IN ('asked', 'running')`;

const NOTE = `
UPDATE banyan.resync SET
  began_at = CASE WHEN $2 = 'running' THEN coalesce(began_at, clock_timestamp()) ELSE began_at END,
  ended_at = CASE WHEN $2 IN ('done', 'failed') THEN clock_timestamp() ELSE ended_at END,
  state = coalesce($2, state), compared = coalesce($3, compared), expected = coalesce($4, expected), found = coalesce($5, found),
  repaired = coalesce($6, repaired), held = coalesce($7, held), busy = coalesce($8, busy), refused = coalesce($9, refused), reason = coalesce($10, reason)
WHERE id = $1`;

/** Keeps what was asked for in the state database. */
export class PostgresResyncStore implements ResyncStore {
  readonly #pool: SqlPool;

  constructor(options: { readonly pool: SqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async ask({ service, table, from, askedBy }: Parameters<ResyncStore['ask']>[0]): Promise<ResyncJob> {
    const made = await this.#jobs(
      `INSERT INTO banyan.resync (service, table_name, truth, asked_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
      [service, table, from, askedBy],
    );
    const [job] = made.length > 0 ? made : await this.#jobs(`${OPEN} AND service = $1 AND table_name = $2`, [service, table]);
    // It ended between the two statements.
    return job ?? this.ask({ service, table, from, askedBy });
  }

  async next(service: string): Promise<ResyncJob | undefined> {
    return (await this.#jobs(`${OPEN} AND service = $1 ORDER BY id LIMIT 1`, [service]))[0];
  }

  open(): Promise<readonly ResyncJob[]> {
    return this.#jobs(`${OPEN} ORDER BY id`, []);
  }

  async read(id: string): Promise<ResyncJob | undefined> {
    return (await this.#jobs(`SELECT ${COLUMNS} FROM banyan.resync WHERE id = $1`, [id]))[0];
  }

  async note(id: string, progress: ResyncProgress): Promise<void> {
    const { state, compared, expected, found, repaired, held, busy, refused, reason } = progress;
    const numbers = [compared, expected, found, repaired, held, busy, refused].map((number) => (number === undefined ? null : String(number)));
    await this.#pool.query(NOTE, [id, state ?? null, ...numbers, reason ?? null]);
  }

  async #jobs(text: string, values: unknown[]): Promise<ResyncJob[]> {
    return (await this.#pool.query(text, values)).rows.map(jobOf);
  }
}

function jobOf(row: StoredRow): ResyncJob {
  const reason = row['reason'];
  return {
    id: text(row, 'id'), service: text(row, 'service'), table: parseTableName(text(row, 'table_name')), from: text(row, 'truth') === 'service' ? 'service' : 'monolith',
    askedBy: text(row, 'asked_by'), askedAt: text(row, 'asked_at'), state: stateOf(text(row, 'state')),
    compared: number(row, 'compared'), expected: number(row, 'expected'), found: number(row, 'found'), repaired: number(row, 'repaired'), held: number(row, 'held'),
    busy: number(row, 'busy'), refused: number(row, 'refused'), seconds: number(row, 'seconds'), ...(typeof reason === 'string' ? { reason } : {}),
  };
}

const STATES: readonly ResyncState[] = ['asked', 'running', 'done', 'failed'];

const stateOf = (text: string): ResyncState => STATES.find((state) => state === text) ?? 'failed';
