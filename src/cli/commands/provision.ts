import { Argument, type Command } from 'commander';
import type { ProvisionResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural, type Style } from '../style.ts';
import { filled } from '../values.ts';

export function addProvision(program: Command, frame: Frame): void {
  const provision = program
    .command('provision')
    .description("Create what the service's database lacks: schemas, types, tables, keys, indexes, sequences. Prints the SQL.")
    .addArgument(new Argument('<service>', 'a service of the configuration').argParser(filled))
    .option('--dry-run', 'print the SQL, and do nothing')
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { dryRun = false } = command.opts<{ dryRun?: boolean }>();
        const result = await application.provision({ service, dryRun });
        return { json: result, text: (style) => provisionText(result, style) };
      }),
    );
  examples(provision, 'banyan provision accounts --dry-run', 'banyan provision accounts');
}

/** SQL that can be piped into psql: what is not SQL is a comment. */
function provisionText({ service, dryRun, statements }: ProvisionResult, style: Style): string {
  if (statements.length === 0) return style.dim(`-- ${service}: nothing is missing`) + '\n';
  const sql = statements.map((statement) => `${statement};\n`).join('');
  return `${sql}${style.dim(`-- ${service}: ${plural(statements.length, 'statement')} ${dryRun ? 'to run' : 'run'}`)}\n`;
}
