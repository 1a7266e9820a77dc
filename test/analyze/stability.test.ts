import { expect, test } from 'vitest';
import { readInput, type AnalyzerInput } from '../../src/analyze/input.ts';
import { decompose } from '../../src/analyze/partition.ts';
import { gatherEvidence } from '../../src/analyze/signals.ts';
import { seededRandom } from '../../src/core/random.ts';
import { parseTableName } from '../../src/model/names.ts';
import type { Column, Table } from '../../src/model/schema.ts';
import { SHAPES } from './cases/shapes.ts';
import { readCase } from './support/read-case.ts';

type Services = Readonly<Record<string, readonly string[]>>;

function divided(input: AnalyzerInput): Services {
  const monolith = readInput(input);
  const services: Record<string, string[]> = {};
  decompose(monolith, gatherEvidence(monolith), {}).partition.forEach((service, table) => {
    // A table in no service has no companions.
    (services[service < 0 ? `alone ${table}` : service] ??= []).push(monolith.tables[table]!.name);
  });
  return services;
}

const CHANGES = 20;

/** Share of the tables present before that are with other companions afterwards. */
function movedShare(before: Services, after: Services): number {
  const overlap: { readonly a: string; readonly b: string; readonly both: readonly string[] }[] = [];
  for (const [a, tables] of Object.entries(before)) {
    for (const [b, others] of Object.entries(after)) {
      const both = tables.filter((table) => others.includes(table));
      if (both.length > 0) overlap.push({ a, b, both });
    }
  }
  overlap.sort((x, y) => y.both.length - x.both.length);
  const used = new Set<string>();
  let kept = 0;
  for (const { a, b, both } of overlap) {
    if (used.has(`before ${a}`) || used.has(`after ${b}`)) continue;
    used.add(`before ${a}`).add(`after ${b}`);
    kept += both.length;
  }
  return 1 - kept / Object.values(before).flat().length;
}

/** The same schema with one table more, or one more column that refers to another table. */
function changed(input: AnalyzerInput, seed: number): AnalyzerInput {
  const random = seededRandom(seed);
  const { tables } = input.schema;
  const pick = (): Table => tables[Math.floor(random() * tables.length)]!;
  const parent = pick();
  const column: Column = { name: `extra_${seed}`, type: 'bigint', nullable: true };
  const key = {
    name: `extra_${seed}_fkey`, columns: [column.name], references: parent.name, referencedColumns: parent.primaryKey?.columns ?? ['id'],
    onDelete: 'no action', onUpdate: 'no action', definition: '',
  } as const;
  if (seed % 2 === 0) {
    const fresh: Table = { ...parent, name: parseTableName(`newcomer_${seed}`), columns: [column], foreignKeys: [key], indexes: [], uniques: [], triggers: [], checks: [] };
    return { ...input, schema: { ...input.schema, tables: [...tables, fresh] } };
  }
  const child = pick();
  const grown = tables.map((table) => (table === child ? { ...table, columns: [...table.columns, column], foreignKeys: [...table.foreignKeys, key] } : table));
  return { ...input, schema: { ...input.schema, tables: grown } };
}

test.each([['no convention', 1], ['tenants', 2]] as const)('a table or a column more moves few tables of %s', async (name, seed) => {
  const input = await readCase(SHAPES[name]!(seed));
  const before = divided(input);
  const shares = Array.from({ length: CHANGES }, (_, i) => movedShare(before, divided(changed(input, i))));
  // Measured over three seeds of each shape: docs/analysis.md.
  expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBeLessThan(0.05);
  expect(Math.max(...shares)).toBeLessThan(0.25);
});
