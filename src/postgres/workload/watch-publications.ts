import type pg from 'pg';
import { BanyanError, messageOf } from '../../core/errors.ts';
import { quoteIdentifier, quoteTable, tableName, type TableName } from '../../model/names.ts';

const PREFIX = 'banyan_watch_';

export interface WatchedTables {
  readonly publications: readonly string[];
  /** Tables of which only new rows are seen: without a key, a publication of more would refuse the application's updates. */
  readonly insertsOnly: readonly TableName[];
  /** Tables that the role does not own, and can not publish. */
  readonly unseen: readonly TableName[];
}

/**
 * Publishes what can be watched without disturbing anybody: all changes of tables whose rows the log can
 * name, and the new rows of the others. Never FOR ALL TABLES with updates: the server would refuse the
 * updates of tables without a key. The session keeps a lock until it ends, by which a later watch sees
 * that these publications are in use.
 * @throws BANYAN_WATCH if there is nothing that may be published.
 */
export async function publishForWatch(session: pg.Client, suffix: string): Promise<WatchedTables> {
  const name = `${PREFIX}${suffix}`;
  await session.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
  const tables = await readTables(session);
  const ours = tables.filter(({ owned }) => owned);
  const unseen = tables.filter(({ owned }) => !owned).map(({ table }) => table);
  if (ours.length === 0) {
    throw new BanyanError('BANYAN_WATCH', {
      message: tables.length === 0 ? 'The database has no table to watch.' : `The role owns none of the ${tables.length} tables, and only an owner may publish one.`,
    });
  }
  const keyed = ours.filter(({ identified }) => identified).map(({ table }) => table);
  const keyless = ours.filter(({ identified }) => !identified).map(({ table }) => table);
  const parts = [
    { publication: name, tables: keyed, publish: 'insert, update, delete, truncate' },
    { publication: `${name}_inserts`, tables: keyless, publish: 'insert, truncate' },
  ].filter((part) => part.tables.length > 0);
  for (const part of parts) {
    try {
      await session.query(`CREATE PUBLICATION ${quoteIdentifier(part.publication)} FOR TABLE ${part.tables.map((table) => `ONLY ${quoteTable(table)}`).join(', ')} WITH (publish = '${part.publish}')`);
    } catch (error) {
      await dropPublications(session, parts.map(({ publication }) => publication));
      throw new BanyanError('BANYAN_WATCH', { message: `The tables can not be published: ${messageOf(error)}`, cause: error });
    }
  }
  return { publications: parts.map(({ publication }) => publication), insertsOnly: keyless, unseen };
}

export async function dropPublications(session: pg.Client, publications: readonly string[]): Promise<void> {
  for (const publication of publications) await session.query(`DROP PUBLICATION IF EXISTS ${quoteIdentifier(publication)}`);
}

/** Drops what a watch that was killed has left; says which. One whose session still lives is left alone. */
export async function dropLeftPublications(session: pg.Client): Promise<string[]> {
  const found = await session.query<{ name: string }>(
    String.raw`SELECT pubname AS name FROM pg_publication WHERE pubname ~ '^banyan_watch_[0-9a-f]+(_inserts)?$' AND pg_has_role(pubowner, 'USAGE') ORDER BY 1`,
  );
  const dropped: string[] = [];
  for (const { name } of found.rows) {
    const lock = [name.replace(/_inserts$/, '')];
    const free = await session.query<{ free: string }>('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS free', lock);
    if (free.rows[0]?.free !== 't') continue;
    await dropPublications(session, [name]);
    await session.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', lock);
    dropped.push(name);
  }
  return dropped;
}

interface Watchable {
  readonly table: TableName;
  readonly owned: boolean;
  /** Whether the log can say which row an update or delete was about. */
  readonly identified: boolean;
}

async function readTables(session: pg.Client): Promise<Watchable[]> {
  const found = await session.query<{ schema: string; name: string; owned: string; identified: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, pg_has_role(c.relowner, 'USAGE') AS owned,
           c.relreplident = 'f' OR EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
                AND (c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)) AS identified
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'banyan')
     ORDER BY 1, 2`);
  return found.rows.map(({ schema, name, owned, identified }) => ({ table: tableName(schema, name), owned: owned === 't', identified: identified === 't' }));
}
