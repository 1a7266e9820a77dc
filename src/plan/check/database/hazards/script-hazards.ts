import { loadModule } from 'libpg-query';
import type { TableName } from '../../../../model/names.ts';
import type { Schema } from '../../../../model/schema.ts';
import type { HazardDetail, MigrationScript, ScriptStatement } from '../../finding.ts';
import { displayName } from '../differences.ts';
import { unguarded } from '../sql-text.ts';
import { hazardsOf } from './effect.ts';
import { effectOf } from './forms.ts';
import { HAZARD_NAMES, type HazardName } from './hazard-names.ts';
import { SchemaSoFar } from './schema-so-far.ts';
import { severityBySize } from './size-severity.ts';
import { readStatements, type ReadStatement, type ReadUse } from './statement-forms.ts';

export interface ScriptHazardsOptions {
  readonly scripts: readonly MigrationScript[];
  /** The database before the first of them; its sizes, where it was read from a server. */
  readonly before: Schema;
}

/** What each script does to which tables, read from its statements with the server's own grammar. */
export async function withHazards({ scripts, before }: ScriptHazardsOptions): Promise<MigrationScript[]> {
  await loadModule();
  const sofar = new SchemaSoFar(before);
  return scripts.map((script) => {
    const uses = readStatements(unguarded(script.script_content), sofar).flatMap((statement: ReadStatement) => statement.uses);
    const details = uniqueDetails(uses.flatMap((use) => detailsOf(use, sofar)));
    const found = new Set(details.map(({ hazard }) => hazard));
    return { ...script, hazards: HAZARD_NAMES.filter((name) => found.has(name)), hazard_details: details, statements: uses.filter(({ form }) => form !== 'no-table').map(statementOf) };
  });
}

function statementOf({ form, touched }: ReadUse): ScriptStatement {
  return {
    form, sql: touched.effect.sql, locks: Object.fromEntries([...touched.locks].map(([name, mode]) => [displayName(name), mode])),
    rewrites: touched.files.map(displayName), scans: touched.scans.map(displayName), transactional: touched.effect.outside !== true,
  };
}

/** Each hazard of a form, by the relations that it is about. What was made by these scripts has no rows that could hurt. */
function detailsOf({ form, relations, touched }: ReadUse, sofar: SchemaSoFar): HazardDetail[] {
  const about = (hazard: HazardName): readonly TableName[] => {
    if (hazard === 'table_rewrite') return touched.files;
    if (hazard === 'refuses_rows' || hazard === 'index_rebuild' || hazard === 'blocks_readers' || hazard === 'blocks_writers') return touched.scans;
    if (hazard === 'view_rebuilt') return relations.view ?? [];
    return touched.effect.partitions ? [...touched.locks.keys()].filter((name) => !relations.referenced?.includes(name) && !relations.parent?.includes(name)) : (relations.table ?? []);
  };
  return hazardsOf(effectOf(form)).flatMap((hazard): HazardDetail[] => {
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
