import { Option, type Command } from 'commander';
import type { ReviewApproveResult, ReviewCaseResult, ReviewListOptions, ReviewListResult } from '../../app/reconcile-types.ts';
import { examples, usageError } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { pairOptions, withPairOptions, type PairFlags } from '../pair-options.ts';
import { count, plural, printable, rowText, table, type Style } from '../style.ts';
import { decimalNumber, filled, wholeNumber } from '../values.ts';

interface ListFlags extends PairFlags {
  readonly table?: string;
  readonly type?: ReviewCaseResult['type'];
  readonly severity?: ReviewCaseResult['severity'];
  readonly state?: NonNullable<ReviewListOptions['caseState']>;
  readonly olderThan?: number;
  readonly limit: number;
}

interface DecideFlags extends PairFlags {
  readonly side?: 'monolith' | 'service';
  readonly row?: string;
  readonly by?: string;
  readonly reason?: string;
}

export function addReview(program: Command, frame: Frame): void {
  const review = listing(program.command('review').description('Decide about differences that no policy may decide; without a command, the list of them.'), frame);
  const list = listing(review.command('list').description('What waits for a decision, by type, severity and age.'), frame);
  examples(list, 'banyan review list', 'banyan review list --severity critical --older-than 24');

  const show = withPairOptions(review.command('show').description('One difference: both rows side by side.').argument('<id>', 'as listed', filled)).action((id: string, _flags: unknown, command: Command) =>
    frame.run(command, async (application) => {
      const result = await application.reviewShow({ ...pairOptions(command.optsWithGlobals<PairFlags>()), id });
      return { json: result, text: (style) => caseText(result, style) };
    }),
  );
  examples(show, 'banyan review show 7');

  const approve = decision(review.command('approve').description('Let both sides hold one side\'s row, or an edited one. Rows that have changed since are left.'))
    .addOption(new Option('--side <side>', 'whose row; where it has none, the other is deleted').choices(['monolith', 'service']))
    .option('--row <json>', "columns and their values, as texts or null, by the monolith's names: '{\"name\":\"Ann\"}'; others stay as the monolith has them", filled)
    .option('-y, --yes', 'do not ask')
    .action((id: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { side, row, by, reason, ...pair } = command.optsWithGlobals<DecideFlags>();
        if ((side === undefined) === (row === undefined)) throw usageError('review approve needs either --side monolith or service, or --row with a JSON object.');
        const result = await application.reviewApprove({
          ...pairOptions(pair), id, ...(side === undefined ? {} : { side }), ...(row === undefined ? {} : { row: readRow(row) }),
          ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }),
        });
        return { json: result, text: (style) => approveText(result, style), exitCode: result.applied ? EXIT.fine : EXIT.no };
      }),
    );
  examples(approve, 'banyan review approve 7 --side monolith', 'banyan review approve 7 --side service --by anna --reason asked --yes');

  const reject = decision(review.command('reject').description('Leave both rows as they are. Found again with the same rows, the difference stays rejected.')).action((id: string, _flags: unknown, command: Command) =>
    frame.run(command, async (application) => {
      const { by, reason, ...pair } = command.optsWithGlobals<DecideFlags>();
      const result = await application.reviewReject({ ...pairOptions(pair), id, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) });
      return { json: result, text: () => `Difference ${result.id} is rejected; both rows stay as they are.\n` };
    }),
  );
  examples(reject, 'banyan review reject 7 --reason intended');
  examples(review, 'banyan review list', 'banyan review approve 7 --side monolith');
}

