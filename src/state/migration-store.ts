import { BanyanError, invariant } from '../core/errors.ts';
import { STAGES, type Stage } from '../model/stage.ts';
import type { GateResult, MigrationStore, RecordedChange, StageChange } from '../ports/migration.ts';

/** The part of a pool that the store needs; results are raw text. */
export interface SqlPool {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Readonly<Record<string, string | null>>[]; readonly rowCount: number | null }>;
}

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.migration', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.migration (
  service text NOT NULL,
  step bigint NOT NULL,
  from_stage text NOT NULL,
  to_stage text NOT NULL,
  gates text NOT NULL,
  why text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (service, step)
)`;

const HISTORY = `
SELECT from_stage, to_stage, gates, why, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
FROM banyan.migration WHERE service = $1 ORDER BY step`;

/** Two sessions that add the same step collide on the key; one that has the wrong idea of the stage adds nothing. */
const RECORD = `
INSERT INTO banyan.migration (service, step, from_stage, to_stage, gates, why)
SELECT $1, coalesce(max(step), 0) + 1, $2, $3, $4, $5 FROM banyan.migration WHERE service = $1
HAVING coalesce((SELECT m.to_stage FROM banyan.migration m WHERE m.service = $1 ORDER BY m.step DESC LIMIT 1), 'planned') = $2
ON CONFLICT DO NOTHING`;

/** The journeys' records in Banyan's own tables. */
export class PostgresMigrationStore implements MigrationStore {
  readonly #pool: SqlPool;

  constructor(options: { readonly pool: SqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async history(service: string): Promise<readonly RecordedChange[]> {
    const { rows } = await this.#pool.query(HISTORY, [service]);
    return rows.map((row) => ({
      service, from: stageOf(row['from_stage']), to: stageOf(row['to_stage']), why: row['why'] ?? '', at: row['at'] ?? '',
      gates: JSON.parse(row['gates'] ?? '[]') as GateResult[],
    }));
  }

  async record(change: StageChange): Promise<void> {
    const added = await this.#pool.query(RECORD, [change.service, change.from, change.to, JSON.stringify(change.gates), change.why]);
    if (added.rowCount === 1) return;
    throw new BanyanError('BANYAN_MIGRATE_CONFLICT', { message: `${change.service} is no longer at ${change.from}: somebody else has moved it.` });
  }
}

function stageOf(text: string | null | undefined): Stage {
  const stage = STAGES.find((each) => each === text);
  invariant(stage, `the state database has an unknown stage ${text}`);
  return stage;
}
