import { invariant } from '../core/errors.ts';
import type { ProfileStore, RecordedProfile } from '../ports/profile-store.ts';
import type { ColumnProfile } from '../ports/profiler.ts';
import type { SqlPool } from './migration-store.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.table_profile', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.table_profile (
  side text NOT NULL,
  service text NOT NULL,
  table_name text NOT NULL,
  at timestamptz NOT NULL,
  rows double precision NOT NULL,
  columns text NOT NULL,
  PRIMARY KEY (side, service, table_name, at)
);
COMMENT ON TABLE banyan.table_profile IS 'What tables were like: counts, shares and ranges of their columns, no values of single rows.'`;

const OF_TABLE = 'side = $1 AND service = $2 AND table_name = $3';

/** Profiles of tables in Banyan's own tables. */
export class PostgresProfileStore implements ProfileStore {
  readonly #pool: SqlPool;

  constructor(options: { readonly pool: SqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async profiles({ side, service, table, limit }: Parameters<ProfileStore['profiles']>[0]): Promise<readonly RecordedProfile[]> {
    const { rows } = await this.#pool.query(
      `SELECT extract(epoch FROM at) * 1000 AS at_ms, rows, columns FROM banyan.table_profile WHERE ${OF_TABLE} ORDER BY at DESC LIMIT $4::int`,
      [side, service, table, String(limit)],
    );
    return [...rows].reverse().map((row) => {
      const { at_ms: atMs, rows: count, columns } = row;
      invariant(typeof atMs === 'string' && typeof count === 'string' && typeof columns === 'string', 'a profile has its time, rows and columns');
      return { atMs: Number(atMs), rows: Number(count), columns: JSON.parse(columns) as ColumnProfile[] };
    });
  }

  async record({ side, service, table, atMs, rows, columns }: Parameters<ProfileStore['record']>[0], keepFromMs: number): Promise<void> {
    await this.#pool.query(
      'INSERT INTO banyan.table_profile (side, service, table_name, at, rows, columns) VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000), $5, $6) ON CONFLICT DO NOTHING',
      [side, service, table, String(atMs), String(rows), JSON.stringify(columns)],
    );
    await this.#pool.query(`DELETE FROM banyan.table_profile WHERE ${OF_TABLE} AND at < to_timestamp($4::float8 / 1000)`, [side, service, table, String(keepFromMs)]);
  }
}
