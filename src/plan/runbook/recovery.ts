import { parseTableName, quoteIdentifier, quoteTable } from '../../model/names.ts';
import { estimateText, type Estimate } from '../measured/range.ts';
import { tableOf, tablesOf, type DatabaseLook } from './lost-rows.ts';
import type { PlanToUndo, TableToUndo } from './plan-to-undo.ts';
import { restoreTime, sumOf, type RestoredSize, type RestoreProbe } from './restore-time.ts';
import type { DataRecoveryPlan } from './runbook-document.ts';

/** What a restore is assumed to do; slower than most disks, since indexes are built as well. */
const RESTORED_MB_PER_SECOND = 20;

/** What is known of how long restoring takes. */
export interface RestoreFacts {
  /** What a look at the database found. */
  readonly look?: DatabaseLook;
  /** Of `banyan runbook test`: dumps and restores of sample rows. */
  readonly restores?: readonly RestoreProbe[];
}

/** Restore points and dumps before each step that takes something away, how to bring it back, and how long that takes. */
export function recoveryOf(plan: PlanToUndo, rollbackMinutes: number, facts: RestoreFacts = {}): DataRecoveryPlan {
  const { migration_id: id, migration_type: type = '' } = plan;
  const folder = `backups/${fileName(id)}`;
  const tables = knownTables(plan);
  const dangers = dangersOf(plan, tables);
  const inDatabase = tables.length > 0 || type === 'database' || type === 'data';
  const timed = timesOf(dangers.flatMap((danger) => danger.tables), facts);
  const { minutes, from } = timed.all ? { minutes: Math.max(1, Math.ceil(timed.all.likely / 60)), from: `${estimateText(timed.all)}: ${timed.all.arithmetic}` } : assumed(tables, { rollbackMinutes, facts, timed });
  return {
    recovery_method: inDatabase ? 'Undo by statements first; else restore single tables from their dumps; last, the whole server to the restore point' : 'Send users back to the old side, which was never changed; restore its last backup only if it was',
    backup_location: folder,
    recovery_scripts: inDatabase ? scriptsOf({ id, folder, dangers, timed }) : ['# Nothing of a database is changed by this plan.'],
    data_validation_queries: [
      ...tables.map((table) => `SELECT count(*) FROM ${sqlName(table)};${table.row_count === undefined ? '' : ` -- ${table.row_count} when it was planned`}`),
      ...plan.phases.flatMap(({ steps = [] }) => steps.flatMap(({ validate_rollback: query }) => (query === undefined ? [] : [`${query};`]))),
    ],
    estimated_recovery_time_minutes: minutes,
    recovery_dependencies: inDatabase
      ? [`Dumps and names of restore points in ${folder}`, 'psql, pg_dump and pg_restore of the server\'s version', 'MONOLITH_URL, of an owner of the tables', 'For a restore point: a base backup and the archived log since']
      : ['The old side still runs, or its last backup is there', 'Whoever may send traffic back'],
    estimated_from: from,
    ...(timed.all ? { restore_time: timed.all } : {}),
  };
}

/** Tables that would be restored, as the plan names them. */
export function restoredTables(plan: PlanToUndo): string[] {
  return [...new Set(dangersOf(plan, knownTables(plan)).flatMap(({ tables }) => tables.map(({ name }) => name)))];
}

/** Those that only a change of the schema names have no size of their own. */
function knownTables(plan: PlanToUndo): TableToUndo[] {
  return tablesOf(plan).map((name) => plan.tables?.find((table) => table.name === name) ?? { name });
}

interface Timed {
  readonly each: ReadonlyMap<string, Estimate>;
  /** One after the other; absent: of one at least it is not known. */
  readonly all?: Estimate;
  readonly unknown: readonly string[];
}

function timesOf(tables: readonly TableToUndo[], { look, restores = [] }: RestoreFacts): Timed {
  const names = [...new Set(tables.map(({ name }) => name))];
  const each = new Map<string, Estimate>();
  for (const name of names) {
    const probe = restores.find(({ table }) => table === name);
    const size = probe && sizeOf(tables.find((table) => table.name === name), probe, look);
    if (probe && size) each.set(name, restoreTime(probe, size));
  }
  const unknown = names.filter((name) => !each.has(name));
  return { each, unknown, ...(names.length > 0 && unknown.length === 0 ? { all: sumOf([...each.values()]) } : {}) };
}

