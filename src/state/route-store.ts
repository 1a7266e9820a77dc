import { Bell } from '../core/bell.ts';
import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { parseRouteDecision } from '../model/parse-route-decision.ts';
import type { RouteDecision } from '../model/route-decision.ts';
import type {
  RouteAcknowledgement, RouteChange, RouteReport, RouteState, RouteStore, RouteWatcher,
} from '../ports/route-store.ts';
import { INSTALL_BASELINES, PostgresRouteBaselines } from './route-baselines.ts';
import { INSTALL_MOVES, PostgresRouteMoves } from './route-moves.ts';

type Rows = { readonly rows: readonly Readonly<Record<string, unknown>>[] };

/** What this store needs of a PostgreSQL session; `pg.PoolClient` fits. */
export interface RouteSqlClient {
  query(text: string, values?: unknown[]): Promise<Rows>;
  query(prepared: { readonly name: string; readonly text: string; readonly values?: unknown[] }): Promise<Rows>;
  on(event: 'notification' | 'error' | 'end', listener: (...args: never[]) => void): unknown;
  removeAllListeners(event: string): unknown;
  /** With true the session is closed instead of kept. */
  release(destroy?: boolean): void;
}

/** What this store needs of a pool whose values arrive as text; `pg.Pool` fits. */
export interface RouteSqlPool {
  query(text: string, values?: unknown[]): Promise<Rows>;
  connect(): Promise<RouteSqlClient>;
}

export interface PostgresRouteStoreOptions {
  readonly pool: RouteSqlPool;
  readonly clock: Clock;
  /** How often to look without having been notified, in milliseconds. Default 1,000. */
  readonly pollMs?: number;
  /** A router counts as alive this long after its last word, in milliseconds. Default 6,000. */
  readonly aliveMs?: number;
}

const CHANNEL = 'banyan_route';

// One simple query is one transaction, and the lock lasts as long: two processes that install at once
// wait for each other. IF NOT EXISTS alone can still collide.
const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.route_store', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.route_version (
  service text NOT NULL,
  version bigint NOT NULL,
  hundredths integer NOT NULL CHECK (hundredths BETWEEN 0 AND 10000),
  decided_by text NOT NULL,
  why text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (service, version)
);
-- Null, as in rows that are older than this column: nothing but the percentage.
-- Asked first: an ALTER locks readers out even where it has nothing to do.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'banyan.route_version'::regclass AND attname = 'decision') THEN
    ALTER TABLE banyan.route_version ADD COLUMN decision jsonb;
  END IF;
