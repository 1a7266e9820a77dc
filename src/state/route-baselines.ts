import type { RouteBaseline, RouteBaselines } from '../ports/route-store.ts';

interface Answering {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}

/** Created with the route store's other tables. */
export const INSTALL_BASELINES = `
CREATE TABLE IF NOT EXISTS banyan.route_baseline (
  service text PRIMARY KEY,
  requests bigint NOT NULL,
  failed bigint NOT NULL,
  worst double precision NOT NULL,
  seen_at timestamptz NOT NULL
)`;

const REMEMBER = `
INSERT INTO banyan.route_baseline AS b (service, requests, failed, worst, seen_at) VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT (service) DO UPDATE SET requests = excluded.requests, failed = excluded.failed, worst = excluded.worst, seen_at = excluded.seen_at
WHERE excluded.requests > b.requests OR b.seen_at < clock_timestamp() - interval '1 hour'`;

const READ = `
SELECT requests, failed, worst, extract(epoch FROM clock_timestamp() - seen_at) * 1000 AS age_ms FROM banyan.route_baseline WHERE service = $1`;

/** The routes' remembered baselines in Banyan's own tables. */
export class PostgresRouteBaselines implements RouteBaselines {
  readonly #pool: Answering;

  constructor(pool: Answering) {
    this.#pool = pool;
  }

  async remember(service: string, { requests, failed, worst }: Omit<RouteBaseline, 'ageMs'>): Promise<void> {
    await this.#pool.query(REMEMBER, [service, requests, failed, worst]);
  }

  async read(service: string): Promise<RouteBaseline | undefined> {
    const [row] = (await this.#pool.query(READ, [service])).rows;
    return row && { requests: Number(row['requests']), failed: Number(row['failed']), worst: Number(row['worst']), ageMs: Number(row['age_ms']) };
  }
}
