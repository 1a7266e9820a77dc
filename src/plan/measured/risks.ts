import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../model/names.ts';
import type { Table } from '../../model/schema.ts';
import type { Survey, SurveyedTable } from '../../model/survey.ts';
import type { Risk } from '../plan-document.ts';
import type { MeasuredEstimate } from './document.ts';
import { foreignKeyCycles } from './foreign-key-cycles.ts';
import { bytesText, estimateText, plain, secondsText } from './range.ts';
import { ruleOf, sensitiveColumns, type Rule } from './sensitive-columns.ts';

export type FoundRisk = Omit<Risk, 'severity'>;

export interface SurveyedRisksOptions {
  readonly survey: Survey;
  readonly measured: MeasuredEstimate;
  /** As the specification writes them. */
  readonly compliance: readonly string[];
}

const HUGE_BYTES = 100 * 1024 ** 3;
const HUGE_ROWS = 100_000_000;
/** Each row rewritten so often since the statistics were reset. */
const HOT_TIMES = 10;
/** Fewer updates say nothing of how a table is used. */
const HOT_UPDATES = 1000;
/** Of updates that touched no index. */
const LOW_HOT_SHARE = 0.5;

const DBA = 'database administrator';

/** What stands in the way, as it is on the server: each with what to run. Pure. */
export function surveyedRisks({ survey, measured, compliance }: SurveyedRisksOptions): FoundRisk[] {
  const surveyed = new Map(survey.tables.map((table) => [table.name, table]));
  const tables = survey.schema.tables.filter(({ name }) => surveyed.has(name));
  return [
    ...tables.flatMap((table) => ofTable(table, survey)),
    ...survey.tables.flatMap(ofUse),
    ...triggers(survey), ...cycles(survey, surveyed), ...ofServer(survey), ...acrossTheCut(survey, surveyed), ...ofFigures(survey, measured), ...sensitive(tables, compliance),
  ];
}

function technical(risk: Omit<FoundRisk, 'category' | 'owner'> & { readonly owner?: string }): FoundRisk {
  const { description, probability, impact, mitigation, owner = DBA } = risk;
  return { category: 'technical', description, probability, impact, mitigation, owner };
}

function ofTable(table: Table, { schema }: Survey): FoundRisk[] {
  const of = quoteTable(table.name);
  const risks: FoundRisk[] = [];
  const parts = [table, ...schema.tables.filter((each) => each.partitionOf?.parent === table.name)];
  if (!table.primaryKey) {
    const unique = table.uniques.find(({ columns, deferrable }) => !deferrable && columns.every((name) => table.columns.find((column) => column.name === name)?.nullable === false));
    const identified = table.replicaIdentity === 'full' || table.replicaIdentity === 'index';
    risks.push(technical({
      description: `${table.name} has no primary key: its rows can not be told apart, when they are changed on both sides or compared`, probability: 'high', impact: identified ? 'medium' : 'high',
      mitigation: unique ? `ALTER TABLE ${of} ADD PRIMARY KEY USING INDEX ${quoteIdentifier(unique.name)}, where no constraint owns it; else ALTER TABLE ${of} REPLICA IDENTITY USING INDEX ${quoteIdentifier(unique.name)};`
        : `ALTER TABLE ${of} ADD COLUMN banyan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY; (it rewrites the table) or, one way only, ALTER TABLE ${of} REPLICA IDENTITY FULL;`,
    }));
  }
  if (table.replicaIdentity === 'nothing' || (table.replicaIdentity === 'default' && !table.primaryKey)) {
    risks.push(technical({
      description: `${table.name} has no replica identity: the log does not say which row was updated or deleted, and the server refuses such writes once it is published`, probability: 'high', impact: 'high',
      mitigation: table.primaryKey ? `ALTER TABLE ${of} REPLICA IDENTITY DEFAULT;` : `ALTER TABLE ${of} REPLICA IDENTITY FULL;`,
    }));
  }
  for (const part of parts) {
    if (part.unlogged) risks.push(technical({ description: `${part.name} is unlogged: what is written to it is in no log, and can not be followed`, probability: 'high', impact: 'critical', mitigation: `ALTER TABLE ${quoteTable(part.name)} SET LOGGED; (it writes the whole table to the log)` }));
  }
  if (table.rowSecurity) risks.push(technical({ description: `${table.name} has row level security: a copy sees only the rows that its role may see`, probability: 'medium', impact: 'critical', mitigation: `Copy as a role that sees every row: ALTER ROLE banyan BYPASSRLS; then banyan doctor` }));
  return risks;
}