function sizeOf(planned: TableToUndo | undefined, { rounds }: RestoreProbe, look: DatabaseLook | undefined): RestoredSize | undefined {
  const found = planned && look?.tables.find(({ table }) => table === tableOf(planned.name));
  if (found) return { rows: found.rows, bytes: found.bytes, basis: found.exact ? 'measured' : 'statistics' };
  const [sample] = rounds;
  if (planned?.row_count === undefined || !sample) return undefined;
  const { row_count: rows, size_mb: megabytes } = planned;
  return { rows, bytes: megabytes === undefined ? (rows / sample.rows) * sample.bytes : megabytes * 1_000_000, basis: 'stated' };
}

function assumed(tables: readonly TableToUndo[], { rollbackMinutes, facts: { look, restores }, timed }: { readonly rollbackMinutes: number; readonly facts: RestoreFacts; readonly timed: Timed }): { readonly minutes: number; readonly from: string } {
  const sized = tables.flatMap(({ name, size_mb: planned }) => {
    const bytes = look?.tables.find(({ table }) => table === tableOf(name))?.bytes;
    const megabytes = bytes === undefined ? planned : Math.ceil(bytes / 1_000_000);
    return megabytes === undefined ? [] : [{ name, megabytes }];
  });
  const megabytes = sized.reduce((sum, table) => sum + table.megabytes, 0);
  const why = restores === undefined || timed.unknown.length === 0 ? '`banyan runbook test` measures it' : `of ${timed.unknown.join(', ')} ${timed.unknown.length === 1 ? 'it was' : 'they were'} not restored, or the size is not known`;
  return sized.length > 0
    ? { minutes: Math.max(1, Math.ceil(megabytes / RESTORED_MB_PER_SECOND / 60)), from: `NOT MEASURED (${why}): ${megabytes} MB of ${sized.map(({ name }) => name).join(', ')} at ${RESTORED_MB_PER_SECOND} MB/s, which is assumed` }
    : { minutes: Math.max(1, rollbackMinutes), from: `NOT MEASURED (${why}): the sum of all rollback phases, since it is not known of any table how large it is` };
}

/** Something before which everything is kept: a step that takes something away, or the whole plan. */
interface Danger {
  readonly before: string;
  readonly name: string;
  readonly tables: readonly TableToUndo[];
}

/** Without a step that takes something away, everything is kept once. */
function dangersOf({ phases }: PlanToUndo, tables: readonly TableToUndo[]): readonly Danger[] {
  const destructive = phases.flatMap(({ steps = [] }) => steps.filter(({ loses }) => loses !== undefined));
  return destructive.length === 0 ? [{ before: 'everything', name: 'the first phase', tables }] : destructive.map(({ step_id: step, name }) => ({ before: fileName(step), name, tables: touched(tables, name) }));
}

function scriptsOf({ id, folder, dangers, timed }: { readonly id: string; readonly folder: string; readonly dangers: readonly Danger[]; readonly timed: Timed }): string[] {
  const point = ({ before }: Danger): string => `before_${before}_${fileName(id)}`.slice(0, 63);
  const dump = ({ before }: Danger, { name }: TableToUndo): string => `${folder}/${before}-${fileName(name)}.dump`;
  return [
    ...dangers.map((danger) => [
      `# Before ${danger.before} (${danger.name}):`,
      `mkdir -p ${folder}`,
      `psql "$MONOLITH_URL" -c "SELECT pg_create_restore_point('${point(danger)}')"`,
      ...danger.tables.map((table) => `pg_dump --format=custom --table=${quoted(sqlName(table))} --file=${dump(danger, table)} "$MONOLITH_URL"`),
    ].join('\n')),
    ...dangers.map((danger) => [
      `# To bring back what ${danger.before} took; what was written to these tables since is lost:`,
      ...(danger.tables.length === 0 ? [] : [`# ${takes(danger, timed)}`]),
      ...danger.tables.map((table) => `pg_restore --clean --if-exists --single-transaction --dbname="$MONOLITH_URL" ${dump(danger, table)}`),
      `# Or the whole server, with recovery_target_name = '${point(danger)}'.`,
    ].join('\n')),
  ];
}

function takes({ tables }: Danger, { each }: Timed): string {
  const times = tables.flatMap(({ name }) => each.get(name) ?? []);
  return times.length < tables.length ? 'How long this takes is not measured.' : `This takes ${estimateText(sumOf(times))}.`;
}

/** The table that a step names, or all of them where it names none. */
function touched(tables: readonly TableToUndo[], name: string): readonly TableToUndo[] {
  const named = tables.filter((table) => name.startsWith(`${table.name}:`));
  return named.length > 0 ? named : tables;
}

function sqlName({ name }: TableToUndo): string {
  try {
    return quoteTable(parseTableName(name));
  } catch {
    // Other tools' plans name tables as people do: "order items".
    return `"public".${quoteIdentifier(name)}`;
  }
}

function fileName(text: string): string {
  return text.replaceAll(/[^\w.-]+/g, '_');
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
