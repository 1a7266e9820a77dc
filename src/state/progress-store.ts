import { parseTableName, type TableName } from '../model/names.ts';
import type { TableProgress, ProgressStore } from '../ports/progress-store.ts';
import type { SqlPool } from './migration-store.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.validation_progress', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.validation_progress (
  run text NOT NULL,
  table_name text NOT NULL,
  progress text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run, table_name)
)`;

const SAVE = `
INSERT INTO banyan.validation_progress AS p (run, table_name, progress) VALUES ($1, $2, $3)
ON CONFLICT (run, table_name) DO UPDATE SET progress = EXCLUDED.progress, at = clock_timestamp()`;

/** Keeps it in the state database. */
export class PostgresProgressStore implements ProgressStore {
  readonly #pool: SqlPool;

  constructor(options: { readonly pool: SqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async load(run: string): Promise<ReadonlyMap<TableName, TableProgress>> {
    const found = await this.#pool.query('SELECT table_name, progress FROM banyan.validation_progress WHERE run = $1', [run]);
    return new Map(found.rows.map((row) => [parseTableName(row['table_name'] ?? ''), progressOf(row['progress'] ?? '')]));
  }

  async save(run: string, table: TableName, progress: TableProgress): Promise<void> {
    await this.#pool.query(SAVE, [run, table, textOf(progress)]);
  }

  async forget(run: string): Promise<void> {
    await this.#pool.query('DELETE FROM banyan.validation_progress WHERE run = $1', [run]);
  }
}

/** Places as texts, for JSON has no whole numbers of 64 bits. */
interface Kept {
  readonly rows: TableProgress['rows'];
  readonly left?: readonly [from: string, to: string, next: string];
  readonly differing: readonly (readonly [place: string, ...key: string[]])[];
  readonly beyond: TableProgress['beyond'];
}

function textOf({ rows, left, differing, beyond }: TableProgress): string {
  const kept: Kept = {
    rows, beyond,
    ...(left ? { left: [String(left.within.from), String(left.within.to), String(left.next)] as const } : {}),
    differing: differing.map(({ place, key }) => [String(place), ...key] as const),
  };
  return JSON.stringify(kept);
}

function progressOf(text: string): TableProgress {
  const { rows, beyond, left, differing } = JSON.parse(text) as Kept;
  return {
    rows, beyond,
    ...(left ? { left: { within: { from: BigInt(left[0]), to: BigInt(left[1]) }, next: BigInt(left[2]) } } : {}),
    differing: differing.map(([place, ...key]) => ({ place: BigInt(place), key })),
  };
}