/** What can be told from a table's size, its columns and how it is used. */
function ofUse(table: SurveyedTable): FoundRisk[] {
  const { name, rows, totalBytes, updated, hotUpdated, live, oddTypes, rules, inherits } = table;
  const risks: FoundRisk[] = [];
  const of = quoteTable(name);
  if (totalBytes >= HUGE_BYTES || rows >= HUGE_ROWS) {
    risks.push(technical({ description: `${name} is huge: ${plain(rows)} rows, ${bytesText(totalBytes)}; a statement that rewrites it holds its lock for long`, probability: 'medium', impact: 'high', mitigation: 'Only statements without a rewrite (banyan check names them); the copy goes on where it was stopped: banyan sync run' }));
  }
  if (oddTypes.length > 0) {
    risks.push(technical({ description: `${name} has types without an equal on another server: ${oddTypes.join(', ')}`, probability: 'high', impact: 'high', mitigation: `ALTER TABLE ${of} ALTER COLUMN ${quoteIdentifier(columnOf(oddTypes[0] ?? ''))} TYPE text; or a numeric or built-in type of the same meaning` }));
  }
  if (rules.length > 0) risks.push(technical({ description: `${name} has rules (${rules.join(', ')}), which rewrite what is replayed`, probability: 'high', impact: 'high', mitigation: rules.map((rule) => `DROP RULE ${quoteIdentifier(rule)} ON ${of};`).join(' ') }));
  if (inherits) risks.push(technical({ description: `${name} is a parent or a child by inheritance: its rows show up in both`, probability: 'high', impact: 'high', mitigation: `Make it a partition of its parent: CREATE TABLE … PARTITION BY, then ALTER TABLE … ATTACH PARTITION ${of} …;` }));
  if (updated >= HOT_UPDATES && updated >= HOT_TIMES * Math.max(live, 1)) {
    risks.push(technical({ description: `${name} has hot rows: ${plain(updated)} updates of ${plain(live)} rows since the statistics were reset; both sides writing one row is a conflict`, probability: 'high', impact: 'medium', mitigation: `Write it on one side only (services.….tables in banyan.yaml), or name a strategy: sync.conflicts.tables.${name}` , owner: 'service developer' }));
  }
  if (updated >= HOT_UPDATES && hotUpdated < LOW_HOT_SHARE * updated) {
    risks.push(technical({ description: `${name}: ${plain((100 * hotUpdated) / updated)} % of ${plain(updated)} updates left the indexes alone (HOT); a column more that is written makes each dearer`, probability: 'medium', impact: 'medium', mitigation: `ALTER TABLE ${of} SET (fillfactor = 80); and drop indexes that nobody uses` }));
  }
  return risks;
}

const columnOf = (columnAndType: string): string => columnAndType.split(' ')[0] ?? '';

