import { parseTableName, type TableName } from '../model/names.ts';
import type { RecordedStanding, RecordedTable, ValidationStore } from '../ports/validation-store.ts';
import type { RouteSqlPool } from './route-store.ts';
import { number, text, type StoredRow } from './stored-row.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.validation', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.validation_schedule (
  service text NOT NULL,
  schedule text NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (service, schedule)
);
CREATE TABLE IF NOT EXISTS banyan.validation_history (
  run text NOT NULL,
  at timestamptz NOT NULL,
  service text NOT NULL,
  table_name text NOT NULL,
  level text NOT NULL,
  consistent boolean NOT NULL,
  source bigint NOT NULL,
  target bigint NOT NULL,
  missing bigint NOT NULL,
  extra bigint NOT NULL,
  different bigint NOT NULL,
  unsettled bigint NOT NULL,
  score double precision NOT NULL,
  seconds double precision NOT NULL,
  PRIMARY KEY (run, table_name)
);
CREATE INDEX IF NOT EXISTS validation_history_at ON banyan.validation_history (at);
CREATE INDEX IF NOT EXISTS validation_history_table ON banyan.validation_history (table_name, at);
CREATE TABLE IF NOT EXISTS banyan.validation_standing (
  service text NOT NULL,
  table_name text NOT NULL,
  level text NOT NULL,
  severity text,
  score double precision NOT NULL,
  rows bigint NOT NULL,
  missing bigint NOT NULL,
  extra bigint NOT NULL,
  different bigint NOT NULL,
  unsettled bigint NOT NULL,
  PRIMARY KEY (service, table_name)
);
CREATE TABLE IF NOT EXISTS banyan.validation_told (
  service text NOT NULL,
  webhook text NOT NULL,
  table_name text NOT NULL,
  severity text NOT NULL,
  PRIMARY KEY (service, webhook, table_name)
)`;

const COUNTS = ['missing', 'extra', 'different', 'unsettled'] as const;
const HISTORY_COLUMNS = 'run, service, table_name, level, consistent, source, target, missing, extra, different, unsettled, score, seconds';

/** With so many rows a statement, a service of thousands of tables is recorded in a few of them. */
const RECORD = `
INSERT INTO banyan.validation_history (at, ${HISTORY_COLUMNS})
SELECT r.* FROM jsonb_to_recordset($1::jsonb) AS r (at timestamptz, run text, service text, table_name text, level text, consistent boolean,
  source bigint, target bigint, missing bigint, extra bigint, different bigint, unsettled bigint, score double precision, seconds double precision)
ON CONFLICT DO NOTHING`;

const HISTORY = `
SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, ${HISTORY_COLUMNS}
FROM (SELECT *, row_number() OVER (PARTITION BY service, table_name, level ORDER BY at DESC, run) AS newest
  FROM banyan.validation_history WHERE ($1::text IS NULL OR table_name = $1) AND ($2::float8 IS NULL OR at >= to_timestamp($2::float8 / 1000))) h
