import type pg from 'pg';
import type { LoadProbe, ServerLoad } from '../ports/load-probe.ts';

/** Who may not see other users' sessions sees their state as null, and counts none of them. */
const LOAD_SQL = `
SELECT (SELECT count(*) FROM pg_stat_activity a
         WHERE a.state = 'active' AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.application_name <> current_setting('application_name')) AS sessions,
       (SELECT coalesce(max(extract(epoch FROM r.replay_lag) * 1000), 0) FROM pg_stat_replication r WHERE r.state <> 'backup') AS lag`;

/** Asks one database's server. The sessions of `pool`'s own application are not users. */
export class PostgresLoadProbe implements LoadProbe {
  readonly #pool: pg.Pool;

  constructor(options: { readonly pool: pg.Pool }) {
    this.#pool = options.pool;
  }

  async read(): Promise<ServerLoad> {
    const found = await this.#pool.query<{ sessions: string; lag: string }>(LOAD_SQL);
    const row = found.rows[0];
    return { activeSessions: Number(row?.sessions ?? 0), replicationLagMs: Number(row?.lag ?? 0) };
  }
}