function triggers({ sideEffects }: Survey): FoundRisk[] {
  return sideEffects.map(({ table, trigger, writes, reaches, understood }) => {
    const does = [...(writes.length > 0 ? [`writes ${writes.join(', ')}`] : []), ...reaches, ...(understood ? [] : ['has a part that can not be read'])];
    const known = writes.length > 0 || reaches.length > 0;
    return technical({
      description: `${table}: trigger ${trigger} has side effects: it ${does.join(', and ')}; on both sides it would happen twice, or on the wrong one`, probability: known ? 'high' : 'low', impact: reaches.length > 0 ? 'high' : 'medium',
      mitigation: `Leave it on the monolith until everybody has moved (banyan provision does), then ALTER TABLE ${quoteTable(table)} DISABLE TRIGGER ${quoteIdentifier(trigger)};`, owner: 'service developer',
    });
  });
}

function cycles({ schema }: Survey, moved: ReadonlyMap<TableName, SurveyedTable>): FoundRisk[] {
  return foreignKeyCycles(schema.tables).filter((ring) => ring.some((name) => moved.has(name))).map((ring) => {
    const key = schema.tables.find(({ name }) => name === ring[0])?.foreignKeys.find(({ references }) => references !== ring[0] && ring.includes(references));
    return technical({
      description: `${ring.join(' → ')} → ${ring[0]} refer to each other in a ring: no order of tables satisfies every foreign key`, probability: 'medium', impact: 'medium',
      mitigation: `Copy them together (Banyan adds foreign keys after the rows); for loads of your own ALTER TABLE ${quoteTable(ring[0] ?? moved.keys().next().value ?? ('' as TableName))} ALTER CONSTRAINT ${quoteIdentifier(key?.name ?? '')} DEFERRABLE INITIALLY DEFERRED;`,
    });
  });
}

function ofServer({ walLevel, transactions, prepared, extensions }: Survey): FoundRisk[] {
  const risks: FoundRisk[] = [];
  if (walLevel !== 'logical') risks.push(technical({ description: `wal_level is ${walLevel}: changes can not be read from the log`, probability: 'high', impact: 'high', mitigation: `ALTER SYSTEM SET wal_level = 'logical'; and a restart, or sync.capture: trigger` }));
  for (const { pid, application, state, seconds } of transactions) {
    risks.push(technical({ description: `A long transaction of ${application === '' ? 'an unnamed application' : application} (process ${pid}, ${state}) has been open for ${secondsText(seconds)}: a new slot and every ALTER TABLE wait for its end`, probability: 'high', impact: 'medium', mitigation: `Find out whose it is and end it: SELECT pg_terminate_backend(${pid}); then idle_in_transaction_session_timeout` }));
  }
  for (const { id, seconds } of prepared) {
    risks.push(technical({ description: `Prepared transaction ${id} has been open for ${secondsText(seconds)}: a new slot waits for it, and it survives a restart`, probability: 'high', impact: 'high', mitigation: `COMMIT PREPARED ${quoteLiteral(id)}; or ROLLBACK PREPARED ${quoteLiteral(id)};, as its transaction manager says` }));
  }
  if (extensions.length > 0) {
    risks.push(technical({ description: `Extensions are installed that the target needs too: ${extensions.map(({ name, version }) => `${name} ${version}`).join(', ')}`, probability: 'medium', impact: 'medium', mitigation: extensions.map(({ name }) => `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)};`).join(' ') }));
  }
  return risks;
}

