import type pg from 'pg';
import { quoteIdentifier, quoteTable, type TableName } from '../model/names.ts';
import type { SurveyedTable } from '../model/survey.ts';
import { droppedColumns, tableOf, tablesConcerned, tablesOf, type DatabaseLook, type LookedAtTable } from '../plan/runbook/lost-rows.ts';
import type { PlanToUndo } from '../plan/runbook/plan-to-undo.ts';
import { READ_ONLY } from '../postgres/survey/statements.ts';
import { survey } from '../postgres/survey/survey.ts';
import type { ApplicationContext } from './application.ts';
import { inReach, type Reach } from './plan-survey.ts';

/** What takes longer to count stays an estimate. */
const COUNT_MS = 5000;

/**
 * How large the tables of a plan are, and how many rows undoing its steps would touch; undefined: no database is in reach.
 * @throws BANYAN_CONNECT if a database was named that can not be reached.
 */
export function lookAtTables(context: ApplicationContext, plan: PlanToUndo, reach: Reach): Promise<DatabaseLook | undefined> {
  const tables = tablesOf(plan).map(tableOf).filter((table) => table !== undefined);
  if (tables.length === 0) return Promise.resolve(undefined);
  return inReach(context, { ...reach, applicationName: 'banyan runbook' }, async (pool) => {
    const { clock, signal } = context;
    context.progress.note('looking at the database: how many rows are concerned');
    const found = await survey({ pool, clock, signal, tables, watchSeconds: 0 });
    const client = await pool.connect();
    let lost: Error | boolean = true;
    try {
      const looked: LookedAtTable[] = [];
      for (const table of found.tables) {
        const there = new Set(found.schema.tables.find(({ name }) => name === table.name)?.columns.map(({ name }) => name));
        looked.push(await lookAt(client, table, columnsOf(plan, table.name).filter((column) => there.has(column))));
      }
      lost = false;
      return { at: found.at, tables: looked, schema: found.schema };
    } finally {
      client.release(lost);
    }
  });
}

function columnsOf(plan: PlanToUndo, table: TableName): string[] {
  const steps = plan.phases.flatMap(({ steps: each = [] }) => each).filter((step) => step.loses !== undefined && tablesConcerned(plan, step).some((name) => tableOf(name) === table));
  return [...new Set(steps.flatMap(droppedColumns))];
}

const FROM: Readonly<Record<SurveyedTable['rowsFrom'], string>> = { counted: 'counted', statistics: "by the server's statistics of its last ANALYZE", sampled: 'by the rows that a few pages hold' };

async function lookAt(client: pg.PoolClient, table: SurveyedTable, columns: readonly string[]): Promise<LookedAtTable> {
  const estimated = { table: table.name, rows: table.rows, exact: table.rowsFrom === 'counted', from: FROM[table.rowsFrom], bytes: table.totalBytes, columns: new Map<string, number>() };
  try {
    await client.query(READ_ONLY(COUNT_MS));
    const { rows: [counts] } = await client.query<Record<string, string>>(`SELECT ${['count(*) AS n', ...columns.map((column, i) => `count(${quoteIdentifier(column)}) AS c${i}`)].join(', ')} FROM ${quoteTable(table.name)}`);
    return { ...estimated, rows: Number(counts?.['n'] ?? 0), exact: true, from: FROM.counted, columns: new Map(columns.map((column, i) => [column, Number(counts?.[`c${i}`] ?? 0)])) };
  } catch {
    // Too large to be counted in that time, or not readable: then it is said that it is an estimate.
    return estimated;
  } finally {
    await client.query('ROLLBACK');
  }
}
