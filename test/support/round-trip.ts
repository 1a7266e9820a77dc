import { quoteIdentifier, quoteLiteral, quoteTable } from '../../src/model/names.ts';
import type { Column, Schema, Table } from '../../src/model/schema.ts';
import { compareSchemas } from '../../src/plan/check/database/compare-schemas.ts';
import type { MigrationScript } from '../../src/plan/check/finding.ts';
import { sampleValue } from '../../src/plan/runbook/sample-rows.ts';
import type { Answer, SchemaLab } from './schema-lab.ts';

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
    const [catalogue, found] = await Promise.all([lab.catalogue(), rows()]);
    faults.push(...differences(made.catalogue, catalogue).map((line) => `${station}: ${line}`), ...moved(station, wanted, found));
  };
  const again = async (station: string, steps: readonly Step[], made: MadeSchema, wanted: string): Promise<void> => {
    const { wrote, faults: found } = await runAgain(lab, steps);
    faults.push(...found);
    if (wrote) await same(station, made, wanted);
    else faults.push(...moved(station, wanted, await rows()));
  };
  const wanted = await rows();
  const { renames = {} } = options;
  const there = forwardSteps(scripts);
  faults.push(...(await run(lab, withFills(there, fillsFor(before.schema, after.schema, renames)))));
  if (faults.length > 0) return faults;
  await same('there', after, wanted);
  await again('there, a second time', there, after, wanted);
  const refills = fillsFor(after.schema, before.schema, Object.fromEntries(Object.entries(renames).map(([old, fresh]) => [fresh, old])));
  const back = scripts.toReversed().map(({ description, rollback_script: sql, transactional }): Step => ({ sql, what: `back from: ${description}`, transactional }));
  faults.push(...(await run(lab, back)));
  if (faults.length > 0) return faults;
  if (refills.length > 0) {
    // A column that may not be null and lost its values: somebody fills it from a copy, and runs the way back once more.
    await lab.must(refills);
    faults.push(...(await run(lab, back)));
  }
  await same('back', before, wanted);
  await again('back, a second time', back, before, wanted);
  return faults;
}

/** One statement or script of the way. */
interface Step {
  readonly sql: string;
  /** What it is, in words. */
  readonly what: string;
  readonly transactional: boolean;
  /** A query, and its answer before it. */
  readonly before?: { readonly query: string; readonly says: string };
  /** A query, and its answer after it. */
  readonly after?: { readonly query: string; readonly says: string };
}

function forwardSteps(scripts: readonly MigrationScript[]): Step[] {
  return scripts.map(({ description, script_content: sql, validation_query: query, transactional }) => ({
    sql, what: description, transactional,
    // Of privileges on tables and of what a routine does their own queries do not tell: the catalogues do.
    ...(!sql.startsWith('-- Nothing to do') && !(query === 'SELECT true' && /^(Take away|Grant|Revoke) /.test(description)) && !/^(Leave|Replace|Make (function|procedure)) /.test(description) ? { before: { query, says: 'f' } } : {}),
    after: { query, says: 't' },
  }));
}

/** With the values that somebody has to give before a column can be NOT NULL. */
function withFills(steps: readonly Step[], fills: readonly string[]): readonly Step[] {
  const at = steps.findIndex(({ sql }) => sql.includes('banyan_not_null'));
  return at < 0 ? steps : steps.toSpliced(at, 0, ...fills.map((sql) => ({ sql, what: 'values for new columns', transactional: true })));
}

const moved = (station: string, wanted: string, found: string): string[] => (found === wanted ? [] : [`${station}: rows were ${wanted}, and are ${found}`]);

/** Runs each step for itself, with its queries. */
async function run(lab: SchemaLab, steps: readonly Step[]): Promise<string[]> {
  const statements = steps.flatMap(({ sql, what, before, after }) => [
    ...(before ? [{ sql: before.query, what: `${what}: its validation query, before`, says: before.says }] : []),
    { sql, what },
    ...(after ? [{ sql: after.query, what: `${what}: its validation query`, says: after.says }] : []),
  ]);
  return faultsOf(await lab.run(statements.map(({ sql }) => sql)), statements);
}

/** Steps that write into the catalogue on a second run too, what was there already. Each other kind must write nothing. */
const NOT_YET_SILENT: readonly RegExp[] = [
  /^(back from: )?(On the way back only, undo: )?(Drop|Add|Validate) foreign key /,
  /^back from: Drop table /,
  /^(back from: )?(On the way back only, undo: )?(Build the index of|(Build|Drop) index) /,
  /^(back from: )?(On the way back only, undo: )?(Drop|Create) view /,
  /^(back from: )?(Create|Drop|Replace|Make) (function|procedure) /,
  /^(back from: )?(Grant|Revoke|Leave as it is made:|Take away) /,
  /^(back from: )?(On the way back only, undo: )?(Drop|Create) statistics /,
  /^(back from: )?(Take away|Make) column .* anew$/,
  /^back from: (Rename|Keep the new names)/,
];

/** Runs steps that are to change nothing, many at a time. Where they wrote nothing into the catalogue, their queries have their answers already. */
async function runAgain(lab: SchemaLab, steps: readonly Step[]): Promise<{ readonly wrote: boolean; readonly faults: readonly string[] }> {
  const batches: string[] = [];
  let open = false;
  for (const { sql, transactional } of steps) {
    const last = batches.length - 1;
    if (transactional && open) batches[last] = `${batches[last]}\n;\n${sql}`;
    else batches.push(sql);
    open = transactional;
  }
  const [written, answers, now] = await Promise.all([lab.writings(), lab.run(batches), lab.writings()]);
  if (written === now && !answers.some((answer) => 'error' in answer)) return { wrote: false, faults: [] };
  // Each for itself: which failed, which wrote, and what its query says.
  const faults = await run(lab, steps.map(({ before: _before, ...step }) => step));
  return { wrote: true, faults: faults.length > 0 ? faults : await writers(lab, steps) };
}

/** Steps that wrote into the catalogue although they had nothing to do, but those of which we know it. */
async function writers(lab: SchemaLab, steps: readonly Step[]): Promise<string[]> {
  const faults: string[] = [];
  let before = await lab.writings();
  for (const { sql, what } of steps) {
    await lab.must([sql]);
    const now = await lab.writings();
    if (now !== before && !NOT_YET_SILENT.some((kind) => kind.test(what))) faults.push(`${what}: wrote once more\n${sql}`);
    before = now;
  }
  return faults;
}

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
    return columns.length === 0 ? [] : [`SELECT ${quoteLiteral(old.name)} AS t, string_agg(r, ';' ORDER BY r COLLATE "C") AS rows FROM (SELECT ROW(${columns.join(', ')})::text AS r FROM ${quoteTable(old.name)}) t`];
  });
  return [...(queries.length === 0 ? [] : [queries.join(' UNION ALL ')]), ...(kept === undefined ? [] : ['SET search_path = public', kept, 'SET search_path = pg_catalog'])];
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
