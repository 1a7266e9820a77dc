import type { Schema } from '../model/schema.ts';
import { wayBackHazards } from '../plan/check/database/hazards/script-hazards.ts';
import type { HazardDetail } from '../plan/check/finding.ts';
import { tableOf, type DatabaseLook } from '../plan/runbook/lost-rows.ts';
import { minimalTables } from '../plan/runbook/minimal-tables.ts';
import type { PlanToUndo } from '../plan/runbook/plan-to-undo.ts';
import { parseSchema } from '../postgres/sql/parse-schema.ts';

/** What the statements of each way back may hurt, by its text: with the tables of the database, or else with those of the plan. */
export async function runbookHazards(plan: PlanToUndo, look: DatabaseLook | undefined): Promise<ReadonlyMap<string, readonly HazardDetail[]>> {
  const steps = plan.phases.flatMap(({ steps: each = [] }) => each).filter(({ script_type: type, rollback }) => type === 'sql' && rollback !== '');
  if (steps.length === 0) return new Map();
  const read = steps.map(({ start = '', complete = '', rollback }) => ({ forward: `${start}\n${complete}`, back: rollback }));
  const found = await wayBackHazards({ steps: read, before: look?.schema ?? (await plannedSchema(plan)) });
  const hazards = new Map<string, readonly HazardDetail[]>();
  for (const [at, { rollback }] of steps.entries()) hazards.set(rollback, [...(hazards.get(rollback) ?? []), ...(found[at] ?? [])]);
  return hazards;
}

/** Tables made of what the plan says of them, with the sizes that it names. */
async function plannedSchema(plan: PlanToUndo): Promise<Schema> {
  const { schema } = await parseSchema(minimalTables(plan).map((statement) => `${statement};`).join('\n'));
  const sizes = new Map((plan.tables ?? []).map((table) => [tableOf(table.name), table]));
  return {
    ...schema, tables: schema.tables.map((table) => {
      const { row_count: rows, size_mb: size } = sizes.get(table.name) ?? {};
      return { ...table, ...(rows === undefined ? {} : { estimatedRows: rows }), ...(size === undefined ? {} : { bytes: size * 1024 ** 2 }) };
    }),
  };
}
