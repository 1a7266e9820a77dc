import { Option, type Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { filled } from '../values.ts';

export function addCheck(program: Command, frame: Frame): void {
  const check = program
    .command('check')
    .description('Tell whether a change of a schema or an API breaks anybody. Not available yet.')
    .requiredOption('--before <file or url>', 'the old one: a file, or a database URL', filled)
    .requiredOption('--after <file or url>', 'the new one', filled)
    .addOption(new Option('--type <type>', 'what they are').choices(['database', 'api', 'graphql']).makeOptionMandatory())
    .option('-o, --output <file>', 'where to write the report', filled)
    .addOption(
      new Option('-f, --format <format>', 'how to print it').choices(['json', 'text', 'both', 'markdown', 'sarif', 'junit', 'github']).default('text'),
    )
    .action(() => frame.notAvailable('check'));
  examples(check, 'banyan check --before old.sql --after new.sql --type database');
}
