import type { NamedRow } from '../model/conflict.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import type {
  CaseCount, CaseFilter, DifferenceType, ReconcileRun, ReconcileStore, Repair, RepairCount, RepairKind, RepairOutcome, RepairState, ReviewCase, ReviewState, RunDescription, RunKind, Severity,
  StoredCase, StoredRepair,
} from '../ports/reconcile-store.ts';
import type { SqlPool } from './migration-store.ts';
import type { RouteSqlClient } from './route-store.ts';
import { oneOf, text, type StoredRow } from './stored-row.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.reconcile', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.reconcile_run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope text NOT NULL,
  kind text NOT NULL,
  undoes bigint REFERENCES banyan.reconcile_run,
  done_by text NOT NULL,
  reason text,
  state text NOT NULL DEFAULT 'running',
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz
);
CREATE TABLE IF NOT EXISTS banyan.repair (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run bigint NOT NULL REFERENCES banyan.reconcile_run,
  table_name text NOT NULL,
  side text NOT NULL,
  kind text NOT NULL,
  place bigint NOT NULL,
  key text NOT NULL,
  before text NOT NULL,
  other text,
  alone boolean NOT NULL,
  after text NOT NULL,
  undoes bigint,
  state text NOT NULL DEFAULT 'planned',
  reason text,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE banyan.repair IS 'Every row that a reconciliation decided to write, with what it was before. Rows are never deleted.';
CREATE INDEX IF NOT EXISTS repair_by_run ON banyan.repair (run, state, table_name, kind, side, id);
CREATE TABLE IF NOT EXISTS banyan.review (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope text NOT NULL,
  table_name text NOT NULL,
  type text NOT NULL,
  severity text NOT NULL,
  place bigint NOT NULL,
  identity text NOT NULL,
  key text NOT NULL,
  monolith text NOT NULL,
  service_row text NOT NULL,
  columns text NOT NULL,
  why text NOT NULL,
  state text NOT NULL DEFAULT 'open',
  found_run bigint NOT NULL,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_run bigint NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decided_by text,
  decided_at timestamptz,
  reason text,
  decision text,
  run bigint
);
CREATE UNIQUE INDEX IF NOT EXISTS review_open ON banyan.review (scope, table_name, place, md5(identity)) WHERE state IN ('open', 'rejected')`;

const time = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const REPAIR_COLUMNS = `id, table_name, side, kind, place, key, before, other, alone, after, undoes, state, reason, ${time('at')} AS at`;

const CASE_COLUMNS =
  `id, scope, table_name, type, severity, place, identity, key, monolith, service_row, columns, why, state, ${time('found_at')} AS found_at, ${time('seen_at')} AS seen_at, ` +
  `decided_by, ${time('decided_at')} AS decided_at, reason, decision, run`;

const PLAN = `
INSERT INTO banyan.repair (run, table_name, side, kind, place, key, before, other, alone, after, undoes)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::boolean[], $10::text[], $11::bigint[]) AS u`;

const SETTLE = `
UPDATE banyan.repair r SET state = u.state, after = coalesce(u.after, r.after), reason = coalesce(u.reason, r.reason)
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS u(id, state, after, reason) WHERE r.id = u.id`;

const CASES = '(SELECT u.* FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[]) ' +
  'AS u(table_name, type, severity, place, identity, key, monolith, service_row, columns, why)) AS u';

const SAME_CASE = 'v.scope = $2 AND v.table_name = u.table_name AND v.place = u.place AND md5(v.identity) = md5(u.identity)';

/** One statement sees nothing of the other's rows, so these are two: a rejection holds for the rows that were rejected. */
const SUPERSEDE = `
UPDATE banyan.review v SET state = 'superseded' FROM ${CASES}
WHERE $1::bigint IS NOT NULL AND ${SAME_CASE} AND v.state = 'rejected' AND (v.monolith, v.service_row) IS DISTINCT FROM (u.monolith, u.service_row)`;

const QUEUE = `
INSERT INTO banyan.review AS v (found_run, seen_run, scope, table_name, type, severity, place, identity, key, monolith, service_row, columns, why)
SELECT $1, $1, $2, u.* FROM ${CASES}
ON CONFLICT (scope, table_name, place, md5(identity)) WHERE state IN ('open', 'rejected') DO UPDATE SET seen_run = $1, seen_at = clock_timestamp(),
  type = EXCLUDED.type, severity = EXCLUDED.severity, monolith = EXCLUDED.monolith, service_row = EXCLUDED.service_row, columns = EXCLUDED.columns, why = EXCLUDED.why
