import { Argument, type Command } from 'commander';
import type { RouteHistoryResult } from '../../app/route-types.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural, table, type Style } from '../style.ts';
import { filled, wholeNumber } from '../values.ts';

export function addHistory(route: Command, frame: Frame): void {
  const history = route
    .command('history')
    .description("Who decided what about a service's route, when and why; newest first.")
    .addArgument(new Argument('<service>', 'a service of the configuration').argParser(filled))
    .option('--limit <n>', 'at most so many versions', wholeNumber(1), 20)
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.routeHistory({ service, limit: command.opts<{ readonly limit: number }>().limit });
        return { json: result, text: (style) => historyText(result, style) };
      }),
    );
  examples(history, 'banyan route history accounts', 'banyan route rollback accounts --to-version 7');
}

function historyText({ service, versions }: RouteHistoryResult, style: Style): string {
  if (versions.length === 0) return `Nothing was decided about ${service} yet.\n`;
  const rows = versions.map(({ version, percent, by, why, at }) => [String(version), `${percent} %`, by, at, why]);
  return `${table({ head: ['version', 'served by it', 'by', 'at', 'why'], rows, right: [0, 1], style })}${plural(versions.length, 'version')}.\n`;
}
