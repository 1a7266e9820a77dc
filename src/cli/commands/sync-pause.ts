import type { Command } from 'commander';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { filled } from '../values.ts';

export function addSyncPause(sync: Command, frame: Frame): void {
  const pause = sync
    .command('pause')
    .description('Stop following a service, on every worker, until it is resumed. Returns when nothing is written any more. Both sides keep their log meanwhile.')
    .argument('<service>', 'its name', filled)
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.syncPause({ service });
        const already = result.changed ? '' : ' already';
        return {
          json: result,
          text: (style) =>
            result.paused
              ? `${service} is paused${already}. Both databases keep their log until \`banyan sync resume ${service}\`.\n`
              : style.red(`${service} was resumed by somebody meanwhile.\n`),
          exitCode: result.paused ? EXIT.fine : EXIT.no,
        };
      }),
    );
  examples(pause, 'banyan sync pause accounts');
}

export function addSyncResume(sync: Command, frame: Frame): void {
  const resume = sync
    .command('resume')
    .description('Let the workers follow a paused service again, from where it was paused.')
    .argument('<service>', 'its name', filled)
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.syncResume({ service });
        return { json: result, text: () => (result.changed ? `${service} is resumed.\n` : `${service} was not paused.\n`) };
      }),
    );
  examples(resume, 'banyan sync resume accounts');
}
