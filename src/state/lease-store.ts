import type { Drained, Lease, LeaseRound, LeaseStore, LeaseWorker } from '../ports/lease-store.ts';
import type { SqlPool } from './migration-store.ts';

const INSTALL = `
SELECT pg_advisory_xact_lock(hashtextextended('banyan.lease', 0));
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.worker (
  id text PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  services text NOT NULL,
  greedy boolean NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS banyan.lease (
  service text PRIMARY KEY,
  holder text,
  token numeric NOT NULL DEFAULT 0,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  wanted_by text,
  paused_at timestamptz,
  paused_by text
)`;

/** A worker that has left says nothing; its row goes once nobody can ask who it was. */
const RENEW = `
WITH old AS (DELETE FROM banyan.worker WHERE expires_at < clock_timestamp() - interval '1 day' AND id <> $1)
INSERT INTO banyan.worker (id, host, pid, services, greedy, expires_at)
VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::float8 * interval '1 millisecond')
ON CONFLICT (id) DO UPDATE SET services = excluded.services, greedy = excluded.greedy, expires_at = excluded.expires_at`;

const WORKERS = `
SELECT w.id, w.host, w.pid, w.services, w.greedy,
  extract(epoch FROM w.expires_at - clock_timestamp()) * 1000 AS left_ms,
  EXISTS (SELECT FROM banyan.lease l WHERE l.holder = w.id) AS holds
FROM banyan.worker w WHERE w.expires_at > clock_timestamp() ORDER BY w.id`;

const LEASES = 'SELECT service, holder, token, wanted_by, paused_at IS NOT NULL AS paused FROM banyan.lease ORDER BY service';

const ALIVE = (id: string): string => `EXISTS (SELECT FROM banyan.worker w WHERE w.id = ${id} AND w.expires_at > clock_timestamp())`;

/** Only a worker that lives may take; its own lease too, for the answer to an earlier attempt may have been lost. */
const ACQUIRE = `
INSERT INTO banyan.lease AS l (service, holder, token)
SELECT $1, $2, $3::text::numeric + 1 WHERE ${ALIVE('$2')}
ON CONFLICT (service) DO UPDATE
SET holder = $2, token = greatest(l.token, $3::text::numeric) + 1, since = clock_timestamp(), wanted_by = NULL
WHERE l.paused_at IS NULL
  AND (l.holder IS NULL OR l.holder = $2 OR NOT ${ALIVE('l.holder')})
  AND (l.wanted_by IS NULL OR l.wanted_by = $2 OR NOT ${ALIVE('l.wanted_by')})
RETURNING token`;

const ASK = `
UPDATE banyan.lease AS l SET wanted_by = $2
WHERE service = $1 AND holder = $3 AND (wanted_by IS NULL OR NOT ${ALIVE('l.wanted_by')})`;

const RELEASE = 'UPDATE banyan.lease SET holder = NULL WHERE service = $1 AND holder = $2 AND token = $3::text::numeric';

const LEAVE = `
WITH gone AS (UPDATE banyan.worker SET expires_at = clock_timestamp() WHERE id = $1)
UPDATE banyan.lease SET holder = NULL WHERE holder = $1`;

const PAUSE = `
INSERT INTO banyan.lease AS l (service, paused_at, paused_by) VALUES ($1, clock_timestamp(), $2)
ON CONFLICT (service) DO UPDATE SET paused_at = clock_timestamp(), paused_by = $2 WHERE l.paused_at IS NULL
RETURNING service`;

const DRAINED = `
UPDATE banyan.lease AS l SET holder = NULL, token = token + 1
WHERE service = $1 AND paused_at IS NOT NULL AND (l.holder IS NULL OR NOT ${ALIVE('l.holder')})
RETURNING token`;

const PAUSED = 'SELECT 1 AS paused FROM banyan.lease WHERE service = $1 AND paused_at IS NOT NULL';

const RESUME = 'UPDATE banyan.lease SET paused_at = NULL, paused_by = NULL WHERE service = $1 AND paused_at IS NOT NULL RETURNING service';

type Row = Readonly<Record<string, string | null>>;

/** The leases in Banyan's own tables. Each step is one statement, so that a worker that freezes holds no lock. */
export class PostgresLeaseStore implements LeaseStore {
  readonly #pool: SqlPool;
  readonly #ttlMs: number;

  /** `ttlMs`: how long a worker counts as alive after its last word, by the server's clock. Default 3000. */
  constructor(options: { readonly pool: SqlPool; readonly ttlMs?: number }) {
    this.#pool = options.pool;
    this.#ttlMs = options.ttlMs ?? 3000;
  }

  async install(): Promise<void> {
    await this.#pool.query(INSTALL);
  }

  async renew(worker: LeaseWorker): Promise<LeaseRound> {
    await this.#pool.query(RENEW, [worker.id, worker.host, worker.pid, JSON.stringify(worker.services), worker.greedy, this.#ttlMs]);
    const { rows: found } = await this.#pool.query(WORKERS);
    const { rows } = await this.#pool.query(LEASES);
    const alive = new Set(found.map((row) => row['id']));
    const others = found.filter((row) => row['id'] !== worker.id && row['holds'] === 't').map((row) => Number(row['left_ms']));
    return {
      workers: found.map(workerOf),
      leases: rows.map((row) => leaseOf(row, alive)),
      nextDeathMs: others.length === 0 ? undefined : Math.min(...others),
    };
  }

  async acquire({ service, worker, above }: Parameters<LeaseStore['acquire']>[0]): Promise<string | undefined> {
    const { rows } = await this.#pool.query(ACQUIRE, [service, worker, above]);
    return rows[0]?.['token'] ?? undefined;
  }

  async ask({ service, worker, holder }: Parameters<LeaseStore['ask']>[0]): Promise<void> {
    await this.#pool.query(ASK, [service, worker, holder]);
  }

  async release({ service, worker, token }: Parameters<LeaseStore['release']>[0]): Promise<void> {
    await this.#pool.query(RELEASE, [service, worker, token]);
  }

  async leave(worker: string): Promise<void> {
    await this.#pool.query(LEAVE, [worker]);
  }

  async pause({ service, by }: Parameters<LeaseStore['pause']>[0]): Promise<boolean> {
    const { rows } = await this.#pool.query(PAUSE, [service, by]);
    return rows.length > 0;
  }

  async drained(service: string): Promise<Drained> {
    const { rows } = await this.#pool.query(DRAINED, [service]);
    const token = rows[0]?.['token'];
    if (typeof token === 'string') return { state: 'free', token };
    const { rows: paused } = await this.#pool.query(PAUSED, [service]);
    return { state: paused.length > 0 ? 'held' : 'resumed' };
  }

  async resume(service: string): Promise<boolean> {
    const { rows } = await this.#pool.query(RESUME, [service]);
    return rows.length > 0;
  }
}

function workerOf(row: Row): LeaseWorker {
  return {
    id: row['id'] ?? '', host: row['host'] ?? '', pid: Number(row['pid']),
    services: JSON.parse(row['services'] ?? '[]') as string[], greedy: row['greedy'] === 't',
  };
}

function leaseOf(row: Row, alive: ReadonlySet<string | null | undefined>): Lease {
  const living = (id: string | null | undefined): string | undefined => (typeof id === 'string' && alive.has(id) ? id : undefined);
  return {
    service: row['service'] ?? '', token: row['token'] ?? '0', paused: row['paused'] === 't',
    holder: living(row['holder']), wantedBy: living(row['wanted_by']),
  };
}
