import { quoteIdentifier, quoteTable } from '../../src/model/names.ts';
import type { Column, Schema, Table } from '../../src/model/schema.ts';
import { compareSchemas } from '../../src/plan/check/database/compare-schemas.ts';
import type { MigrationScript } from '../../src/plan/check/finding.ts';
import { sampleValue } from '../../src/plan/runbook/sample-rows.ts';
import type { SchemaLab } from './schema-lab.ts';

/** A schema that was made on a server, as Banyan reads it and as the catalogue tells it. */
export interface MadeSchema {
  readonly schema: Schema;
  readonly catalogue: string;
}

export interface RoundTripOptions {
  /** It has the old schema, with its rows. */
  readonly lab: SchemaLab;
  readonly before: MadeSchema;
  readonly after: MadeSchema;
  readonly scripts: readonly MigrationScript[];
  /** Confirmed ones, by the names of the catalogue. */
  readonly renames?: Readonly<Record<string, string>>;
  /** A query whose answer no script may change, besides the columns that both schemas have. */
  readonly kept?: string;
}

/** Makes a schema, and reads it both ways. */
export async function makeSchema(lab: SchemaLab, sql: string): Promise<MadeSchema> {
  await lab.create(sql);
  return await lookAt(lab);
}

export async function lookAt(lab: SchemaLab): Promise<MadeSchema> {
  const [schema, catalogue] = await Promise.all([lab.readSchema(), lab.catalogue()]);
  return { schema, catalogue };
}

/**
 * The whole way there and back on a real server, each twice. What is wrong with it, in words; empty: nothing.
 *
 * - each validation query says no before its script has run, and yes after it;
 * - old schema and scripts give the new one, and the rollbacks the old one, by the catalogue;
 * - a second run of either changes nothing;
 * - values of columns that both schemas have with one type are the same at every station.
 */
export async function roundTrip(options: RoundTripOptions): Promise<string[]> {
  const { lab, before, after, scripts } = options;
  const faults: string[] = [];
  const names = scripts.map(({ description }) => description);
  if (new Set(names).size !== names.length) faults.push('two scripts have the same description');
  const kept = keptRows(before.schema, after.schema, options.kept);
  const rows = async (): Promise<string> => JSON.stringify(await lab.must(kept));
  const same = async (station: string, made: MadeSchema, wanted: string): Promise<void> => {
    faults.push(...differences(made.catalogue, await lab.catalogue()).map((line) => `${station}: ${line}`));
    const found = await rows();
    if (found !== wanted) faults.push(`${station}: rows were ${wanted}, and are ${found}`);
  };
  const wanted = await rows();
  const { renames = {} } = options;
  const fills = fillsFor(before.schema, after.schema, renames);
  faults.push(...(await forward(lab, scripts, { first: true, fills })));
  if (faults.length > 0) return faults;
  await same('there', after, wanted);
  faults.push(...(await forward(lab, scripts, { first: false, fills: [] })));
  await same('there, a second time', after, wanted);
  const refills = fillsFor(after.schema, before.schema, Object.fromEntries(Object.entries(renames).map(([old, fresh]) => [fresh, old])));
  faults.push(...(await backward(lab, scripts)));
  if (faults.length > 0) return faults;
  // A column that may not be null and lost its values: somebody fills it from a copy, and runs the way back once more.
  if (refills.length > 0) await lab.must(refills);
  else await same('back', before, wanted);
  faults.push(...(await backward(lab, scripts)));
  await same('back, a second time', before, wanted);
  return faults;
}

async function forward(lab: SchemaLab, scripts: readonly MigrationScript[], { first, fills }: { readonly first: boolean; readonly fills: readonly string[] }): Promise<string[]> {
  const filledAt = scripts.findIndex(({ script_content: sql }) => sql.includes('banyan_not_null'));
  const statements: { readonly sql: string; readonly what: string; readonly says?: string }[] = scripts.flatMap((script, n) => [
    ...(n === filledAt ? fills.map((sql) => ({ sql, what: 'values for new columns' })) : []),
    // Of privileges and of what a routine does their own queries do not tell: the catalogues do.
    ...(first && !script.script_content.startsWith('-- Nothing to do') && !/^(Take away|Grant|Revoke|Replace|Make (function|procedure)) /.test(script.description) ? [{ sql: script.validation_query, what: `${script.description}: its validation query, before`, says: 'f' }] : []),
    { sql: script.script_content, what: script.description },
    { sql: script.validation_query, what: `${script.description}: its validation query`, says: 't' },
  ]);
  const answers = await lab.run(statements.map(({ sql }) => sql));
  return faultsOf(answers, statements);
}

