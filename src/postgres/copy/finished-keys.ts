import type pg from 'pg';
import type { TableName } from '../../model/names.ts';
import { arrayLiteral } from '../apply/array-literal.ts';
import { inRange, joined, type SourceTable, type KeyRange } from './chunks.ts';
import type { RecordedChunk } from './copy-record.ts';

interface TableState {
  readonly table: SourceTable;
  readonly finished: 'none' | 'some' | 'all';
  readonly ranges: readonly KeyRange[];
}

/** Tells of keys whether they lie in a finished chunk. Where that takes comparing, the source's server is asked. */
export class FinishedKeys {
  readonly #pool: pg.Pool;
  readonly #states: ReadonlyMap<TableName, TableState>;

  constructor(options: { readonly pool: pg.Pool; readonly tables: readonly SourceTable[]; readonly chunks: readonly RecordedChunk[] }) {
    this.#pool = options.pool;
    this.#states = new Map(
      options.tables.map((table) => {
        const own = options.chunks.filter((chunk) => chunk.table === table.source);
        const done = own.filter((chunk) => chunk.rows !== undefined);
        const finished = done.length === 0 ? 'none' : done.length === own.length ? 'all' : 'some';
        return [table.source, { table, finished, ranges: joined(done) }];
      }),
    );
  }

  /** Undefined for a table that is not copied. */
  stateOf(source: TableName): Pick<TableState, 'table' | 'finished'> | undefined {
    return this.#states.get(source);
  }

  /** Of a table that is finished in part: for each key, in order, whether it lies in a finished chunk. */
  async areFinished(source: TableName, keys: readonly (readonly string[])[]): Promise<readonly boolean[]> {
    const state = this.#states.get(source);
    if (!state || state.finished !== 'some') return keys.map(() => state?.finished === 'all');
    const { key } = state.table;
    const expressions = key.map(({ sqlType, sqlCollation }, i) => `(u.k${i}::${sqlType})${sqlCollation === undefined ? '' : ` COLLATE ${sqlCollation}`}`);
    const found = await this.#pool.query<{ ord: string }>(
      `SELECT u.ord FROM unnest(${key.map((_, i) => `$${i + 1}::text[]`).join(', ')}) WITH ORDINALITY AS u(${key.map((_, i) => `k${i}`).join(', ')}, ord) ` +
        `WHERE ${state.ranges.map((range) => `(${inRange(key, expressions, range)})`).join(' OR ')}`,
      key.map((_, i) => arrayLiteral(keys.map((values) => values[i] ?? null))),
    );
    const inside = new Set(found.rows.map((row) => Number(row.ord) - 1));
    return keys.map((_, i) => inside.has(i));
  }
}