WHERE newest <= $3::int ORDER BY h.at DESC, run, service, table_name`;

const STAND = `
INSERT INTO banyan.validation_standing (service, table_name, level, severity, score, rows, missing, extra, different, unsettled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (service, table_name) DO UPDATE SET level = excluded.level, severity = excluded.severity, score = excluded.score, rows = excluded.rows,
  missing = excluded.missing, extra = excluded.extra, different = excluded.different, unsettled = excluded.unsettled`;

/** The memory of repeated validation in Banyan's own tables. */
export class PostgresValidationStore implements ValidationStore {
  readonly #pool: RouteSqlPool;

  constructor(options: { readonly pool: RouteSqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async last(service: string, schedule: string): Promise<number | undefined> {
    const { rows } = await this.#pool.query(
      'SELECT extract(epoch FROM last_at) * 1000 AS ms FROM banyan.validation_schedule WHERE service = $1 AND schedule = $2', [service, schedule],
    );
    return rows[0] === undefined ? undefined : Number(rows[0]['ms']);
  }

  async note(service: string, schedule: string, atMs: number): Promise<void> {
    await this.#pool.query(
      'INSERT INTO banyan.validation_schedule (service, schedule, last_at) VALUES ($1, $2, to_timestamp($3::float8 / 1000)) ' +
        'ON CONFLICT (service, schedule) DO UPDATE SET last_at = greatest(validation_schedule.last_at, excluded.last_at)',
      [service, schedule, String(atMs)],
    );
  }

  async alone(service: string, work: () => Promise<void>): Promise<boolean> {
    const client = await this.#pool.connect();
    // A session that is lost gives the lock away; what runs goes on, since it only reads.
    client.on('error', () => {});
    let usable = false;
    try {
      const { rows } = await client.query("SELECT pg_try_advisory_lock(hashtextextended('banyan.validate ' || $1, 0))::text AS held", [service]);
      if (rows[0]?.['held'] !== 'true') {
        usable = true;
        return false;
      }
      await work();
      return true;
    } finally {
      // The session ends, and the lock with it: nobody has to be asked.
      client.removeAllListeners('error');
      client.on('error', () => {});
      client.release(!usable);
    }
  }

  async record(tables: readonly RecordedTable[], keepFromMs: number): Promise<void> {
    const rows = tables.map(({ table, ...each }) => ({ ...each, table_name: table }));
    await this.#pool.query(RECORD, [JSON.stringify(rows)]);
    await this.#pool.query('DELETE FROM banyan.validation_history WHERE at < to_timestamp($1::float8 / 1000)', [String(keepFromMs)]);
  }

  async history({ table, sinceMs, limit }: Parameters<ValidationStore['history']>[0]): Promise<readonly RecordedTable[]> {
    const { rows } = await this.#pool.query(HISTORY, [table ?? null, sinceMs === undefined ? null : String(sinceMs), String(limit)]);
    return rows.map((row) => ({
      run: text(row, 'run'), at: text(row, 'at'), service: text(row, 'service'), table: tableOf(row), level: text(row, 'level'),
      consistent: ['t', 'true'].includes(text(row, 'consistent')), source: number(row, 'source'), target: number(row, 'target'),
      ...countsOf(row), score: number(row, 'score'), seconds: number(row, 'seconds'),
    }));
  }

  async standings(service: string): Promise<readonly RecordedStanding[]> {
    const { rows } = await this.#pool.query('SELECT * FROM banyan.validation_standing WHERE service = $1 ORDER BY table_name', [service]);
    return rows.map((row) => ({
      table: tableOf(row), level: text(row, 'level'), score: number(row, 'score'), rows: number(row, 'rows'), counts: countsOf(row),
      ...(row['severity'] === null ? {} : { severity: text(row, 'severity') }),
    }));
  }

  async stand(service: string, { table, level, severity, score, rows, counts }: RecordedStanding): Promise<void> {
    await this.#pool.query(STAND, [service, table, level, severity ?? null, String(score), String(rows), ...COUNTS.map((kind) => String(counts[kind]))]);
  }

  async told(service: string): Promise<readonly { readonly webhook: string; readonly table: TableName; readonly severity: string }[]> {
    const { rows } = await this.#pool.query('SELECT webhook, table_name, severity FROM banyan.validation_told WHERE service = $1', [service]);
    return rows.map((row) => ({ webhook: text(row, 'webhook'), table: tableOf(row), severity: text(row, 'severity') }));
  }

  async tell(service: string, webhook: string, table: TableName, severity: string | undefined): Promise<void> {
    await (severity === undefined
      ? this.#pool.query('DELETE FROM banyan.validation_told WHERE service = $1 AND webhook = $2 AND table_name = $3', [service, webhook, table])
      : this.#pool.query(
          'INSERT INTO banyan.validation_told (service, webhook, table_name, severity) VALUES ($1, $2, $3, $4) ' +
            'ON CONFLICT (service, webhook, table_name) DO UPDATE SET severity = excluded.severity',
          [service, webhook, table, severity],
        ));
  }
}

const tableOf = (row: StoredRow): TableName => parseTableName(text(row, 'table_name'));

function countsOf(row: StoredRow): Record<(typeof COUNTS)[number], number> {
  return { missing: number(row, 'missing'), extra: number(row, 'extra'), different: number(row, 'different'), unsettled: number(row, 'unsettled') };
}
