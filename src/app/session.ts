import type pg from 'pg';
import type { Config, ServiceConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { serviceConfig } from '../config/resolve.ts';
import { atMost } from '../core/at-most.ts';
import type { Logger } from '../core/logger.ts';
import type { Side } from '../model/side.ts';
import { createPool } from '../postgres/connect.ts';
import { watchPool } from '../postgres/link-watch.ts';
import type { ApplicationContext } from './application.ts';

/** What one command needs while it runs: the configuration, and pools that are opened once and closed at its end. */
export class Session {
  readonly context: ApplicationContext;
  readonly config: Config;
  readonly logger: Logger;
  readonly #pools = new Map<string, pg.Pool>();

  private constructor(context: ApplicationContext, config: Config) {
    this.context = context;
    this.config = config;
    this.logger = context.logging.logger(config.log);
  }

  /** Loads the configuration, runs `work`, and closes what it opened. */
  static async run<T>(context: ApplicationContext, work: (session: Session) => Promise<T>): Promise<T> {
    const session = new Session(context, await loadConfig({ file: context.configFile, env: context.env }));
    try {
      return await work(session);
    } finally {
      await session.#close();
    }
  }

  /** A pool for a database; the same one for the same URL. */
  pool(url: string): pg.Pool {
    let pool = this.#pools.get(url);
    if (!pool) {
      pool = createPool({ url, logger: this.logger, max: 6 });
      // What is asked here may take long (an index, a lock), so that only a look at the server tells a dead link.
      watchPool({ pool, url, clock: this.context.clock, afterMs: this.config.sync.linkTimeoutMs });
      this.#pools.set(url, pool);
    }
    return pool;
  }

  get statePool(): pg.Pool {
    return this.pool(this.config.state.url);
  }

  /** Both databases of a service. */
  pools(service: ServiceConfig): Readonly<Record<Side, pg.Pool>> {
    return { monolith: this.pool(this.config.monolith.url), service: this.pool(service.url) };
  }

  /** @throws BANYAN_SERVICE_UNKNOWN if the configuration has no such service. */
  service(name: string): ServiceConfig {
    return serviceConfig(this.config, name);
  }

  async #close(): Promise<void> {
    // A dead link does not even say that it is closed.
    await atMost(this.context.clock, CLOSING_MS, Promise.all([...this.#pools.values()].map((pool) => pool.end())));
  }
}

/** How long a server may take to say goodbye, in milliseconds. */
const CLOSING_MS = 2000;
