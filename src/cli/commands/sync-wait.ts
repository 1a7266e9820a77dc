import type { Command } from 'commander';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { duration } from '../style.ts';
import { decimalNumber } from '../values.ts';

export function addSyncWait(sync: Command, frame: Frame): void {
  const wait = sync
    .command('wait')
    .description('Return when a running engine has applied everything that was committed before the call.')
    .option('--timeout <seconds>', 'wait at most this long (default: as long as it takes)', decimalNumber(0))
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { timeout } = command.opts<{ timeout?: number }>();
        const result = await application.syncWait(timeout === undefined ? {} : { timeoutSeconds: timeout });
        const time = duration(result.seconds);
        return {
          json: result,
          text: (style) => (result.caughtUp ? style.green(`Caught up after ${time}.`) : style.red(`Not caught up after ${time}.`)) + '\n',
          exitCode: result.caughtUp ? EXIT.fine : EXIT.no,
        };
      }),
    );
  examples(wait, 'banyan sync wait --timeout 30');
}
