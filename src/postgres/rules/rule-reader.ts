import type pg from 'pg';
import { BanyanError, messageOf } from '../../core/errors.ts';
import type { Value } from '../../model/change.ts';
import type { Selection } from '../../ports/checksummer.ts';
import type { MisplacedRow, ReadLimits, RuleReader, RuleRows, TimeCheck } from '../../ports/rule-reader.ts';
import { isTransient, sqlState } from '../transient.ts';
import { misplacedSql } from './misplaced-sql.ts';

/** Rows that cross the network at once. */
const BATCH = 2000;

/** The server's `statement_timeout` has passed; and what it says of a statement that would write. */
const TIMED_OUT = '57014';
const WOULD_WRITE = '25006';

/** int8, int2, int4, oid, float4, float8, numeric; the server tells a domain as its base type. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** Reads rules in one PostgreSQL database, through a cursor of a read-only transaction. */
export class PostgresRuleReader implements RuleReader {
  readonly #pool: pg.Pool;

  constructor(options: { readonly pool: pg.Pool }) {
    this.#pool = options.pool;
  }

  async query(sql: string, limits: ReadLimits): Promise<RuleRows> {
    const kept: (readonly Value[])[] = [];
    let total = 0;
    // As psql takes it; a cursor has no semicolon.
    const { columns, numeric } = await this.#read(sql.replace(/[\s;]+$/, ''), { ...limits, path: 'SET LOCAL search_path TO DEFAULT' }, (rows) => {
      total += rows.length;
      kept.push(...rows.slice(0, Math.max(0, limits.mostRows - kept.length)));
    });
    return { columns, numeric, rows: kept, total };
  }

  async misplaced(selection: Selection, checks: readonly TimeCheck[], limits: ReadLimits): Promise<{ readonly rows: readonly MisplacedRow[]; readonly totals: readonly number[] }> {
    const totals = checks.map(() => 0);
    const found: MisplacedRow[] = [];
    await this.#read(misplacedSql(selection, checks), limits, (rows) => {
      for (const [check, earlier, later, ...key] of rows) {
        const at = Number(check);
        totals[at] = (totals[at] ?? 0) + 1;
        if (found.length < limits.mostRows) found.push({ check: at, key, times: checks[at]?.kind === 'ordered' ? [earlier ?? null, later ?? null] : [earlier ?? null] });
      }
    });
    return { rows: found, totals };
  }

  /** @returns the columns */
  async #read(sql: string, options: ReadLimits & { readonly path?: string }, take: (rows: readonly (readonly Value[])[]) => void): Promise<Pick<RuleRows, 'columns' | 'numeric'>> {
    const { timeoutMs, signal, path } = options;
    signal?.throwIfAborted();
    const client = await this.#pool.connect();
    let lost = false;
    let pid: string | undefined;
    const cancel = (): void => {
      lost = true;
      if (pid !== undefined) this.#pool.query('SELECT pg_cancel_backend($1)', [pid]).catch(() => {});
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      pid = (await client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
      await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}${path === undefined ? '' : `; ${path}`}`);
      // The extended protocol takes one statement only: nothing can end the transaction and go on outside it.
      const declared = { text: `DECLARE banyan_rule NO SCROLL CURSOR FOR ${sql}\n`, queryMode: 'extended' };
      await client.query(declared);
      for (;;) {
        const batch = await client.query<Value[]>({ text: `FETCH ${BATCH} FROM banyan_rule`, rowMode: 'array' });
        take(batch.rows);
        if (batch.rows.length < BATCH) return { columns: batch.fields.map((field) => field.name), numeric: batch.fields.map((field) => NUMBERS.has(field.dataTypeID)) };
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw refusedRule(error, timeoutMs);
    } finally {
      signal?.removeEventListener('abort', cancel);
      if (!lost) await client.query('ROLLBACK').catch(() => (lost = true));
      client.release(lost);
    }
  }
}

/** A lost connection passes as it is: it says nothing about the rule. */
function refusedRule(error: unknown, timeoutMs: number): unknown {
  const state = sqlState(error);
  if (state === undefined || (isTransient(error) && state !== TIMED_OUT && state !== WOULD_WRITE)) return error;
  const reason = state === TIMED_OUT ? `it took longer than ${timeoutMs} ms` : messageOf(error);
  return new BanyanError('BANYAN_VALIDATE_RULE', { message: `The query was refused: ${reason}`, cause: error, details: { sqlState: state } });
}
