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

export interface RandomPairsOptions {
  /** Two, so that a schema stands in one while the next is made in the other, and each is made and read once. */
  readonly labs: readonly [SchemaLab, SchemaLab];
  readonly seed: number;
  /** How many pairs; each schema and its neighbour are two, one each way. */
  readonly pairs: number;
  /** A chain begins anew after so many schemas. Default 20. */
  readonly chain?: number;
}

export interface RandomPairsResult {
  readonly pairs: number;
  readonly scripts: number;
  /** The first pair that went wrong, with what is needed to write it down. */
  readonly fault?: string;
}

/** Chains of random schemas, with rows, each pair of neighbours led there and back, in both directions. Stops at the first fault. */
export async function randomPairs({ labs, seed, pairs, chain = 20 }: RandomPairsOptions): Promise<RandomPairsResult> {
  const schemas = new RandomSchemas(seed);
  let scripts = 0;
  let done = 0;
  let left: Station | undefined;
  for (let n = 0; done < pairs; n++) {
    const model = left && n % chain > 0 ? schemas.next(left.model) : schemas.change(EMPTY, 10);
    const sql = sqlOf(model);
    const lab = left?.lab === labs[0] ? labs[1] : labs[0];
    const right: Station = { lab, model, sql, made: await makeSchema(lab, sql) };
    if (left && n % chain > 0) {
      const results = await Promise.all([oneWay(left, right), oneWay(right, left)]);
      done += results.length;
      for (const result of results) scripts += result.scripts;
      const fault = results.find((result) => result.faults.length > 0);
      if (fault) return { pairs: done, scripts, fault: `seed ${seed}, pair ${done}:\n${fault.faults.join('\n')}\n\n-- old\n${fault.old};\n\n-- new\n${fault.fresh};\n\n-- renames ${JSON.stringify(fault.renames)}` };
    }
    left = right;
  }
  return { pairs: done, scripts };
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
  await lab.must([`SET session_replication_role = replica; TRUNCATE ${tables.map(({ name }) => name).join(', ')}`, ...tables.map((table) => sampleRows(table, schema)), 'RESET session_replication_role']);
}
