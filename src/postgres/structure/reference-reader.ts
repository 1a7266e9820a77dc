import type pg from 'pg';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../../model/names.ts';
import type { ReferenceEnd, ReferenceKey, ReferenceReader, Referrers } from '../../ports/references.ts';
import { refused } from '../checksum/query.ts';
import { KEY_TYPES_SQL } from '../checksum/row-states.ts';
import { sqlState } from '../transient.ts';

/** Reads one PostgreSQL database's keys. Never writes. Takes one connection of the pool for a scan, one for look-ups. */
export class PostgresReferenceReader implements ReferenceReader {
  readonly #pool: pg.Pool;

  /** @param options.pool Made by `createPool`, of at least two connections. */
  constructor(options: { readonly pool: pg.Pool }) {
    this.#pool = options.pool;
  }

  keys(child: ReferenceEnd, options: { readonly batch: number; readonly signal?: AbortSignal }): AsyncIterable<readonly ReferenceKey[]> {
    return this.#scan(keysSql(child), child, options);
  }

  orphans(child: ReferenceEnd, parent: ReferenceEnd, options: { readonly batch: number; readonly signal?: AbortSignal }): AsyncIterable<readonly ReferenceKey[]> {
    return this.#scan(keysSql(child, lonely(child, parent)), child, options);
  }

  async present(parent: ReferenceEnd, keys: readonly (readonly string[])[]): Promise<readonly boolean[]> {
    if (keys.length === 0) return [];
    const { types } = await this.#describe(parent);
    const ask = async (typed: boolean): Promise<readonly boolean[]> => {
      const wanted = wantedSql(parent, typed ? types : undefined);
      const equal = parent.columns.map((name, i) => `p.${quoteIdentifier(name)}${typed ? '' : '::text'} = w.k${i}`);
      const found = await this.#pool.query<{ at: string }>(
        `SELECT w.at FROM ${wanted} WHERE EXISTS (SELECT FROM ${rowsSql(parent, 'p')} WHERE ${equal.join(' AND ')})`,
        columnsOf(parent, keys),
      );
      const present = new Set(found.rows.map(({ at }) => Number(at) - 1));
      return keys.map((_, i) => present.has(i));
    };
    try {
      return await ask(true);
    } catch (error) {
      // A text that the type does not hold: then the texts themselves are compared.
      if (!NO_VALUE.has(sqlState(error) ?? '')) throw refused(error, parent);
      return ask(false);
    }
  }

  async referrers(child: ReferenceEnd, keys: readonly (readonly string[])[]): Promise<readonly Referrers[]> {
    if (keys.length === 0) return [];
    const { types, versioned } = await this.#describe(child);
    const equal = child.columns.map((name, i) => `c.${quoteIdentifier(name)} = w.k${i}`);
    // Of rows that are all the same the least text is; another row may come with a lesser one, which costs a round.
    const version = versioned ? 'min(c.banyan_version COLLATE "C")' : 'NULL';
    const sql = `SELECT w.at, count(*) AS rows, ${version} AS version FROM ${wantedSql(child, types)} JOIN ${rowsSql(child, 'c', versioned)} ON ${equal.join(' AND ')} GROUP BY w.at`;
    const found = await this.#pool.query<{ at: string; rows: string; version: string | null }>(sql, columnsOf(child, keys)).catch((error: unknown) => {
      throw refused(error, child);
    });
    return found.rows.map(({ at, rows, version: text }) => ({ index: Number(at) - 1, rows: Number(rows), ...(text === null ? {} : { version: text }) }));
  }

  listing(child: ReferenceEnd, of: { readonly keys: readonly (readonly string[])[] } | { readonly parent: ReferenceEnd }): string {
    const from = `SELECT c.* FROM ${rowsSql(child, 'c')} WHERE`;
    if ('parent' in of) return `${from} ${lonely(child, of.parent)}`;
    const columns = child.columns.map((name) => `c.${quoteIdentifier(name)}`);
    const rows = of.keys.map((key) => `(${key.map((value) => quoteLiteral(value)).join(', ')})`);
    return `${from} (${columns.join(', ')}) IN (${rows.join(', ')})`;
  }

  async *#scan(sql: string, child: ReferenceEnd, { batch, signal }: { readonly batch: number; readonly signal?: AbortSignal }): AsyncGenerator<readonly ReferenceKey[]> {
    signal?.throwIfAborted();
    const client = await this.#pool.connect();
    // A session that may still be inside the transaction does not go back to the pool.
    let lost = true;
    const cancel = (): void => {
      const { processID } = client as { readonly processID?: number | null };
      this.#pool.query('SELECT pg_cancel_backend($1)', [processID]).catch(() => {});
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`DECLARE banyan_keys NO SCROLL CURSOR FOR ${sql}`);
      for (;;) {
        signal?.throwIfAborted();
        const found = await client.query<(string | null)[]>({ text: `FETCH ${batch} FROM banyan_keys`, rowMode: 'array' });
        if (found.rows.length === 0) break;
        yield found.rows.map((row) => ({ key: child.columns.map((_, i) => row[i] ?? ''), rows: Number(row[child.columns.length]) }));
      }
      await client.query('COMMIT');
      lost = false;
    } catch (error) {
      signal?.throwIfAborted();
      throw refused(error, child);
    } finally {
      signal?.removeEventListener('abort', cancel);
      client.release(lost);
    }
  }

  async #describe(end: ReferenceEnd): Promise<{ readonly types: readonly string[]; readonly versioned: boolean }> {
    const found = await this.#pool.query<{ attname: string; type: string; versioned: string }>(KEY_TYPES_SQL, [quoteTable(end.table)]);
    const types = new Map(found.rows.map(({ attname, type }) => [attname, type]));
    return { types: end.columns.map((name) => types.get(name) ?? 'text'), versioned: found.rows[0]?.versioned === 't' };
  }
}

