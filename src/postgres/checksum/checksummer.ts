import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import type { TableName } from '../../model/names.ts';
import type {
  Checksummer,
  ChecksumSnapshot,
  RowDigest,
  RowIdentity,
  RowState,
  Selection,
  TableShape,
} from '../../ports/checksummer.ts';
import { describeTable, listTables } from './describe.ts';
import { countNullKeys } from './null-keys.ts';
import { PostgresChecksumSnapshot } from './snapshot.ts';
import { rowStates } from './row-states.ts';
import { sampleRows } from './sample.ts';
import { testVector } from './test-vector.ts';

/**
 * Hashes the rows of one PostgreSQL database inside it. Never writes. Takes two connections of
 * `pool` at a time (one snapshot, one for look-ups), whose sessions must be `createPool`'s.
 */
export class PostgresChecksummer implements Checksummer {
  readonly #pool: pg.Pool;
  readonly #pagesPerPart: number | undefined;

  constructor(options: {
    /** At least two connections. */
    readonly pool: pg.Pool;
    /**
     * Pages of 8 kB scanned in one statement: how often progress is told. Default 65,536 (512 MB);
     * less costs parallel workers their start each time.
     */
    readonly pagesPerPart?: number;
  }) {
    this.#pool = options.pool;
    this.#pagesPerPart = options.pagesPerPart;
  }

  listTables(): Promise<readonly TableName[]> {
    return listTables(this.#pool);
  }

  describe(table: TableName): Promise<TableShape> {
    return describeTable(this.#pool, table);
  }

  testVector(): Promise<string> {
    return testVector(this.#pool);
  }

  snapshot(options: { readonly signal?: AbortSignal } = {}): Promise<ChecksumSnapshot> {
    return PostgresChecksumSnapshot.open({
      pool: this.#pool,
      ...(this.#pagesPerPart === undefined ? {} : { pagesPerPart: this.#pagesPerPart }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  }

  rowStates(
    selection: Selection,
    identities: readonly RowIdentity[],
    options: { readonly values: boolean; readonly hashed: boolean; readonly signal?: AbortSignal },
  ): Promise<readonly RowState[]> {
    return rowStates(this.#pool, selection, identities, options);
  }

  countNullKeys(selection: Selection): Promise<readonly number[]> {
    return countNullKeys(this.#pool, selection);
  }

  async equalValues(type: string, pairs: readonly (readonly [string, string])[]): Promise<readonly boolean[]> {
    if (pairs.length === 0) return [];
    const found = await this.#pool.query<[Value]>({
      // `type` is format_type's own spelling: already quoted where it must be. Records are compared by their
      // columns' own equality, in whatever schema its operator is.
      text: `SELECT ROW(a::${type})::record = ROW(b::${type})::record FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS p (a, b, at) ORDER BY at`,
      values: [pairs.map(([a]) => a), pairs.map(([, b]) => b)],
      rowMode: 'array',
    });
    return found.rows.map(([equal]) => equal === 't');
  }

  sample(
    selection: Selection,
    options: { readonly rows: number; readonly seed: number; readonly signal?: AbortSignal },
  ): Promise<readonly RowDigest[]> {
    return sampleRows(this.#pool, selection, options);
  }
}
