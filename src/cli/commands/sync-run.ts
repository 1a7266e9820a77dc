import type { Command } from 'commander';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { nameList } from '../values.ts';
import { streamsText } from './sync-status.ts';

interface SyncRunFlags {
  readonly provision: boolean;
  readonly untilCaughtUp?: boolean;
  readonly services?: readonly string[];
}

export function addSyncRun(sync: Command, frame: Frame): void {
  const run = sync
    .command('run')
    .description("Copy what is missing, then follow both sides' changes until stopped. Continues where it was killed.")
    .option('--no-provision', "do not create what the service's database lacks")
    .option('--until-caught-up', 'return when both directions have passed the positions read at start')
    .option('--services <names>', 'only these services, separated by commas (default: all)', nameList)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { provision, untilCaughtUp = false, services } = command.opts<SyncRunFlags>();
        const result = await application.syncRun({ provision, untilCaughtUp, ...(services === undefined ? {} : { services }) });
        const early = untilCaughtUp && result.stopped !== 'caught-up';
        return {
          json: result,
          text: (style) => `${streamsText(result, style)}${result.stopped === 'caught-up' ? 'Caught up.' : 'Stopped on request.'}\n`,
          exitCode: early ? EXIT.no : EXIT.fine,
        };
      }),
    );
  examples(run, 'banyan sync run', 'banyan sync run --until-caught-up --services accounts');
}
