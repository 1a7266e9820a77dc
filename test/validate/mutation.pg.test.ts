import { expect, it } from 'vitest';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import type { TableReport } from '../../src/validate/report.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { Dice, plant, TYPES_SQL, type Planted, type Text } from './random-tables.ts';
import { instantClock } from './instant-clock.ts';

/** More in a long run: `BANYAN_MUTATION_ROUNDS=2000`. */
const ROUNDS = Number(process.env['BANYAN_MUTATION_ROUNDS'] ?? 160);
const SEED = Number(process.env['BANYAN_MUTATION_SEED'] ?? 20_240_229);
const ROUNDS_PER_SCHEMA = 20;

describePostgres('mutation', () => {
  it(`reports exactly what was planted, in ${ROUNDS} random tables`, { timeout: 60_000 + ROUNDS * 1000 }, async () => {
    const [source, target] = await Promise.all([testDatabase({ schema: TYPES_SQL }), testDatabase({ schema: TYPES_SQL })]);
    const validator = new ConsistencyValidator(
      { checksummer: new PostgresChecksummer({ pool: source.pool }) },
      { checksummer: new PostgresChecksummer({ pool: target.pool }) },
      { clock: instantClock() },
    );
    for (let round = 0; round < ROUNDS; round += ROUNDS_PER_SCHEMA) {
      const tables = Array.from({ length: Math.min(ROUNDS_PER_SCHEMA, ROUNDS - round) }, (_, i) => plant(new Dice(SEED + round + i), round + i));
      await Promise.all([fill(source, tables, 'source'), fill(target, tables, 'target')]);
      const level = round % (2 * ROUNDS_PER_SCHEMA) === 0 ? 'full' : 'checksum';
      const report = await validator.validate({
        tables: tables.map((table) => table.sqlName),
        level,
        ...(round % 60 === 20 ? { hash: 'canonical' as const } : {}),
      });
      for (const [i, table] of tables.entries()) {
        expect.soft(foundIn(report.tables[i]!, table, level), `round ${round + i}, seed ${SEED + round + i}: ${table.createSql}`).toEqual(plantedIn(table, level));
      }
      const drop = `DROP TABLE ${tables.map((table) => table.sqlName).join(', ')}`;
      await Promise.all([source.query(drop), target.query(drop)]);
    }
  });
});

async function fill(database: TestDatabase, tables: readonly Planted[], side: 'source' | 'target'): Promise<void> {
  await database.query(tables.map((table) => table.createSql).join('; '));
  for (const table of tables) {
    const rows = table[side];
    if (rows.length === 0) continue;
    const arrays = table.columns.map((_, at) => rows.map((row): Text => row[at] ?? null));
    await database.query(
      `INSERT INTO ${table.sqlName} SELECT ${table.columns.map(({ type }, i) => `c${i}::${type}`).join(', ')}
         FROM unnest(${table.columns.map((_, i) => `$${i + 1}::text[]`).join(', ')}) AS r (${table.columns.map((_, i) => `c${i}`).join(', ')})`,
      arrays,
    );
  }
}

/** A report in the form of what was planted. */
function foundIn(report: TableReport, table: Planted, level: string): unknown {
  const rows = { source: report.source, target: report.target };
  if (table.keyNames.length === 0) return { ...rows, surplus: report.counts.missing, lack: report.counts.extra, different: report.counts.different };
  const keyText = (key: unknown) => {
    if (typeof key === 'string') return JSON.stringify([key]);
    return JSON.stringify(table.keyNames.map((name) => (key as Record<string, string>)[name]));
  };
  return {
    ...rows,
    unsettled: report.counts.unsettled,
    missing: new Set(report.missing.map(keyText)),
    extra: new Set(report.extra.map(keyText)),
    different: new Map(report.different.map(({ key, columns }) => [keyText(key), level === 'full' ? new Set(Object.keys(columns)) : undefined])),
  };
}

function plantedIn(table: Planted, level: string): unknown {
  const rows = { source: table.source.length, target: table.target.length };
  if (table.keyNames.length === 0) return { ...rows, surplus: table.surplus, lack: table.lack, different: 0 };
  return {
    ...rows,
    unsettled: 0,
    missing: table.missing,
    extra: table.extra,
    different: new Map([...table.different].map(([key, columns]) => [key, level === 'full' ? columns : undefined])),
  };
}