/** What holds moved and unmoved tables together. */
function acrossTheCut({ schema, sideEffects, cut }: Survey, moved: ReadonlyMap<TableName, SurveyedTable>): FoundRisk[] {
  if (!cut) return [];
  const kept = (name: TableName): boolean => !moved.has(name);
  const keys = schema.tables.filter(({ kind }) => kind !== 'partition').flatMap((table) => table.foreignKeys.filter(({ references }) => kept(table.name) !== kept(references)).map((key) => ({ table, key })));
  const views = schema.views.filter(({ reads }) => reads.some(kept) && reads.some((name) => !kept(name)));
  const owner = 'service developer';
  return [
    ...keys.map(({ table, key }) => technical({ description: `Dependency across the cut: ${table.name} refers to ${key.references} (${key.name}), which is then in another database`, probability: 'high', impact: 'medium', mitigation: `Check it between both sides (validate.rules), then ALTER TABLE ${quoteTable(table.name)} DROP CONSTRAINT ${quoteIdentifier(key.name)};`, owner })),
    ...views.map(({ name, reads }) => technical({ description: `Dependency across the cut: view ${name} joins ${reads.filter((each) => !kept(each)).join(', ')} with ${reads.filter(kept).join(', ')}`, probability: 'high', impact: 'medium', mitigation: `Join in the code, or keep what it needs in sync; then DROP VIEW ${quoteTable(name)};`, owner })),
    ...sideEffects.filter(({ writes }) => writes.some(kept)).map(({ table, trigger, writes }) => technical({ description: `Dependency across the cut: trigger ${trigger} of ${table} writes ${writes.filter(kept).join(', ')}, which stays`, probability: 'high', impact: 'high', mitigation: 'Let the service tell of it by an event or a call, and write it there', owner })),
  ];
}

function ofFigures({ slotLimitBytes: limit }: Survey, { totals: { convergence, write_rate: writes, apply_rate: apply, slot_wal: slot } }: MeasuredEstimate): FoundRisk[] {
  const risks: FoundRisk[] = [];
  if (convergence === 'does not converge' || convergence === 'may not converge') {
    risks.push(technical({ description: `Catching up ${convergence.replace('converge', 'end')}: ${writes ? estimateText(writes) : ''} are written, ${estimateText(apply)} applied`, probability: convergence === 'does not converge' ? 'high' : 'medium', impact: 'high', mitigation: 'Move fewer tables at once, copy in the quiet hours, raise sync.apply.workers', owner: 'platform engineer' }));
  }
  if (slot && limit === null) {
    const most = Math.max(1, Math.ceil((2 * (slot.high ?? slot.likely * 10)) / 1024 ** 3));
    risks.push(technical({ description: 'max_slot_wal_keep_size has no bound: a slot that nobody reads fills the disk', probability: 'low', impact: 'critical', mitigation: `ALTER SYSTEM SET max_slot_wal_keep_size = '${most}GB'; (twice what the slot may hold back, if the disk has it), and an alert on banyan sync status` }));
  }
  if (slot && limit !== null && (slot.high ?? Number.POSITIVE_INFINITY) > limit) {
    risks.push(technical({ description: `The slot may hold back more log (${estimateText(slot)}) than max_slot_wal_keep_size (${bytesText(limit)}) allows, and would be lost`, probability: slot.likely > limit ? 'high' : 'low', impact: 'high', mitigation: `ALTER SYSTEM SET max_slot_wal_keep_size = '${Math.ceil((slot.high ?? slot.likely * 10) / 1024 ** 3) + 1}GB'; if the disk has it` }));
  }
  return risks;
}

const ABOUT: Readonly<Record<Rule, string>> = { GDPR: 'personal data', HIPAA: 'health data', PCI: 'card data' };

/** Told with and without a requirement: what is not asked for is the likelier surprise. */
function sensitive(tables: readonly Table[], compliance: readonly string[]): FoundRisk[] {
  const asked = new Set(compliance.map(ruleOf));
  return (['GDPR', 'HIPAA', 'PCI'] as const).flatMap((rule): FoundRisk[] => {
    const columns = sensitiveColumns(tables, rule);
    if (columns.length === 0) return [];
    return [{
      category: 'compliance', description: `Columns look like ${ABOUT[rule]} (${rule === 'PCI' ? 'PCI DSS' : rule}${asked.has(rule) ? '' : ', which the specification does not name'}): ${columns.join(', ')}`,
      probability: asked.has(rule) ? 'low' : 'medium', impact: rule === 'GDPR' ? 'high' : 'critical',
      mitigation: `Say of each why it moves; sslmode=verify-full in both URLs; keep what need not move out of services.….tables[].columns`, owner: 'security engineer',
    }];
  });
}