RETURNING v.state`;

const AGE = "CASE WHEN found_at > now() - interval '1 hour' THEN 'hour' WHEN found_at > now() - interval '1 day' THEN 'day' WHEN found_at > now() - interval '7 days' THEN 'week' ELSE 'older' END";

const FILTER =
  'WHERE ($1::text IS NULL OR scope = $1) AND ($2::text IS NULL OR table_name = $2) AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR severity = $4) ' +
  "AND ($5::text IS NULL OR state = $5) AND ($6::float8 IS NULL OR found_at <= now() - $6::float8 * interval '1 second')";

/** A lock that the session of whoever carries out a run holds: it ends with the process, however that ends. */
const LOCK = (run: string): string => `hashtextextended('banyan.reconcile run ' || ${run}, 0)`;

const HELD = `EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND ((l.classid::bigint << 32) | l.objid::bigint) = ${LOCK('r.id')})`;

const RUN_COLUMNS =
  `r.id, r.scope, r.kind, r.undoes, r.done_by, r.reason, CASE WHEN r.state = 'running' AND NOT ${HELD} THEN 'interrupted' ELSE r.state END AS state, ${time('r.started_at')} AS started_at, ${time('r.ended_at')} AS ended_at, ` +
  '(SELECT json_object_agg(c.state, c.n::text) FROM (SELECT p.state, count(*) AS n FROM banyan.repair p WHERE p.run = r.id GROUP BY 1) c) AS counts';

/** Locked in the statement that adds it: nobody ever sees it without its lock. */
const BEGIN = `
WITH run AS (INSERT INTO banyan.reconcile_run (scope, kind, undoes, done_by, reason) VALUES ($1, $2, $3, $4, $5) RETURNING id)
SELECT id, pg_advisory_lock(${LOCK('id')}) FROM run`;

const CLOSE_INTERRUPTED = `
WITH gone AS (UPDATE banyan.reconcile_run r SET state = 'interrupted', ended_at = clock_timestamp() WHERE r.scope = $1 AND r.state = 'running' AND NOT ${HELD} RETURNING r.id)
UPDATE banyan.repair p SET state = 'interrupted', reason = coalesce(p.reason, 'the run was killed before it noted what became of it') FROM gone WHERE p.run = gone.id AND p.state IN ('planned', 'blocked')`;

/** What this store needs of a pool whose values arrive as text; `pg.Pool` fits. */
export interface ReconcileSqlPool extends SqlPool {
  connect(): Promise<Pick<RouteSqlClient, 'on' | 'release'> & SqlPool>;
}

/** Keeps what reconciliations did, and what waits for a person, in the state database. */
export class PostgresReconcileStore implements ReconcileStore {
  readonly #pool: ReconcileSqlPool;
  /** Gives a run's lock away. */
  readonly #release = new Map<string, () => void>();

  /** @param options.pool each run holds one of its connections until it ends. */
  constructor(options: { readonly pool: ReconcileSqlPool }) {
    this.#pool = options.pool;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async begin({ scope, kind, of, by, reason }: RunDescription): Promise<string> {
    await this.#pool.query(CLOSE_INTERRUPTED, [scope]);
    const client = await this.#pool.connect();
    // A session that is lost gives the lock away; what runs goes on, and ends its run all the same.
    client.on('error', () => {});
    try {
      const { rows } = await client.query(BEGIN, [scope, kind, of ?? null, by, reason ?? null]);
      const run = text(rows[0], 'id');
      this.#release.set(run, () => client.release(true));
      return run;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async end(run: string, state: 'done' | 'failed'): Promise<void> {
    try {
      await this.#pool.query('UPDATE banyan.reconcile_run SET state = $2, ended_at = clock_timestamp() WHERE id = $1', [run, state]);
    } finally {
      this.#release.get(run)?.();
      this.#release.delete(run);
    }
  }

  async plan(run: string, repairs: readonly Repair[]): Promise<void> {
    if (repairs.length === 0) return;
    await this.#pool.query(PLAN, [
      run, repairs.map(({ table }) => table), repairs.map(({ side }) => side), repairs.map(({ kind }) => kind), repairs.map(({ identity }) => String(identity.place)),
      repairs.map(({ identity }) => JSON.stringify(identity.key)), repairs.map(({ before }) => JSON.stringify(before)),
      repairs.map(({ other }) => (other ? JSON.stringify(other) : null)), repairs.map(({ alone = false }) => alone),
      repairs.map(({ after }) => JSON.stringify(after)), repairs.map(({ undoes }) => undoes ?? null),
    ]);
  }

  planned(run: string, { table, kind, side, after, limit, state = 'planned' }: Parameters<ReconcileStore['planned']>[1]): Promise<readonly StoredRepair[]> {
    return this.#repairs('run = $1 AND state = $2 AND table_name = $3 AND kind = $4 AND side = $5 AND id > $6 ORDER BY id LIMIT $7', [run, state, table, kind, side, after, limit]);
  }

  async settle(outcomes: readonly RepairOutcome[]): Promise<void> {
    await this.#pool.query(SETTLE, [
      outcomes.map(({ id }) => id), outcomes.map(({ state }) => state), outcomes.map(({ after }) => (after ? JSON.stringify(after) : null)), outcomes.map(({ reason }) => reason ?? null),
    ]);
  }

  async unblock(run: string): Promise<number> {
    return (await this.#pool.query("UPDATE banyan.repair SET state = 'planned' WHERE run = $1 AND state = 'blocked'", [run])).rowCount ?? 0;
  }

  async count(run: string): Promise<readonly RepairCount[]> {
    const { rows } = await this.#pool.query('SELECT table_name, kind, side, state, count(*) AS repairs FROM banyan.repair WHERE run = $1 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4', [run]);
    return rows.map((row) => ({
      table: parseTableName(text(row, 'table_name')), kind: oneOf(KINDS, text(row, 'kind')), side: oneOf(SIDES, text(row, 'side')),
      state: oneOf(STATES, text(row, 'state')), repairs: Number(text(row, 'repairs')),
    }));
  }

  async markUndone(run: string): Promise<void> {
    await this.#pool.query("UPDATE banyan.repair r SET state = 'undone' FROM banyan.repair u WHERE u.run = $1 AND u.state = 'applied' AND r.id = u.undoes", [run]);
  }

  async runs(limit: number): Promise<readonly ReconcileRun[]> {
    return (await this.#pool.query(`SELECT ${RUN_COLUMNS} FROM banyan.reconcile_run r ORDER BY r.id DESC LIMIT $1`, [limit])).rows.map(runOf);
  }

  async run(id: string): Promise<ReconcileRun | undefined> {
    if (!isId(id)) return undefined;
    return (await this.#pool.query(`SELECT ${RUN_COLUMNS} FROM banyan.reconcile_run r WHERE r.id = $1`, [id])).rows.map(runOf)[0];
  }

  repairs(run: string, { after, limit, states }: Parameters<ReconcileStore['repairs']>[1]): Promise<readonly StoredRepair[]> {
    return this.#repairs('run = $1 AND id > $2 AND ($4::text[] IS NULL OR state = ANY ($4::text[])) ORDER BY id LIMIT $3', [run, after, limit, states ?? null]);
  }

  async queue(run: string, scope: string, cases: readonly ReviewCase[]): Promise<{ readonly rejected: number }> {
    if (cases.length === 0) return { rejected: 0 };
    const values = [
      run, scope, cases.map(({ table }) => table), cases.map(({ type }) => type), cases.map(({ severity }) => severity), cases.map(({ identity }) => String(identity.place)),
      cases.map(({ identity }) => JSON.stringify(identity.key)), cases.map(({ key }) => JSON.stringify(key)), cases.map(({ monolith }) => JSON.stringify(monolith)),
      cases.map(({ service }) => JSON.stringify(service)), cases.map(({ columns }) => JSON.stringify(columns)), cases.map(({ why }) => why),
    ];
    await this.#pool.query(SUPERSEDE, values);
    const { rows } = await this.#pool.query(QUEUE, values);
    return { rejected: rows.filter((row) => row['state'] === 'rejected').length };
  }

  async closeUnseen(run: string, scope: string, tables: readonly TableName[]): Promise<number> {
    const closed = await this.#pool.query(
      "UPDATE banyan.review SET state = 'vanished', seen_at = clock_timestamp() WHERE scope = $2 AND table_name = ANY ($3) AND state IN ('open', 'rejected') AND seen_run <> $1",
      [run, scope, tables],
    );
    return closed.rowCount ?? 0;
  }

  async cases({ scope, table, type, severity, state = 'open', olderThanSeconds, limit }: CaseFilter): ReturnType<ReconcileStore['cases']> {
    const values = [scope ?? null, table ?? null, type ?? null, severity ?? null, state === 'all' ? null : state, olderThanSeconds ?? null];
    const found = await this.#pool.query(`SELECT ${CASE_COLUMNS} FROM banyan.review ${FILTER} ORDER BY id LIMIT $7`, [...values, limit]);
    const counted = await this.#pool.query(`SELECT type, severity, ${AGE} AS age, count(*) AS cases FROM banyan.review ${FILTER} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, values);
    return {
      cases: found.rows.map(caseOf),
      counts: counted.rows.map((row): CaseCount => ({
        type: oneOf(TYPES, text(row, 'type')), severity: oneOf(SEVERITIES, text(row, 'severity')), age: oneOf(AGES, text(row, 'age')), cases: Number(text(row, 'cases')),
      })),
    };
  }

  async case(id: string): Promise<StoredCase | undefined> {
    if (!isId(id)) return undefined;
    return (await this.#pool.query(`SELECT ${CASE_COLUMNS} FROM banyan.review WHERE id = $1`, [id])).rows.map(caseOf)[0];
  }

  async decide(id: string, { state, by, reason, decision, run }: Parameters<ReconcileStore['decide']>[1]): Promise<boolean> {
    const decided = await this.#pool.query(
      "UPDATE banyan.review SET state = $2, decided_by = $3, decided_at = clock_timestamp(), reason = $4, decision = $5, run = $6 WHERE id = $1 AND state = 'open'",
      [id, state, by, reason ?? null, decision ?? null, run ?? null],
    );
    return decided.rowCount === 1;
  }

  async #repairs(where: string, values: unknown[]): Promise<readonly StoredRepair[]> {
    return (await this.#pool.query(`SELECT ${REPAIR_COLUMNS} FROM banyan.repair WHERE ${where}`, values)).rows.map(repairOf);
  }
}

