import { Option, type Command } from 'commander';
import type { ReconcileListResult, ReconcileResult, ReconcileRunResult, ReconcileShowResult, ReconcileUndoResult } from '../../app/reconcile-types.ts';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { pairOptions, withPairOptions, type PairFlags } from '../pair-options.ts';
import { count, duration, mark, plural, printable, rowText, table, type Style } from '../style.ts';
import { filled, nameList, wholeNumber } from '../values.ts';

interface Flags extends PairFlags {
  readonly tables?: readonly string[];
  readonly policy?: 'monolith-wins' | 'service-wins' | 'newest-wins' | 'conflict-strategy' | 'review';
  readonly allowDeletes?: readonly string[];
  readonly dryRun?: boolean;
}

interface RecordFlags extends PairFlags {
  readonly limit: number;
  readonly after?: number;
  readonly by?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export function addReconcile(program: Command, frame: Frame): void {
  const reconcile = withPairOptions(
    program.command('reconcile').description('Repair the rows that differ, each by its table\'s policy. What no policy decides waits for `review`; every overwritten row is kept. Exit code 1: differences remain.'),
  )
    .option('--tables <names>', 'only these, separated by commas (default: all)', nameList)
    .addOption(new Option('--policy <policy>', 'which row counts, in every table (default: as configured, else review)').choices(['monolith-wins', 'service-wins', 'newest-wins', 'conflict-strategy', 'review']))
    .option('--allow-deletes <names>', 'tables of which rows may be deleted, beside those configured', nameList)
    .option('--dry-run', 'say what would be repaired, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { tables, policy, allowDeletes, dryRun = false, ...pair } = command.optsWithGlobals<Flags>();
        const result = await application.reconcile({
          ...pairOptions(pair), dryRun,
          ...(tables === undefined ? {} : { tables }), ...(policy === undefined ? {} : { policy }), ...(allowDeletes === undefined ? {} : { allowDeletes }),
        });
        return { json: result, text: (style) => reconcileText(result, style), exitCode: result.consistent ? EXIT.fine : EXIT.no };
      }),
    );
  examples(reconcile, 'banyan reconcile --dry-run', 'banyan reconcile --tables public.users --policy monolith-wins', 'banyan reconcile undo 12');

  const list = withPairOptions(reconcile.command('list').description('The runs so far, newest first.'))
    .option('--limit <n>', 'at most so many', wholeNumber(1), 20)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { limit, ...pair } = command.optsWithGlobals<RecordFlags>();
        const result = await application.reconcileList({ ...pairOptions(pair), limit });
        return { json: result, text: (style) => listText(result, style) };
      }),
    );
  examples(list, 'banyan reconcile list');

  const show = withPairOptions(reconcile.command('show').description('One run: each row that it wrote, before and after.').argument('<run>', 'as listed', filled))
    .option('--limit <n>', 'at most so many rows', wholeNumber(1), 100)
    .option('--after <n>', 'only those behind this one, as the end of a list says', wholeNumber(0))
    .action((run: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { limit, after, ...pair } = command.optsWithGlobals<RecordFlags>();
        const result = await application.reconcileShow({ ...pairOptions(pair), run, limit, ...(after === undefined ? {} : { after: String(after) }) });
        return { json: result, text: (style) => showText(result, style) };
      }),
    );
  examples(show, 'banyan reconcile show 12', 'banyan reconcile show 12 --after 100 --json');

  const undo = withPairOptions(reconcile.command('undo').description('Give the rows that a run has written what they held before, but for those that somebody has written since.').argument('<run>', 'as listed', filled))
    .option('--by <name>', 'who asks for it (default: you)', filled)
    .option('--reason <text>', 'why; kept in the record', filled)
    .option('--dry-run', 'say how many rows, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action((run: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { by, reason, dryRun = false, ...pair } = command.optsWithGlobals<RecordFlags>();
        const result = await application.reconcileUndo({ ...pairOptions(pair), run, dryRun, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) });
        return { json: result, text: (style) => undoText(result, style), exitCode: result.left + result.refused === 0 && (dryRun || result.run !== undefined) ? EXIT.fine : EXIT.no };
      }),
    );
  examples(undo, 'banyan reconcile undo 12 --dry-run', 'banyan reconcile undo 12 --reason mistaken --yes');
}

const ROW_MARKS = { insert: '+', update: '~', delete: '-' } as const;

