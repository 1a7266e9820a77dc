import type { Command } from 'commander';
import type { TableHistory } from '../../app/application.ts';
import { examples, refuseOptionsOfParent } from '../command.ts';
import type { Frame } from '../frame.ts';
import { count, mark, table, type Style } from '../style.ts';
import { filled, timeSpan, wholeNumber } from '../values.ts';

interface HistoryFlags {
  readonly table?: string;
  readonly since?: number;
  readonly limit: number;
}

export function addValidateHistory(validate: Command, frame: Frame): void {
  const history = validate
    .command('history')
    .description('Show the runs that `validate watch` has recorded, and where the drift of each table goes.')
    .option('--table <name>', 'only this table', filled)
    .option('--since <span>', 'only runs of the last 90m, 12h, 7d, 2w (default: all that are kept)', timeSpan)
    .option('--limit <n>', 'runs of each table, the newest', wholeNumber(1), 20)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        refuseOptionsOfParent(command);
        const { table: name, since, limit } = command.opts<HistoryFlags>();
        const result = await application.validateHistory({
          ...(name === undefined ? {} : { table: name }), ...(since === undefined ? {} : { sinceSeconds: since }), limit,
        });
        return { json: result, text: (style) => historyText(result.tables, style) };
      }),
    );
  examples(history, 'banyan validate history', 'banyan validate history --table public.users --since 7d --json');
}

function historyText(tables: readonly TableHistory[], style: Style): string {
  if (tables.length === 0) return 'No run is recorded. `banyan validate watch` records its runs.\n';
  return table({
    head: ['', 'table', 'service', 'level', 'runs', 'score', 'trend', 'drift, oldest run first'],
    rows: tables.map(({ table: name, service, level, consistent, score, trend, runs }) => [
      mark(consistent, style), name, service, level, count(runs.length), scoreText(score), trendText(trend), bars(runs.map((run) => 1 - run.score).reverse()),
    ]),
    right: [4, 5],
    style,
  });
}

const scoreText = (score: number): string => (score === 1 ? '100 %' : `${(Math.floor(score * 10_000 + 1e-6) / 100).toFixed(2)} %`);

function trendText({ direction, percentPerDay }: TableHistory['trend']): string {
  if (direction === 'unknown') return 'unknown: too few runs';
  return direction === 'steady' ? 'steady' : `${direction} by ${Number(Math.abs(percentPerDay).toPrecision(2))} points a day`;
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** The highest is a full bar; none at all is the lowest. */
function bars(values: readonly number[]): string {
  const highest = Math.max(...values);
  return values.map((value) => BARS[highest === 0 ? 0 : Math.round((value / highest) * (BARS.length - 1))]).join('');
}
