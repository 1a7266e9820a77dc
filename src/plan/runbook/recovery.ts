import { parseTableName, quoteIdentifier, quoteTable } from '../../model/names.ts';
import type { PlanToUndo, StepToUndo, TableToUndo } from './plan-to-undo.ts';
import type { DataRecoveryPlan } from './runbook-document.ts';

/** What a restore is assumed to do; slower than most disks, since indexes are built as well. */
const RESTORED_MB_PER_SECOND = 20;

/** Restore points and dumps before each step that takes something away, and how to bring it back. */
export function recoveryOf(plan: PlanToUndo, rollbackMinutes: number): DataRecoveryPlan {
  const { migration_id: id, tables = [], migration_type: type = '' } = plan;
  const folder = `backups/${fileName(id)}`;
  const destructive = plan.phases.flatMap(({ steps = [] }) => steps.filter(({ loses }) => loses !== undefined));
  const inDatabase = tables.length > 0 || type === 'database' || type === 'data';
  const sized = tables.filter(({ size_mb: size }) => size !== undefined);
  const megabytes = sized.reduce((sum, { size_mb: size = 0 }) => sum + size, 0);
  const minutes = sized.length > 0 ? Math.max(1, Math.ceil(megabytes / RESTORED_MB_PER_SECOND / 60)) : Math.max(1, rollbackMinutes);
  return {
    recovery_method: inDatabase ? 'Undo by statements first; else restore single tables from their dumps; last, the whole server to the restore point' : 'Send users back to the old side, which was never changed; restore its last backup only if it was',
    backup_location: folder,
    recovery_scripts: inDatabase ? scriptsOf({ id, folder, tables, destructive }) : ['# Nothing of a database is changed by this plan.'],
    data_validation_queries: [
      ...tables.map((table) => `SELECT count(*) FROM ${sqlName(table)};${table.row_count === undefined ? '' : ` -- ${table.row_count} when it was planned`}`),
      ...plan.phases.flatMap(({ steps = [] }) => steps.flatMap(({ validate_rollback: query }) => (query === undefined ? [] : [`${query};`]))),
    ],
    estimated_recovery_time_minutes: minutes,
    recovery_dependencies: inDatabase
      ? [`Dumps and names of restore points in ${folder}`, 'psql, pg_dump and pg_restore of the server\'s version', 'MONOLITH_URL, of an owner of the tables', 'For a restore point: a base backup and the archived log since']
      : ['The old side still runs, or its last backup is there', 'Whoever may send traffic back'],
    estimated_from: sized.length > 0
      ? `${megabytes} MB of ${sized.map(({ name }) => name).join(', ')} at ${RESTORED_MB_PER_SECOND} MB/s, which is assumed and not measured`
      : 'the sum of all rollback phases: the plan says of no table how large it is',
  };
}

/** Something before which everything is kept: a step that takes something away, or the whole plan. */
interface Danger {
  readonly before: string;
  readonly name: string;
  readonly tables: readonly TableToUndo[];
}

function scriptsOf({ id, folder, tables, destructive }: { readonly id: string; readonly folder: string; readonly tables: readonly TableToUndo[]; readonly destructive: readonly StepToUndo[] }): string[] {
  const dangers: readonly Danger[] = destructive.length === 0
    ? [{ before: 'everything', name: 'the first phase', tables }]
    : destructive.map(({ step_id: step, name }) => ({ before: fileName(step), name, tables: touched(tables, name) }));
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
      ...danger.tables.map((table) => `pg_restore --clean --if-exists --single-transaction --dbname="$MONOLITH_URL" ${dump(danger, table)}`),
      `# Or the whole server, with recovery_target_name = '${point(danger)}'.`,
    ].join('\n')),
  ];
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
