import type pg from 'pg';
import { PostgresIntrospector } from '../../postgres/catalog/introspector.ts';
import { PostgresChecksummer } from '../../postgres/checksum/checksummer.ts';
import { PostgresRuleReader } from '../../postgres/rules/rule-reader.ts';
import { createPool } from '../../postgres/connect.ts';
import type { Checksummer } from '../../ports/checksummer.ts';
import type { RuleReader } from '../../ports/rule-reader.ts';
import type { Introspector } from '../../ports/introspector.ts';

/** A database as the library's classes take it. */
export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly introspector: Introspector;
  readonly checksummer: Checksummer;
  readonly rules: RuleReader;
  /** Closes its connections. Whoever opened it closes it. */
  close(): Promise<void>;
}

/** A database, or its URL for {@link postgres}. */
export type DatabaseLike = Database | string;

export const databaseOf = (given: DatabaseLike): Database => (typeof given === 'string' ? postgres(given) : given);

/**
 * A PostgreSQL database. Nothing is connected before it is used.
 * @param url `postgres://user:password@host:port/database`
 * @param options.connections Most connections at once. Default 6.
 */
export function postgres(url: string, options: { readonly connections?: number } = {}): Database {
  // Idle connections do not keep a program alive whose work is done.
  const pool = createPool({ url, max: options.connections ?? 6, allowExitOnIdle: true });
  return {
    url, pool,
    introspector: new PostgresIntrospector({ pool }),
    checksummer: new PostgresChecksummer({ pool }),
    rules: new PostgresRuleReader({ pool }),
    close: () => pool.end(),
  };
}