const SIDES = ['monolith', 'service'] as const;
const KINDS: readonly RepairKind[] = ['insert', 'update', 'delete'];
const STATES: readonly RepairState[] = ['planned', 'blocked', 'applied', 'left', 'queued', 'refused', 'undone', 'interrupted'];
const RUN_KINDS: readonly RunKind[] = ['reconcile', 'undo', 'approval'];
const RUN_STATES = ['running', 'done', 'failed', 'interrupted'] as const;
const TYPES: readonly DifferenceType[] = ['missing', 'extra', 'different'];
const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium'];
const AGES: readonly CaseCount['age'][] = ['hour', 'day', 'week', 'older'];
const REVIEW_STATES: readonly ReviewState[] = ['open', 'approved', 'rejected', 'vanished', 'superseded'];

const optional = <Name extends string>(row: StoredRow, column: string, name: Name): Partial<Record<Name, string>> => {
  const value = row[column];
  // The key is the parameter's type, which a computed key widens.
  return typeof value === 'string' ? ({ [name]: value } as Record<Name, string>) : {};
};

/** JSON of strings and nulls only. */
const rowsOf = (json: string): readonly NamedRow[] => JSON.parse(json) as NamedRow[];

function runOf(row: StoredRow): ReconcileRun {
  const { counts: json } = row;
  const counts = JSON.parse(typeof json === 'string' ? json : '{}') as Readonly<Record<string, string>>;
  return {
    id: text(row, 'id'), scope: text(row, 'scope'), kind: oneOf(RUN_KINDS, text(row, 'kind')), by: text(row, 'done_by'), state: oneOf(RUN_STATES, text(row, 'state')),
    startedAt: text(row, 'started_at'), ...optional(row, 'ended_at', 'endedAt'), ...optional(row, 'undoes', 'of'), ...optional(row, 'reason', 'reason'),
    counts: Object.fromEntries(Object.entries(counts).map(([state, rows]) => [oneOf(STATES, state), Number(rows)])),
  };
}