async function backward(lab: SchemaLab, scripts: readonly MigrationScript[]): Promise<string[]> {
  const statements = scripts.toReversed().map((script) => ({ sql: script.rollback_script, what: `back from: ${script.description}` }));
  return faultsOf(await lab.run(statements.map(({ sql }) => sql)), statements);
}

type Answer = Awaited<ReturnType<SchemaLab['run']>>[number];

function answerOf(answer: Answer | undefined): string {
  if (answer === undefined || 'error' in answer) return answer?.error ?? 'nothing';
  return Object.values(answer.rows.at(-1) ?? {})[0] ?? 'nothing';
}

function faultsOf(answers: readonly Answer[], statements: readonly { readonly sql: string; readonly what: string; readonly says?: string }[]): string[] {
  const failed = statements.findIndex((_, n) => 'error' in (answers[n] ?? { error: '' }));
  // What comes after one that failed says nothing.
  return statements.slice(0, failed < 0 ? undefined : failed + 1).flatMap(({ sql, what, says }, n) => {
    const answer = answers[n];
    if (answer === undefined || 'error' in answer) return [`${what}: ${answer?.error ?? 'no answer'}\n${sql}`];
    return says === undefined || answerOf(answer) === says ? [] : [`${what} says ${answerOf(answer)}, not ${says}: ${sql}`];
  });
}

/** Lines that only one of two catalogues has. */
function differences(wanted: string, found: string): string[] {
  if (wanted === found) return [];
  const [a, b] = [wanted.split('\n'), found.split('\n')];
  return [...a.filter((line) => !b.includes(line)).map((line) => `lacks ${line}`), ...b.filter((line) => !a.includes(line)).map((line) => `has ${line}`)];
}

function sharedTables(before: Schema, after: Schema, renames: Readonly<Record<string, string>> = {}): { readonly old: Table; readonly fresh: Table }[] {
  return before.tables.flatMap((old) => {
    const fresh = after.tables.find(({ name }) => name === (renames[old.name] ?? old.name));
    return fresh && !old.partitionOf && !fresh.partitionOf ? [{ old, fresh }] : [];
  });
}

/** A query for each table that both schemas have, of the columns that do not change. */
function keptRows(before: Schema, after: Schema, kept: string | undefined): string[] {
  // A text or a whole number is the same in any type of its kind that holds it.
  const alike = (a: string, b: string): boolean => a === b || [/^(text|character varying(\(\d+\))?)$/, /^(smallint|integer|bigint)$/].some((kind) => kind.test(a) && kind.test(b));
  const isKept = (a: Column, b: Column): boolean => a.name === b.name && alike(a.type, b.type) && a.generated === b.generated;
  const queries = sharedTables(before, after).flatMap(({ old, fresh }) => {
    const columns = old.columns.filter((column) => fresh.columns.some((other) => isKept(column, other))).map(({ name }) => `${quoteIdentifier(name)}::text`);
    return columns.length === 0 ? [] : [`SELECT string_agg(r, ';' ORDER BY r COLLATE "C") AS rows FROM (SELECT ROW(${columns.join(', ')})::text AS r FROM ${quoteTable(old.name)}) t`];
  });
  return [...queries, ...(kept === undefined ? [] : ['SET search_path = public', kept, 'SET search_path = pg_catalog'])];
}

/** What somebody has to do before a column without a default can be NOT NULL. */
function fillsFor(before: Schema, after: Schema, renames?: Readonly<Record<string, string>>): string[] {
  return sharedTables(before, after, renames).flatMap(({ old, fresh }) =>
    fresh.columns
      .filter((column) => !column.nullable && column.default === undefined && column.identity === undefined && column.generated === undefined && !old.columns.some(({ name }) => name === column.name))
      .map((column) => `UPDATE ${quoteTable(fresh.name)} AS t SET ${quoteIdentifier(column.name)} = ${sampleValue(column, after.enums)} FROM (SELECT ctid, row_number() OVER (ORDER BY ctid) AS n FROM ${quoteTable(fresh.name)}) AS numbered WHERE t.ctid = numbered.ctid AND t.${quoteIdentifier(column.name)} IS NULL`));
}

/** The scripts between two schemas, with whatever of the comparison itself does not hold. */
export function scriptsBetween(before: MadeSchema, after: MadeSchema, renames?: Readonly<Record<string, string>>): { readonly scripts: readonly MigrationScript[]; readonly faults: readonly string[] } {
  const { findings, scripts } = compareSchemas({ before: before.schema, after: after.schema, ...(renames ? { renames: new Map(Object.entries(renames)) } : {}) });
  const differ = before.catalogue !== after.catalogue;
  return { scripts, faults: differ === findings.length > 0 ? [] : [`${findings.length} findings, where the catalogues ${differ ? 'differ' : 'are the same'}`] };
}