/** Invalid text, out of range, no such time. */
const NO_VALUE: ReadonlySet<string> = new Set(['22P02', '22P03', '22003', '22007', '22008', '22001', '22021', '22023', '23514']);

/** The rows that are meant, whatever their condition calls its columns. */
function rowsSql(end: ReferenceEnd, as: string, versioned = false): string {
  if (end.where === undefined && !versioned) return `${quoteTable(end.table)} AS ${as}`;
  const where = end.where === undefined ? '' : ` WHERE (${end.where}\n)`;
  return `(SELECT t.*${versioned ? ', t.xmin::text AS banyan_version' : ''} FROM ${quoteTable(end.table)} AS t${where}) AS ${as}`;
}

const notNull = (end: ReferenceEnd): string => end.columns.map((name) => `c.${quoteIdentifier(name)} IS NOT NULL`).join(' AND ');

function lonely(child: ReferenceEnd, parent: ReferenceEnd): string {
  const equal = child.columns.map((name, i) => `p.${quoteIdentifier(parent.columns[i] ?? '')} = c.${quoteIdentifier(name)}`);
  return `${notNull(child)} AND NOT EXISTS (SELECT FROM ${rowsSql(parent, 'p')} WHERE ${equal.join(' AND ')})`;
}

function keysSql(child: ReferenceEnd, condition = notNull(child)): string {
  const columns = child.columns.map((name) => `c.${quoteIdentifier(name)}`);
  return `SELECT ${columns.map((column) => `${column}::text`).join(', ')}, count(*)::text FROM ${rowsSql(child, 'c')} WHERE ${condition} GROUP BY ${columns.join(', ')}`;
}

function wantedSql(end: ReferenceEnd, types: readonly string[] | undefined): string {
  const arrays = end.columns.map((_, i) => `$${i + 1}::text[]${types ? `::${types[i]}[]` : ''}`);
  return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS w (${end.columns.map((_, i) => `k${i}`).join(', ')}, at)`;
}

const columnsOf = (end: ReferenceEnd, keys: readonly (readonly string[])[]): string[][] => end.columns.map((_, i) => keys.map((key) => key[i] ?? ''));