/** Gives a command the list and its filters. */
function listing(command: Command, frame: Frame): Command {
  return withPairOptions(command)
    .option('--table <name>', 'only of this table', filled)
    .addOption(new Option('--type <type>', 'only of this type').choices(['missing', 'extra', 'different']))
    .addOption(new Option('--severity <severity>', 'only of this severity').choices(['critical', 'high', 'medium']))
    .addOption(new Option('--state <state>', 'default: open').choices(['open', 'approved', 'rejected', 'vanished', 'superseded', 'all']))
    .option('--older-than <hours>', 'only what was found at least so long ago', decimalNumber(0))
    .option('--limit <n>', 'at most so many; all are counted', wholeNumber(1), 100)
    .action((_flags: unknown, called: Command) =>
      frame.run(called, async (application) => {
        const { table: name, type, severity, state, olderThan, limit, ...pair } = called.optsWithGlobals<ListFlags>();
        const result = await application.reviewList({
          ...pairOptions(pair), limit,
          ...(name === undefined ? {} : { table: name }), ...(type === undefined ? {} : { type }), ...(severity === undefined ? {} : { severity }),
          ...(state === undefined ? {} : { caseState: state }), ...(olderThan === undefined ? {} : { olderThanSeconds: olderThan * 3600 }),
        });
        return { json: result, text: (style) => listText(result, style) };
      }),
    );
}

function decision(command: Command): Command {
  return withPairOptions(command.argument('<id>', 'as listed', filled)).option('--by <name>', 'who decides (default: you)', filled).option('--reason <text>', 'why; kept in the record', filled);
}

/** A number in JSON has lost digits before anybody can look at it. */
function readRow(json: string): Readonly<Record<string, string | null>> {
  const wrong = (found: string) => usageError(`--row: found ${found}; expected a JSON object of texts and nulls: '{"name":"Ann","balance":"12.30"}'.`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw wrong('what is no JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong('no object');
  const row: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value !== 'string' && value !== null) throw wrong(`${name} with a ${typeof value}`);
    row[name] = value;
  }
  return row;
}

function listText({ cases, counts }: ReviewListResult, style: Style): string {
  if (counts.length === 0) return 'Nothing waits.\n';
  const listed = table({
    head: ['id', 'table', 'key', 'type', 'severity', 'state', 'found', 'why'],
    rows: cases.map(({ id, table: name, key, type, severity, state, foundAt, why }) => [id, name, rowText(key), type, severity, state, foundAt, printable(why)]),
    right: [], style,
  });
  const ages = { hour: 'in the last hour', day: 'in the last day', week: 'in the last week', older: 'earlier' } as const;
  const summary = counts.map(({ type, severity, age, cases: found }) => `${count(found)} ${type} (${severity}), found ${ages[age]}\n`).join('');
  return `${listed}\n${summary}`;
}

function caseText(found: ReviewCaseResult, style: Style): string {
  const { id, table: name, type, severity, state, why, monolith, service, columns, decidedBy, decidedAt, decision: decided, reason } = found;
  const copies = Math.max(monolith.length, service.length);
  const names = [...new Set([...monolith, ...service].slice(0, 2).concat(service.slice(0, 1)).flatMap((row) => Object.keys(row)))];
  const value = (row: Readonly<Record<string, string | null>> | undefined, column: string): string => {
    const cell = row?.[column];
    return row === undefined ? '' : cell === null ? 'null' : cell === undefined ? '' : printable(cell);
  };
  const rows = table({
    head: ['', 'column', `monolith${monolith.length === 0 ? ' (no row)' : ''}`, `service${service.length === 0 ? ' (no row)' : ''}`],
    rows: names.map((column) => [columns.includes(column) ? style.red('≠') : '', printable(column), value(monolith[0], column), value(service[0], column)]),
    right: [], style,
  });
  const equal = copies > 1 ? `${plural(monolith.length, 'row')} in the monolith, ${plural(service.length, 'row')} in the service\n` : '';
  const end = decidedBy === undefined ? '' : `${state} by ${printable(decidedBy)} at ${decidedAt}${decided === undefined ? '' : `: ${printable(decided)}`}${reason === undefined ? '' : ` (${printable(reason)})`}\n`;
  return `${style.bold(`Difference ${id} in ${name}`)}: ${type}, ${severity}, ${state}; ${printable(why)}\n\n${rows}${equal}${end}`;
}

function approveText({ id, applied, run, reason }: ReviewApproveResult, style: Style): string {
  if (applied) return `Difference ${id} is repaired; run ${run} keeps what was overwritten.\n`;
  return style.red(`Difference ${id} still waits: ${printable(reason ?? 'nothing was done')}.\n`);
}