function repairOf(row: StoredRow): StoredRepair {
  const other = row['other'];
  return {
    id: text(row, 'id'), table: parseTableName(text(row, 'table_name')), side: oneOf(SIDES, text(row, 'side')), kind: oneOf(KINDS, text(row, 'kind')),
    identity: { place: BigInt(text(row, 'place')), key: JSON.parse(text(row, 'key')) as string[] },
    before: rowsOf(text(row, 'before')), ...(typeof other === 'string' ? { other: rowsOf(other) } : {}), alone: row['alone'] === 't', after: rowsOf(text(row, 'after')),
    state: oneOf(STATES, text(row, 'state')), ...optional(row, 'undoes', 'undoes'), ...optional(row, 'reason', 'reason'), at: text(row, 'at'),
  };
}

function caseOf(row: StoredRow): StoredCase {
  return {
    id: text(row, 'id'), scope: text(row, 'scope'), table: parseTableName(text(row, 'table_name')), type: oneOf(TYPES, text(row, 'type')), severity: oneOf(SEVERITIES, text(row, 'severity')),
    identity: { place: BigInt(text(row, 'place')), key: JSON.parse(text(row, 'identity')) as string[] }, key: JSON.parse(text(row, 'key')) as NamedRow,
    monolith: rowsOf(text(row, 'monolith')), service: rowsOf(text(row, 'service_row')), columns: JSON.parse(text(row, 'columns')) as string[], why: text(row, 'why'),
    state: oneOf(REVIEW_STATES, text(row, 'state')), foundAt: text(row, 'found_at'), seenAt: text(row, 'seen_at'),
    ...optional(row, 'decided_by', 'decidedBy'), ...optional(row, 'decided_at', 'decidedAt'), ...optional(row, 'reason', 'reason'), ...optional(row, 'decision', 'decision'), ...optional(row, 'run', 'run'),
  };
}

/** What people type may be no number at all, or one that no row can have. */
const isId = (text: string): boolean => /^\d{1,18}$/.test(text);
