import { versionsIn, type CommonMove } from '../model/common-move.ts';
import { parseRouteDecision } from '../model/parse-route-decision.ts';
import type { MoveChange, MoveReport, MoveView, RouteMoves } from '../ports/route-store.ts';

type Row = Readonly<Record<string, unknown>>;

/** Anything that answers a statement: a pool or a session. */
interface Answering {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Row[] }>;
}

/** A session of its own, which keeps the statements prepared that have a name. */
export interface Preparing {
  query(statement: { readonly name: string; readonly text: string; readonly values?: unknown[] }): Promise<{ readonly rows: readonly Row[] }>;
}

/** Created with the route store's other tables. */
export const INSTALL_MOVES = `
CREATE TABLE IF NOT EXISTS banyan.route_move (
  service text PRIMARY KEY,
  sequence bigint NOT NULL,
  move jsonb NOT NULL,
  versions bigint[] NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE banyan.route_move IS 'Where all routers have a service''s users, and the move that is under way.';
CREATE TABLE IF NOT EXISTS banyan.route_move_report (
  router text NOT NULL,
  service text NOT NULL,
  member text NOT NULL,
  attempt bigint NOT NULL,
  busy text NOT NULL,
  PRIMARY KEY (router, service)
)`;

const ALIVE = (ms: string): string => `seen_at > clock_timestamp() - make_interval(secs => ${ms}::double precision / 1000)`;

// One statement, so one round trip: who comes too late changes nothing, and nobody is told.
const WRITE = (channel: string): string => `
WITH revived AS (
  SELECT FROM banyan.route_router WHERE router = ANY ($5::text[]) AND ${ALIVE('$6')}
), written AS (
  INSERT INTO banyan.route_move AS m (service, sequence, move, versions) SELECT $1, 1, $3::jsonb, $4::bigint[] WHERE $2::bigint = 0
  ON CONFLICT DO NOTHING RETURNING service
), changed AS (
  UPDATE banyan.route_move SET sequence = sequence + 1, move = $3::jsonb, versions = $4::bigint[], written_at = clock_timestamp()
  WHERE service = $1 AND sequence = $2::bigint AND $2::bigint > 0 AND NOT EXISTS (SELECT FROM revived) RETURNING service
)
SELECT pg_notify('${channel}', service) FROM (SELECT service FROM written UNION ALL SELECT service FROM changed) AS done`;

// What a router says of an attempt is worth nothing after a crash: its commit need not wait for the disk.
const REPORT = (channel: string): string => `
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)), said AS (
  INSERT INTO banyan.route_move_report (router, service, member, attempt, busy) SELECT $1, $2, $3, $4, $5 FROM quick
  ON CONFLICT (router, service) DO UPDATE SET member = excluded.member, attempt = excluded.attempt, busy = excluded.busy RETURNING service
)
SELECT pg_notify('${channel}', service) FROM said`;

const READ = `
SELECT m.service, m.sequence, m.move::text AS move,
  coalesce((SELECT json_agg(json_build_object('router', r.router, 'member', r.member, 'service', r.service, 'attempt', r.attempt, 'busy', r.busy))
    FROM banyan.route_move_report r WHERE r.service = m.service AND r.attempt = (m.move -> 'attempt' ->> 'id')::bigint), '[]')::text AS reports,
  coalesce((SELECT json_agg(json_build_object('version', v.version, 'hundredths', v.hundredths, 'decision', v.decision))
    FROM banyan.route_version v WHERE v.service = m.service AND v.version = ANY (m.versions)), '[]')::text AS decisions,
  coalesce((SELECT json_agg(l.router) FROM banyan.route_router l
    WHERE ${ALIVE('$1')}), '[]')::text AS live
FROM banyan.route_move m`;

/** Where routers agree on moves: one document for each service, in Banyan's own tables. */
export class PostgresRouteMoves implements RouteMoves {
  readonly #pool: Answering;
  readonly #aliveMs: number;
  readonly #write: string;
  readonly #report: string;

  constructor(options: { readonly pool: Answering; readonly aliveMs: number; readonly channel: string }) {
    this.#pool = options.pool;
    this.#aliveMs = options.aliveMs;
    this.#write = WRITE(options.channel);
    this.#report = REPORT(options.channel);
  }

  /** @param session one that asks often. Default: any, which prepares nothing. */
  async read(session?: Preparing): Promise<readonly MoveView[]> {
    const values = [this.#aliveMs];
    const { rows } = session ? await session.query({ name: 'banyan_moves', text: READ, values }) : await this.#pool.query(READ, values);
    return rows.map(viewOf);
  }

  async write({ service, expected, move, without = [] }: MoveChange): Promise<boolean> {
    const values = [service, expected, JSON.stringify(move), `{${versionsIn(move).join(',')}}`, without, this.#aliveMs];
    const { rows } = await this.#pool.query(this.#write, values);
    return rows.length > 0;
  }

  async report({ router, service, member, attempt, busy }: MoveReport): Promise<void> {
    await this.#pool.query(this.#report, [router, service, member, attempt, busy]);
  }
}

/** Banyan's own words, written by {@link PostgresRouteMoves.write}. */
function viewOf(row: Row): MoveView {
  const decisions = JSON.parse(String(row['decisions'])) as { readonly version: number; readonly hundredths: number; readonly decision: unknown }[];
  return {
    service: String(row['service']),
    sequence: Number(row['sequence']),
    move: JSON.parse(String(row['move'])) as CommonMove,
    reports: JSON.parse(String(row['reports'])) as MoveReport[],
    decisions: decisions.map(({ version, hundredths, decision }) => ({ version, percent: hundredths / 100, decision: parseRouteDecision(decision) })),
    live: JSON.parse(String(row['live'])) as string[],
  };
}
