import { Argument, type Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { filled } from '../values.ts';

export function addRehearse(program: Command, frame: Frame): void {
  const rehearse = program
    .command('rehearse')
    .description('Do the whole migration of a service in an isolated copy first. Not available yet.')
    .addArgument(new Argument('<service>', 'a service of the configuration').argParser(filled))
    .action(() => frame.notAvailable('rehearse'));
  examples(rehearse, 'banyan rehearse accounts');
}
