import type pg from 'pg';
import { BanyanError, invariant } from '../../core/errors.ts';
import type { Value } from '../../model/change.ts';
import type { TableName } from '../../model/names.ts';
import type { RowIdentity, Selection } from '../../ports/checksummer.ts';
import type { RepairableTable, RepairTransaction, RowRepairer, StoredRows } from '../../ports/row-repairer.ts';
import { readShapes, type TableShape } from '../apply/table-shape.ts';
import { refused } from '../checksum/query.ts';
import { readNextTransaction } from '../offer-rows.ts';
import { ensureOrigin } from '../origins.ts';
import { isContention, sqlState } from '../transient.ts';
import { readForeignKeys } from './foreign-keys.ts';
import { asMissingRight } from './rights.ts';
import { findRows } from './statements.ts';
import { namedRow, PostgresRepairTransaction, versionOf, type RepairedTable } from './transaction.ts';

/** How long a repair waits for a row that somebody else has locked; then it is left to the next round. */
const LOCK_TIMEOUT = '2s';

/** Reads rows of one PostgreSQL database whole, and repairs them. */
export class PostgresRowRepairer implements RowRepairer {
  readonly #pool: pg.Pool;
  readonly #origin: string | undefined;
  readonly #shapes = new Map<TableName, Promise<TableShape>>();
  readonly #tables = new Map<TableName, Promise<RepairedTable['foreignKeys']>>();

  /**
   * @param options.pool `createPool`'s. Each transaction takes one of its connections.
   * @param options.origin the replication origin with which rows are written. Default: none. One transaction at a time can have it.
   */
  constructor(options: { readonly pool: pg.Pool; readonly origin?: string }) {
    this.#pool = options.pool;
    this.#origin = options.origin;
  }

  async describe(table: TableName): Promise<RepairableTable> {
    const { columns, references } = await this.#shape(table);
    return { columns, references: references.map((reference) => reference.table) };
  }

  async read(selection: Selection, identities: readonly RowIdentity[]): Promise<readonly StoredRows[]> {
    if (identities.length === 0) return [];
    const target = { shape: await this.#shape(selection.table), selection };
    const found = identities.map((): Value[][] => []);
    const { text, values } = findRows(target, identities);
    try {
      const { rows } = await this.#pool.query<Value[]>({ text, values: [...values], rowMode: 'array' });
      for (const row of rows) found[Number(row[0]) - 1]?.push(row);
    } catch (error) {
      throw refused(error, selection);
    }
    return found.map((rows): StoredRows => {
      const [only] = rows;
      const version = versionOf(rows.map((row) => row[1] ?? ''));
      const at = rows.length === 1 ? only?.[2] : undefined;
      return { rows: rows.map((row) => namedRow(target, row)), ...(rows.length > 0 ? { version } : {}), ...(typeof at === 'string' ? { committedAt: BigInt(at) } : {}) };
    });
  }

  async compare(table: TableName, column: string, pairs: readonly (readonly [string, string])[]): Promise<readonly number[]> {
    const shape = await this.#shape(table);
    const type = shape.sqlTypes[shape.columns.indexOf(column)];
    if (type === undefined) throw new BanyanError('BANYAN_VALIDATE_COLUMN', { message: `${table} has no column "${column}"; it has ${shape.columns.join(', ')}.` });
    const { rows } = await this.#pool.query<[string]>({
      text: `SELECT CASE WHEN a::${type} < b::${type} THEN -1 WHEN a::${type} = b::${type} THEN 0 ELSE 1 END FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS p(a, b, at) ORDER BY at`,
      values: [pairs.map(([a]) => a), pairs.map(([, b]) => b)], rowMode: 'array',
    });
    return rows.map(([order]) => Number(order));
  }

  async nextTransaction(): Promise<bigint> {
    return BigInt(await readNextTransaction(this.#pool));
  }

  async begin({ writes }: { readonly writes: boolean }): Promise<RepairTransaction> {
    const client = await this.#pool.connect();
    const origin = writes ? this.#origin : undefined;
    try {
      if (origin !== undefined) {
        await ensureOrigin(client, origin);
        await client.query('SELECT pg_catalog.pg_replication_origin_session_setup($1)', [origin]);
      }
      await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'${writes ? '; SET LOCAL session_replication_role = replica' : ''}`);
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      client.release(true);
      throw asMissingRight(error);
    }
    return new PostgresRepairTransaction(client, { tableOf: (selection) => this.#repaired(selection), origin: origin !== undefined });
  }

  isBusy(error: unknown): boolean {
    // The last: another reconciliation has the origin.
    return isContention(error) || sqlState(error) === '55006';
  }

  async #repaired(selection: Selection): Promise<RepairedTable> {
    const shape = await this.#shape(selection.table);
    let keys = this.#tables.get(selection.table);
    if (!keys) this.#tables.set(selection.table, (keys = readForeignKeys(this.#pool, shape.sqlName)));
    return { target: { shape, selection }, foreignKeys: await keys };
  }

  async #shape(table: TableName): Promise<TableShape> {
    let shape = this.#shapes.get(table);
    if (!shape) this.#shapes.set(table, (shape = this.#read(table)));
    return shape;
  }

  async #read(table: TableName): Promise<TableShape> {
    const shape = (await readShapes(this.#pool, [table], { keyless: true })).get(table);
    invariant(shape, 'a table that was asked for');
    return shape;
  }
}