END $$;
COMMENT ON TABLE banyan.route_version IS 'Every decision about a route: who, when and why. Rows are never changed.';
CREATE TABLE IF NOT EXISTS banyan.route_router (
  router text PRIMARY KEY,
  seen_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS banyan.route_acknowledgement (
  router text NOT NULL,
  service text NOT NULL,
  version bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('moving', 'done', 'postponed')),
  hundredths integer NOT NULL,
  reason text NOT NULL,
  reported_at timestamptz NOT NULL,
  PRIMARY KEY (router, service)
);${INSTALL_MOVES};${INSTALL_BASELINES}`;

const STATE_COLUMNS = `service, version, hundredths, decision::text AS decision, decided_by, why,
  to_char(decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS decided_at`;

const LOAD = `SELECT DISTINCT ON (service) ${STATE_COLUMNS} FROM banyan.route_version ORDER BY service, version DESC`;

const HISTORY = `SELECT ${STATE_COLUMNS} FROM banyan.route_version WHERE service = $1 ORDER BY version DESC LIMIT $2`;

// The advisory lock gives the decisions of one service an order; without it two would pick one number.
const LOCK_SERVICE = `SELECT pg_advisory_xact_lock(hashtextextended('banyan.route:' || $1, 0))`;

// Without a decision of its own a change keeps the latest one; its pin and its schedule end with it.
const SAVE = `
INSERT INTO banyan.route_version AS v (service, version, hundredths, decided_by, why, decision)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, coalesce($6::jsonb, (
  SELECT decision - 'pinned' - 'schedule' - 'gradual' FROM banyan.route_version WHERE service = $1 ORDER BY version DESC LIMIT 1
)) FROM banyan.route_version WHERE service = $1
HAVING $5::bigint IS NULL OR coalesce(max(version), 0) = $5::bigint
RETURNING ${STATE_COLUMNS}`;

const NOTIFY = `SELECT pg_notify('${CHANNEL}', $1)`;

const HEARTBEAT = `
INSERT INTO banyan.route_router (router, seen_at) VALUES ($1, clock_timestamp())
ON CONFLICT (router) DO UPDATE SET seen_at = excluded.seen_at`;

const ACKNOWLEDGE = `
INSERT INTO banyan.route_acknowledgement AS a (router, service, version, state, hundredths, reason, reported_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
ON CONFLICT (router, service) DO UPDATE
SET version = excluded.version, state = excluded.state, hundredths = excluded.hundredths,
    reason = excluded.reason, reported_at = excluded.reported_at`;

const FORGET = `
WITH gone AS (DELETE FROM banyan.route_router WHERE router = $1),
said AS (DELETE FROM banyan.route_move_report WHERE router = $1)
DELETE FROM banyan.route_acknowledgement WHERE router = $1`;

const ALIVE = `seen_at > clock_timestamp() - make_interval(secs => $1::double precision / 1000)`;

const LIVE = `SELECT router FROM banyan.route_router WHERE ${ALIVE} ORDER BY router`;

const ROUTERS = `
SELECT r.router, (r.${ALIVE})::text AS alive, to_char(r.seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS seen_at,
  a.service, a.version, a.state, a.hundredths, a.reason
FROM banyan.route_router r LEFT JOIN banyan.route_acknowledgement a USING (router)
WHERE r.seen_at > clock_timestamp() - interval '1 hour' ORDER BY r.router, a.service`;

const ACKNOWLEDGEMENTS = `
SELECT a.router, a.service, a.version, a.state, a.hundredths, a.reason,
  to_char(a.reported_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS reported_at
FROM banyan.route_acknowledgement a JOIN banyan.route_router r USING (router)
WHERE a.service = $2 AND r.${ALIVE} ORDER BY a.router`;

/** A router as the store has heard of it. */
export interface RouterRecord {
  readonly router: string;
  /** Whether it was heard of lately enough to be waited for. */
  readonly alive: boolean;
  readonly seenAt: string;
  readonly routes: readonly Omit<RouteReport, 'router'>[];
}

/** The routes' shared state in Banyan's own tables: LISTEN/NOTIFY, with polling as a net. */
export class PostgresRouteStore implements RouteStore {
  readonly #pool: RouteSqlPool;
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #aliveMs: number;
  readonly moves: PostgresRouteMoves;
  readonly baselines: PostgresRouteBaselines;

  constructor(options: PostgresRouteStoreOptions) {
    this.#pool = options.pool;
    this.#clock = options.clock;
    this.#pollMs = options.pollMs ?? 1000;
    this.#aliveMs = options.aliveMs ?? 6000;
    this.baselines = new PostgresRouteBaselines(options.pool);
    this.moves = new PostgresRouteMoves({ pool: options.pool, aliveMs: this.#aliveMs, channel: CHANNEL });
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async load(): Promise<readonly RouteState[]> {
    return (await this.#pool.query(LOAD)).rows.map(stateOf);
  }

  async save(change: RouteChange): Promise<RouteState> {
    const { service, percent, by, why, expectedVersion, decision } = change;
    const client = await this.#pool.connect();
    let failed = true;
    try {
      await client.query('BEGIN');
      await client.query(LOCK_SERVICE, [service]);
      const values = [service, Math.round(percent * 100), by, why, expectedVersion ?? null, decision ? JSON.stringify(decision) : null];
      const [row] = (await client.query(SAVE, values)).rows;
      // Notified with the commit, so whoever is told can see it.
      if (row) await client.query(NOTIFY, [service]);
      await client.query('COMMIT');
      failed = false;
      if (row) return stateOf(row);
    } finally {
      client.release(failed);
    }
    throw new BanyanError('BANYAN_ROUTE_CONFLICT', {
      message: `The route of ${service} is no longer at version ${expectedVersion ?? 0}.`,
    });
  }

  async history(service: string, limit: number): Promise<readonly RouteState[]> {
    return (await this.#pool.query(HISTORY, [service, limit])).rows.map(stateOf);
  }

  async watch(watcher: RouteWatcher, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(watcher, signal);
      } catch (error) {
        if (signal.aborted) return;
        watcher.onReachable(false, messageOf(error));
        await this.#pause(this.#pollMs, signal);
      }
    }
  }

  async acknowledge(report: RouteReport): Promise<void> {
    const { router, service, version, state, percent, reason } = report;
    await this.#pool.query(HEARTBEAT, [router]);
    await this.#pool.query(ACKNOWLEDGE, [router, service, version, state, Math.round(percent * 100), reason]);
  }

  async heartbeat(router: string): Promise<void> {
    await this.#pool.query(HEARTBEAT, [router]);
  }

  async forget(router: string): Promise<void> {
    await this.#pool.query(FORGET, [router]);
  }

  async liveRouters(): Promise<readonly string[]> {
    return (await this.#pool.query(LIVE, [this.#aliveMs])).rows.map((row) => String(row['router']));
  }

  /** Every router of the last hour, also those that have fallen silent, with its latest report per service. */
  async routers(): Promise<readonly RouterRecord[]> {
    const records = new Map<string, RouterRecord & { routes: RouterRecord['routes'][number][] }>();
    for (const row of (await this.#pool.query(ROUTERS, [this.#aliveMs])).rows) {
      const router = String(row['router']);
      const record = records.get(router) ?? { router, alive: row['alive'] === 'true', seenAt: String(row['seen_at']), routes: [] };
      records.set(router, record);
      const { service } = row;
      if (typeof service !== 'string') continue;
      record.routes.push({
        service, version: Number(row['version']), state: reportState(String(row['state'])),
        percent: Number(row['hundredths']) / 100, reason: String(row['reason']),
      });
    }
    return [...records.values()];
  }

  async acknowledgements(service: string): Promise<readonly RouteAcknowledgement[]> {
    return (await this.#pool.query(ACKNOWLEDGEMENTS, [this.#aliveMs, service])).rows.map((row) => ({
      router: String(row['router']),
      service: String(row['service']),
      version: Number(row['version']),
      state: reportState(String(row['state'])),
      percent: Number(row['hundredths']) / 100,
      reason: String(row['reason']),
      at: String(row['reported_at']),
    }));
  }

  /** One session's worth of watching; throws when the session is lost. */
  async #follow(watcher: RouteWatcher, signal: AbortSignal): Promise<void> {
    const client = await this.#pool.connect();
    const bell = new Bell(this.#clock);
    const ring = (): void => {
      bell.ring();
    };
    let lost: Error | null = null;
    client.on('notification', ring);
    client.on('error', (error: Error) => {
      lost = error;
      ring();
    });
    signal.addEventListener('abort', ring, { once: true });
    try {
      await client.query(`LISTEN ${CHANNEL}`);
      while (!signal.aborted) {
        const [{ rows }, moves] = await Promise.all([client.query({ name: 'banyan_routes', text: LOAD }), watcher.onMoves ? this.moves.read(client) : []]);
        const states = rows.map(stateOf);
        watcher.onReachable(true, '');
        watcher.onStates(states);
        watcher.onMoves?.(moves);
        await bell.heard(this.#pollMs);
        if (lost !== null) throw lost;
      }
    } finally {
      signal.removeEventListener('abort', ring);
      client.removeAllListeners('notification');
      // It listens: no other use of the pool should get it.
      client.release(true);
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

function stateOf(row: Readonly<Record<string, unknown>>): RouteState {
  return {
    service: String(row['service']),
    version: Number(row['version']),
    percent: Number(row['hundredths']) / 100,
    decision: decisionOf(row['decision']),
    by: String(row['decided_by']),
    why: String(row['why']),
    at: String(row['decided_at']),
  };
}

/** Banyan's own settings, not a user's values: JSON.parse is right for them. */
function decisionOf(text: unknown): RouteDecision {
  return parseRouteDecision(typeof text === 'string' ? JSON.parse(text) : null);
}

function reportState(text: string): RouteAcknowledgement['state'] {
  return text === 'done' || text === 'postponed' ? text : 'moving';
}
