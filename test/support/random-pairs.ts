import { quoteTable } from '../../src/model/names.ts';
import { sampleRows } from '../../src/plan/runbook/sample-rows.ts';
import { RandomSchemas } from './random-changes.ts';
import { EMPTY, renamesBetween, sqlOf, type RandomSchema } from './random-model.ts';
import { makeSchema, roundTrip, scriptsBetween, type MadeSchema } from './round-trip.ts';
import type { SchemaLab } from './schema-lab.ts';

interface Station {
  readonly lab: SchemaLab;
  readonly model: RandomSchema;
  readonly sql: string;
  readonly made: MadeSchema;
}

/** Two, so that a schema stands in one while the next is made in the other, and each is made and read once. */
export type Labs = readonly [SchemaLab, SchemaLab];

export interface RandomPairsOptions {
  /** So many chains at a time. */
  readonly lanes: readonly Labs[];
  /** Of the first chain; each further chain has the next one, so that one that fails can be run alone. */
  readonly seed: number;
  /** How many pairs, in whole chains; each schema and its neighbour are two, one each way. */
  readonly pairs: number;
}

export interface RandomPairsResult {
  readonly pairs: number;
  readonly scripts: number;
  /** The first pair that went wrong, with what is needed to write it down. */
  readonly fault?: string;
}

/** The schemas of a chain. */
const LENGTH = 21;

/** Chains of random schemas, with rows, each pair of neighbours led there and back, in both directions. Stops at the first fault. */
export async function randomPairs({ lanes, seed, pairs: wanted }: RandomPairsOptions): Promise<RandomPairsResult> {
  const chains = Math.ceil(wanted / (2 * (LENGTH - 1)));
  const results: RandomPairsResult[] = [];
  let next = 0;
  const isOver = (): boolean => next >= chains || results.some(({ fault }) => fault !== undefined);
  await Promise.all(lanes.map(async (labs) => {
    while (!isOver()) results.push(await chain(labs, seed + next++));
  }));
  const fault = results.find((result) => result.fault !== undefined)?.fault;
  return { pairs: results.reduce((sum, { pairs }) => sum + pairs, 0), scripts: results.reduce((sum, { scripts }) => sum + scripts, 0), ...(fault === undefined ? {} : { fault }) };
}

async function chain(labs: Labs, seed: number): Promise<RandomPairsResult> {
  const schemas = new RandomSchemas(seed);
  let [pairs, scripts] = [0, 0];
  let left: Station | undefined;
  for (let n = 0; n < LENGTH; n++) {
    const model = left ? schemas.next(left.model) : schemas.change(EMPTY, 10);
    const sql = sqlOf(model);
    const lab = labs[n % 2 === 0 ? 0 : 1];
    const right: Station = { lab, model, sql, made: await makeSchema(lab, sql) };
    if (left) {
      const results = await Promise.all([oneWay(left, right), oneWay(right, left)]);
      pairs += results.length;
      for (const result of results) scripts += result.scripts;
      const fault = results.find((result) => result.faults.length > 0);
      if (fault) return { pairs, scripts, fault: `seed ${seed}, pair ${pairs}:\n${fault.faults.join('\n')}\n\n-- old\n${fault.old};\n\n-- new\n${fault.fresh};\n\n-- renames ${JSON.stringify(fault.renames)}` };
    }
    left = right;
  }
  return { pairs, scripts };
}

async function oneWay(from: Station, to: Station): Promise<{ readonly faults: readonly string[]; readonly scripts: number; readonly old: string; readonly fresh: string; readonly renames: Record<string, string> }> {
  const renames = renamesBetween(from.model, to.model);
  const told = { old: from.sql, fresh: to.sql, renames };
  try {
    await fill(from);
    const { scripts, faults } = scriptsBetween(from.made, to.made, renames);
    return { ...told, scripts: scripts.length, faults: faults.length > 0 ? faults : await roundTrip({ lab: from.lab, before: from.made, after: to.made, scripts, renames }) };
  } catch (error) {
    return { ...told, scripts: 0, faults: [String(error)] };
  }
}

/** The same few rows in every table; references lead to them. */
async function fill({ lab, made: { schema } }: Station): Promise<void> {
  const tables = schema.tables.filter(({ kind }) => kind !== 'partition');
  if (tables.length === 0) return;
  await lab.must(['SET session_replication_role = replica', ...tables.map((table) => `DELETE FROM ${quoteTable(table.name)}; ${sampleRows(table, schema)}`), 'RESET session_replication_role']);
}