function reconcileText(result: ReconcileResult, style: Style): string {
  const { dryRun, tables, repairs = [], cases = [], runs } = result;
  if (tables.length === 0 && !dryRun) return 'Nothing was done.\n';
  const overview = table({
    head: ['', 'table', 'policy', 'found', dryRun ? 'to insert' : 'inserted', dryRun ? 'to update' : 'updated', dryRun ? 'to delete' : 'deleted', dryRun ? 'to review' : 'queued', 'left'],
    rows: tables.map(({ table: name, policy, missing, extra, different, inserted, updated, deleted, queued, rejected, left, unsettled }) => [
      mark(queued + rejected + left + unsettled === 0 && (!dryRun || missing + extra + different === 0), style), name, policy,
      count(missing + extra + different), count(inserted), count(updated), count(deleted), count(queued + rejected), count(left + unsettled),
    ]),
    right: [3, 4, 5, 6, 7, 8],
    style,
  });
  const would = repairs.slice(0, MOST_SHOWN).map(({ table: name, side, kind, key }) => `  ${ROW_MARKS[kind]} ${name} ${rowText(key)} in the ${side}\n`);
  const waiting = cases.slice(0, MOST_SHOWN).map(({ table: name, type, key, why }) => `  ? ${name} ${rowText(key)}, ${type}: ${printable(why)}\n`);
  const end = dryRun ? (result.consistent ? 'Nothing differs.' : 'Nothing was written.') : `Runs: ${runs.map(({ run, scope }) => `${run} of ${printable(scope)}`).join(', ')}. ${result.consistent ? 'Both sides are equal.' : 'Differences remain; `banyan review list` shows what waits for a decision.'}`;
  return `${overview}${[...would, ...waiting].length > 0 ? `\n${[...would, ...waiting].join('')}` : ''}\n${result.consistent ? style.green(end) : style.red(end)} (${duration(result.seconds)})\n`;
}

/** Repairs and cases shown; the JSON document has more. */
const MOST_SHOWN = 20;

function listText({ runs }: ReconcileListResult, style: Style): string {
  if (runs.length === 0) return 'No run yet.\n';
  return table({
    head: ['run', 'of', 'what', 'by', 'started', 'state', 'rows'],
    rows: runs.map((run) => [run.id, printable(run.scope), kindText(run), printable(run.by), run.startedAt, run.state, countsText(run)]),
    right: [], style,
  });
}

const kindText = ({ kind, of }: ReconcileRunResult): string => (of === undefined ? kind : `${kind} of ${of}`);

const countsText = ({ counts }: ReconcileRunResult): string => Object.entries(counts).map(([state, rows]) => `${count(rows)} ${state}`).join(', ') || 'none';

function showText({ run, repairs, next }: ReconcileShowResult, style: Style): string {
  const lines = repairs.map(({ table: name, side, kind, state, reason, before, after }) => {
    const rows = [...before.map((row) => `    before ${rowText(row)}\n`), ...after.map((row) => `    after  ${rowText(row)}\n`)].join('');
    return `${ROW_MARKS[kind]} ${name} in the ${side}: ${state}${reason === undefined ? '' : ` (${printable(reason)})`}\n${rows}`;
  });
  const why = run.reason === undefined ? '' : `, ${printable(run.reason)}`;
  return `${style.bold(`Run ${run.id} of ${printable(run.scope)}`)}: ${kindText(run)} by ${printable(run.by)} at ${run.startedAt}${why}; ${run.state}; ${countsText(run)}\n\n${lines.join('')}${next === undefined ? '' : `\nThere are more: --after ${next}\n`}`;
}

function undoText({ of, run, dryRun, undone, left, refused }: ReconcileUndoResult, style: Style): string {
  if (dryRun) return `Would give ${plural(undone, 'row')} back what they held before run ${of}, but for those that were written since.\n`;
  if (run === undefined) return 'Nothing was done.\n';
  return (
    `${plural(undone, 'row')} ${undone === 1 ? 'holds again what it' : 'hold again what they'} held before run ${of}; run ${run} keeps what ${undone === 1 ? 'it' : 'they'} held meanwhile.\n` +
    (left > 0 ? style.red(`${plural(left, 'row')} ${left === 1 ? 'was written since, and stays' : 'were written since, and stay'}.\n`) : '') +
    (refused > 0 ? style.red(`${plural(refused, 'row')} ${refused === 1 ? 'was' : 'were'} refused by the database; \`banyan reconcile show ${run}\` says why.\n`) : '')
  );
}
