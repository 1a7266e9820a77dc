import { isDeepStrictEqual, inspect } from 'node:util';
import type pg from 'pg';
import { quoteIdentifier } from '../../../src/model/names.ts';
import { PostgresChecksummer } from '../../../src/postgres/checksum/checksummer.ts';
import type { Level, ReportedKey, TableReport } from '../../../src/validate/report.ts';
import { ConsistencyValidator } from '../../../src/validate/validator.ts';
import { Dice } from '../dice.ts';
import { instantClock } from '../instant-clock.ts';
import type { Text } from './kinds.ts';
import { plant, type PlantedTable } from './table.ts';
import { overlooked, truthOf, type Truth } from './truth.ts';

/** Tables that are made, compared and dropped together. */
const TABLES_AT_ONCE = 12;

export interface RoundsResult {
  readonly rounds: number;
  readonly rows: number;
  /** How often each corruption was planted where it had to be seen. */
  readonly planted: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

/** Runs rounds, each of one random table, until all are done or `failuresAtMost` have failed. */
export async function runRounds(options: {
  readonly source: pg.Pool;
  readonly target: pg.Pool;
  readonly seed: number;
  readonly rounds: number;
  readonly failuresAtMost?: number;
  readonly onRounds?: (done: number) => void;
}): Promise<RoundsResult> {
  const { source, target, seed, rounds, failuresAtMost = 3, onRounds } = options;
  const planted = new Map<string, number>();
  const failures: string[] = [];
  let rows = 0;
  let round = 0;
  for (let batch = 0; round < rounds && failures.length < failuresAtMost; batch++) {
    const exact = batch % 3 === 2;
    const level: Level = (['full', 'checksum', 'full', 'count'] as const)[batch % 4] ?? 'full';
    const first = round;
    const tables = Array.from({ length: Math.min(TABLES_AT_ONCE, rounds - first) }, (_, i) => plant(new Dice(seed + first + i), i, exact));
    const [onSource, onTarget] = await Promise.all([fill(source, tables, 'source'), fill(target, tables, 'target')]);
    const pages = batch % 5 === 4 ? { pagesPerPart: 2 } : {};
    const validator = new ConsistencyValidator(
      { checksummer: new PostgresChecksummer({ pool: source, ...pages }) },
      { checksummer: new PostgresChecksummer({ pool: target, ...pages }) },
      { clock: instantClock() },
    );
    const report = await validator.validate({
      tables: tables.map((table) => table.spec),
      level, exact, maxDifferences: 100_000,
      ...(batch % 5 >= 3 ? { hash: 'canonical' as const } : {}),
      // Whole-number keys range by range; other tables are scanned as they are.
      ...(batch % 4 < 2 ? { rangeRows: 5 } : {}),
    });
    for (const [i, table] of tables.entries()) {
      const texts = { source: onSource[i] ?? [], target: onTarget[i] ?? [] };
      const truth = truthOf(table, texts, { exact, level });
      rows += truth.source;
      const found = report.tables[i];
      const says = found && comparable(found, table);
      const wrong = level === 'count' || exact ? [] : overlooked(table, texts, truth);
      if (wrong.length > 0 || !isDeepStrictEqual(says, truth)) failures.push(message({ seed: seed + first + i, level, exact, table, truth, says, wrong }));
      for (const { name, kind, seen } of table.corruptions) if (seen) planted.set(`${name}: ${kind}`, (planted.get(`${name}: ${kind}`) ?? 0) + 1);
    }
    await Promise.all([drop(source, tables, 'source'), drop(target, tables, 'target')]);
    round += tables.length;
    onRounds?.(round);
  }
  return { rounds: round, rows, planted, failures };
}

/** @returns what the server writes for each row. */
export async function fill(pool: pg.Pool, tables: readonly PlantedTable[], side: 'source' | 'target'): Promise<readonly (readonly Text[])[][]> {
  await pool.query(tables.map((table) => table.create[side]).join('; '));
  const texts: (readonly Text[])[][] = [];
  for (const { names, columns, rows, filtered } of tables) {
    const here = rows.flatMap((row) => (row[side] ? [{ texts: row[side], kept: row.kept[side] }] : []));
    const types = columns.map((column) => (side === 'source' ? column.sourceType : column.targetType));
    const list = columns.map((column) => quoteIdentifier(column[side]));
    const arrays = columns.map((_, i) => here.map((row) => row.texts[i] ?? null));
    const inserted = await pool.query<Text[]>({
      text: `INSERT INTO ${names[side]} (${[...list, ...(filtered ? ['kept'] : [])].join(', ')})
             SELECT ${[...types.map((type, i) => `c${i}::${type}`), ...(filtered ? ['kept'] : [])].join(', ')}
               FROM unnest(${columns.map((_, i) => `$${i + 1}::text[]`).join(', ')}${filtered ? `, $${columns.length + 1}::boolean[]` : ''})
                 AS r (${[...columns.map((_, i) => `c${i}`), ...(filtered ? ['kept'] : [])].join(', ')})
             RETURNING ${list.map((column) => `${column}::text`).join(', ')}`,
      values: [...arrays, ...(filtered ? [here.map((row) => String(row.kept))] : [])],
      rowMode: 'array',
    });
    texts.push(inserted.rows);
    // Where the server knows how many rows there are, they fall into several leaves.
    if (here.length > 256) await pool.query(`ANALYZE ${names[side]}`);
  }
  return texts;
}

async function drop(pool: pg.Pool, tables: readonly PlantedTable[], side: 'source' | 'target'): Promise<void> {
  await pool.query(`DROP TABLE ${tables.map((table) => table.names[side]).join(', ')}`);
}

/** A report in the form of the truth. */
function comparable(report: TableReport, { columns, keyLength }: PlantedTable): Truth {
  const keyNames = columns.slice(0, keyLength).map((column) => column.source);
  const keyed = (key: ReportedKey): readonly [string, unknown] => {
    if (typeof key === 'string') return [JSON.stringify([key]), true];
    if (keyLength > 0) return [JSON.stringify(keyNames.map((name) => new Map(Object.entries(key)).get(name))), true];
    const { row, source, target } = key as Extract<ReportedKey, { readonly row: unknown }>;
    const values = new Map(Object.entries(row));
    return [JSON.stringify(columns.flatMap((column) => (values.has(column.source) ? [[column.source, values.get(column.source)]] : []))), { source, target }];
  };
  return {
    source: report.source,
    target: report.target,
    missing: new Map(report.missing.map(keyed)),
    extra: new Map(report.extra.map(keyed)),
    different: new Map(report.different.map((row) => [keyed(row.key)[0], new Map(Object.entries(row.columns).map(([name, { source, target }]) => [name, [source, target]]))])),
    counts: report.counts,
    drift: report.drift ?? [],
    consistent: report.consistent,
  };
}

function message(found: { readonly seed: number; readonly level: Level; readonly exact: boolean; readonly table: PlantedTable; readonly truth: Truth; readonly says: Truth | undefined; readonly wrong: readonly string[] }): string {
  const { seed, level, exact, table, truth, says, wrong } = found;
  const shown = (value: unknown) => inspect(value, { depth: 6, maxStringLength: 80, maxArrayLength: 20, breakLength: 160 });
  return [
    `seed ${seed}, level ${level}${exact ? ', exact' : ''}`, table.create.source, table.create.target, `specification ${shown(table.spec)}`,
    `planted ${table.corruptions.map(({ name, kind }) => `${name} (${kind})`).join(', ')}`,
    ...(wrong.length > 0 ? [`the checker overlooks ${wrong.join(', ')}`] : []),
    `expected ${shown(truth)}`, `found ${shown(says)}`,
  ].join('\n');
}
