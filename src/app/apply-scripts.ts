import type pg from 'pg';
import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import { retry } from '../core/retry.ts';
import { quoteIdentifier } from '../model/names.ts';
import { WAIT } from '../plan/check/database/sql-text.ts';
import type { MigrationScript } from '../plan/check/finding.ts';
import { isContention } from '../postgres/transient.ts';

export interface ApplyScriptsOptions {
  readonly pool: pg.Pool;
  readonly scripts: readonly MigrationScript[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Gives a lock up that is not had within so long, and everybody behind it free. Default 2000. */
  readonly lockTimeoutMs?: number;
  /** Gives a script up whose lock was not had for so long. Default ten minutes. */
  readonly patienceMs?: number;
  /** Told before each pause, and of what was cleaned up. */
  readonly note: (text: string) => void;
}

/**
 * Runs the scripts one after the other, each in a transaction where it can stand in one, and asks after each whether it
 * holds. A lock that is not had in time is given up and asked for again later, so that nobody waits behind it for
 * longer. What a broken off CREATE INDEX CONCURRENTLY has left is dropped first. One at a time in a database.
 * @throws BANYAN_PLAN_APPLY if a script fails; those before it have run, and a new check leads on from there.
 */
export async function applyScripts(options: ApplyScriptsOptions): Promise<string[]> {
  const { pool, scripts, clock, signal, patienceMs = 600_000, note } = options;
  const guard = await pool.connect();
  try {
    const { rows } = await guard.query<{ readonly free: string }>("SELECT pg_try_advisory_lock(hashtextextended('banyan apply', 0)) AS free");
    if (rows[0]?.free !== 't') throw new BanyanError('BANYAN_PLAN_APPLY', { message: 'Somebody else is applying scripts to this database.' });
    const done: string[] = [];
    for (const script of scripts) {
      signal.throwIfAborted();
      try {
        await retry(() => runScript(options, script), { clock, signal, transient: (error) => isContention(error) || error instanceof StillBuilding, patienceMs: () => patienceMs, firstMs: 200, maxMs: 10_000, onRetry: (error, attempt) => note(`${script.description}: ${messageOf(error)}; attempt ${attempt + 1} follows`) });
      } catch (error) {
        throw new BanyanError('BANYAN_PLAN_APPLY', { message: `${script.description}: ${messageOf(error)} (${done.length} of ${scripts.length} scripts have run)`, cause: error, details: { script: script.description, done } });
      }
      done.push(script.description);
    }
    return done;
  } finally {
    // Its lock goes with the session, also where the session is lost already.
    guard.release(true);
  }
}

/** Another session, of an apply that was broken off, still builds the index. */
class StillBuilding extends Error {}

async function runScript({ pool, lockTimeoutMs = 2000, note }: ApplyScriptsOptions, script: MigrationScript): Promise<void> {
  const wait = `SET lock_timeout = '${lockTimeoutMs}ms'`;
  const client = await pool.connect();
  let sound = false;
  try {
    if (script.transactional) await client.query(`BEGIN; ${wait}; ${script.script_content.replaceAll(WAIT, `${wait};`)}\n; COMMIT`);
    else {
      await client.query(wait);
      for (const index of await leftOver(client, script)) {
        note(`${script.description}: what a broken off build has left of ${index} is dropped first`);
        await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`);
      }
      // Whoever waits to build or drop beside the writers keeps none of them waiting: it may take as long as it takes.
      await client.query('SET lock_timeout = 0');
      await client.query(script.script_content);
    }
    const { rows } = await client.query<Record<string, string>>({ text: script.validation_query });
    if (Object.values(rows[0] ?? {})[0] !== 't') throw new BanyanError('BANYAN_PLAN_APPLY', { message: `it has run, and does not hold: ${script.validation_query}` });
    sound = true;
  } finally {
    if (sound) await client.query('RESET lock_timeout');
    // One that failed is not used again: whatever it was left in goes with it.
    client.release(!sound);
  }
}

/** Invalid indexes that the script names. One that a session is at work on is waited for. */
async function leftOver(client: pg.ClientBase, { script_content: sql }: MigrationScript): Promise<string[]> {
  const { rows } = await client.query<{ readonly name: string; readonly index: string; readonly building: string }>(`
    SELECT c.relname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS index, EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid) AS building
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i'`);
  const named = rows.filter(({ name }) => /^\s*CREATE\b/i.test(sql) && sql.includes(quoteIdentifier(name)));
  if (named.some(({ building }) => building === 't')) throw new StillBuilding('the index is still being built by another session');
  return named.map(({ index }) => index);
}
