import type pg from 'pg';
import type { Value } from '../../model/change.ts';
import { quoteIdentifier, quoteTable } from '../../model/names.ts';
import type { ShapeColumn, TableShape } from '../../ports/checksummer.ts';
import type { ColumnProfile, NumericSample, Profiler, TableProfile } from '../../ports/profiler.ts';

/** Rows that distinct values are counted in: a count over the whole table would sort it once for each column. */
const DISTINCT_ROWS = 10_000;

const finite = (value: string): string => `CASE WHEN ${value} NOT IN ('NaN', 'Infinity', '-Infinity') THEN ${value} END`;
const seconds = (column: string): string => `CASE WHEN isfinite(${column}) THEN extract(epoch FROM ${column})::float8 END`;

/** What statistics read as a number; the server makes it one, and says null of what is none. */
const NUMBERS: Partial<Readonly<Record<ShapeColumn['family'], (column: string) => string>>> = {
  integer: (column) => `${column}::float8`,
  float: (column) => finite(`${column}::float8`),
  // Beyond what a double can hold there is nothing to compare.
  decimal: (column) => finite(`CASE WHEN abs(${column}) < 1e300 THEN ${column}::float8 END`),
  date: seconds,
  timestamp: seconds,
  instant: seconds,
};

const numberSql = ({ name, family }: ShapeColumn): string | undefined => NUMBERS[family]?.(quoteIdentifier(name));

/** Profiles of tables of a PostgreSQL server, computed there. */
export class PostgresProfiler implements Profiler {
  readonly #pool: pg.Pool;

  constructor(options: { readonly pool: pg.Pool }) {
    this.#pool = options.pool;
  }

  async profile(shape: TableShape, options: { readonly signal?: AbortSignal } = {}): Promise<TableProfile> {
    options.signal?.throwIfAborted();
    const { columns } = shape;
    const parts = columns.flatMap((column) => {
      const number = numberSql(column);
      return [`count(${quoteIdentifier(column.name)})`, ...(number === undefined ? [] : [`min(${number})`, `max(${number})`, `avg(${number})`])];
    });
    const [all = []] = await this.#rows(`SELECT ${['count(*)', ...parts].join(', ')} FROM ${quoteTable(shape.table)}`);
    const distinct = await this.#distinct(shape, Number(all[0]), options.signal);
    const rows = Number(all[0]);
    let at = 1;
    return {
      rows,
      columns: columns.map((column, index): ColumnProfile => {
        const filled = Number(all[at]);
        const measured = numberSql(column) === undefined ? [] : all.slice(at + 1, at + 4);
        at += 1 + (numberSql(column) === undefined ? 0 : 3);
        const [min, max, mean] = measured.map((value) => (value === null ? Number.NaN : Number(value)));
        return {
          column: column.name, nullShare: rows === 0 ? 0 : 1 - filled / rows, distinctShare: distinct[index] ?? 0,
          ...(min === undefined || max === undefined || mean === undefined || Number.isNaN(mean) ? {} : { range: { min, max, mean } }),
        };
      }),
    };
  }

  /** Texts are compared, so that types without an order have distinct values too. */
  async #distinct({ columns, table }: TableShape, rows: number, signal: AbortSignal | undefined): Promise<readonly number[]> {
    if (rows === 0 || columns.length === 0) return [];
    signal?.throwIfAborted();
    const shares = columns.map(({ name }) => `coalesce(count(DISTINCT ${quoteIdentifier(name)}::text)::float8 / nullif(count(${quoteIdentifier(name)}), 0), 0)`);
    const [found = []] = await this.#rows(`SELECT ${shares.join(', ')} FROM ${sampleSql(quoteTable(table), DISTINCT_ROWS, rows, 0.5)}`);
    return found.map(Number);
  }

  async numbers(shape: TableShape, options: { readonly rows: number; readonly seed: number; readonly signal?: AbortSignal }): Promise<NumericSample> {
    options.signal?.throwIfAborted();
    const { key } = shape;
    // A key that only counts says nothing of its row.
    const numeric = shape.columns.filter(({ name }) => key.length !== 1 || name !== key[0]).flatMap((column) => {
      const sql = numberSql(column);
      return sql === undefined ? [] : [{ name: column.name, sql }];
    });
    if (numeric.length === 0) return { columns: [], rows: [] };
    const wanted = [...key.map((name) => `${quoteIdentifier(name)}::text`), ...numeric.map(({ sql }) => sql)];
    const found = await this.#rows(`SELECT ${wanted.join(', ')} FROM ${sampleSql(quoteTable(shape.table), options.rows, shape.estimatedRows, options.seed)}`);
    return {
      columns: numeric.map(({ name }) => name),
      rows: found.map((row) => ({
        key: row.slice(0, key.length).map((value) => value ?? ''),
        numbers: row.slice(key.length).map((value) => (value === null ? null : Number(value))),
      })),
    };
  }

  async #rows(text: string): Promise<readonly Value[][]> {
    return (await this.#pool.query<Value[]>({ text, rowMode: 'array' })).rows;
  }
}

/** About `wanted` of `rows` rows. An estimate that is off makes the sample smaller or cuts it, where each row has had its chance before. */
function sampleSql(table: string, wanted: number, rows: number, seed: number): string {
  const percent = rows <= 0 ? 100 : Math.min(100, (wanted * 110) / rows);
  return `(SELECT * FROM ${table} TABLESAMPLE BERNOULLI (${percent}) REPEATABLE (${seed}) LIMIT ${2 * wanted}) AS sampled`;
}
