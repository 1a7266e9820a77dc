import { loadModule } from 'libpg-query';
import type { TableName } from '../../../../model/names.ts';
import type { Schema } from '../../../../model/schema.ts';
import type { HazardDetail, MigrationScript, ScriptStatement } from '../../finding.ts';
import { Differences, displayName } from '../differences.ts';
import { applyRenames } from '../renames.ts';
import { unguarded } from '../sql-text.ts';
import { hazardsOf } from './effect.ts';
import { HAZARD_NAMES, type HazardName } from './hazard-names.ts';
import { SchemaSoFar } from './schema-so-far.ts';
import { severityBySize } from './size-severity.ts';
import { readStatements, type ReadStatement, type ReadUse } from './statement-forms.ts';

export interface ScriptHazardsOptions {
  readonly scripts: readonly MigrationScript[];
  /** The database before the first of them; its sizes, where it was read from a server. */
  readonly before: Schema;
  /** The database behind the last of them, where the way back begins. */
  readonly after: Schema;
  /** Confirmed renames, old to new: a table has its size under its new name. */
  readonly renames?: ReadonlyMap<string, string>;
  /** The major version of the server; absent: no server is in reach, and the newest is meant. */
  readonly major?: number;
}

/** What each script does to which tables, and what its rollback does, read from their statements with the server's own grammar. */
export async function withHazards({ scripts, before, after, renames = new Map(), major }: ScriptHazardsOptions): Promise<MigrationScript[]> {
  await loadModule();
  const server = major === undefined ? {} : { major };
  const there = new SchemaSoFar(before, server);
  const back = new SchemaSoFar(withSizes(after, applyRenames(before, renames, new Differences())), server);
  const known = scripts.map((script) => {
    const uses = usesOf(script.script_content, there);
    const details = detailsIn(uses, there);
    return { ...script, hazards: namesIn(details), hazard_details: details, statements: uses.filter(({ form }) => form !== 'no-table').map(statementOf) };
  });
  return known.toReversed().map((script) => {
    const details = detailsIn(usesOf(script.rollback_script, back), back);
    return { ...script, rollback_hazards: namesIn(details), rollback_hazard_details: details };
  }).toReversed();
}

export interface WayBackHazardsOptions {
  /** What was done, in its order, with its way back. */
  readonly steps: readonly { readonly forward: string; readonly back: string }[];
  /** The database before the first step. */
  readonly before: Schema;
}

/** What the way back of each step may hurt, once all steps are done: the rollbacks run from the last to the first. */
export async function wayBackHazards({ steps, before }: WayBackHazardsOptions): Promise<HazardDetail[][]> {
  await loadModule();
  const sofar = new SchemaSoFar(before);
  for (const { forward } of steps) usesOf(forward, sofar);
  sofar.settle();
  return steps.toReversed().map(({ back }) => detailsIn(usesOf(back, sofar), sofar)).toReversed();
}

/** A table that is new has a size that nobody knows yet. */
function withSizes(schema: Schema, known: Schema): Schema {
  const sizes = new Map(known.tables.map(({ name, estimatedRows, bytes }) => [name, { estimatedRows, bytes }]));
  return { ...schema, tables: schema.tables.map((table) => ({ ...table, ...(sizes.get(table.name) ?? { estimatedRows: -1, bytes: 0 }) })) };
}

function usesOf(sql: string, sofar: SchemaSoFar): ReadUse[] {
  return readStatements(unguarded(sql), sofar).flatMap((statement: ReadStatement) => statement.uses);
}

function detailsIn(uses: readonly ReadUse[], sofar: SchemaSoFar): HazardDetail[] {
  return uniqueDetails(uses.flatMap((each) => detailsOf(each, sofar)));
}

/** In the order of the catalogue. */
export function namesIn(details: readonly HazardDetail[]): HazardName[] {
  const found = new Set(details.map(({ hazard }) => hazard));
  return HAZARD_NAMES.filter((name) => found.has(name));
}

function statementOf({ form, touched }: ReadUse): ScriptStatement {
  return {
    form, sql: touched.effect.sql, locks: Object.fromEntries([...touched.locks].map(([name, mode]) => [displayName(name), mode])),
    rewrites: touched.files.map(displayName), scans: touched.scans.map(displayName), transactional: touched.effect.outside !== true,
  };
}

/** Each hazard of a form, by the relations that it is about. What was made by these scripts has no rows that could hurt. */
function detailsOf({ relations, touched }: ReadUse, sofar: SchemaSoFar): HazardDetail[] {
  const about = (hazard: HazardName): readonly TableName[] => {
    if (hazard === 'table_rewrite') return touched.files;
    if (hazard === 'refuses_rows' || hazard === 'index_rebuild' || hazard === 'blocks_readers' || hazard === 'blocks_writers') return touched.scans;
    if (hazard === 'view_rebuilt') return relations.view ?? [];
    return touched.effect.partitions ? [...touched.locks.keys()].filter((name) => !relations.referenced?.includes(name) && !relations.parent?.includes(name)) : (relations.table ?? []);
  };
  return hazardsOf(touched.effect).flatMap((hazard): HazardDetail[] => {
    const names = about(hazard).filter((name) => !sofar.isNew(name));
    if (hazard === 'not_known' && names.length === 0) return [{ hazard, relation: null, rows: null, bytes: null, severity: 'unknown' }];
    return names.map((name) => {
      const { rows = null, bytes = null } = sofar.size(name) ?? {};
      return { hazard, relation: displayName(name), rows, bytes, severity: hazard === 'renames' ? 'high' : hazard === 'view_rebuilt' ? 'medium' : hazard === 'not_known' ? 'unknown' : severityBySize({ rows, bytes }) };
    });
  });
}

function uniqueDetails(details: readonly HazardDetail[]): HazardDetail[] {
  return [...new Map(details.map((detail) => [`${detail.hazard} ${detail.relation}`, detail])).values()];
}
