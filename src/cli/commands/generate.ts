import type { Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { duration, plural } from '../style.ts';
import { databaseUrl, filled, nameList } from '../values.ts';

interface GenerateFlags {
  readonly db?: string;
  readonly service: string;
  readonly tables?: readonly string[];
  readonly outDir: string;
}

export function addGenerate(program: Command, frame: Frame): void {
  const generate = program
    .command('generate')
    .description("Write the new service's REST API, from the tables it owns.")
    .option('--db <url>', 'the database to read (default: the configured monolith)', databaseUrl)
    .requiredOption('--service <name>', 'what the service is called', filled)
    .option('--tables <names>', "its tables, separated by commas (default: the service's configured ones)", nameList)
    .requiredOption('-o, --out-dir <dir>', 'where to write it', filled)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { db, service, tables, outDir } = command.opts<GenerateFlags>();
        const result = await application.generate({
          service,
          outDir,
          ...(db === undefined ? {} : { db }),
          ...(tables === undefined ? {} : { tables }),
        });
        const summary = `${plural(result.tables, 'table')}, ${plural(result.endpoints, 'endpoint')}, ${plural(result.files.length, 'file')} in ${duration(result.seconds)}`;
        return { json: result, text: (style) => `${result.files.map((file) => `${file}\n`).join('')}${style.green(`${result.service}: ${summary}.`)}\n` };
      }),
    );
  examples(
    generate,
    'banyan generate --service accounts -o services/accounts',
    'banyan generate --db postgres://localhost/shop --service accounts --tables users,sessions -o services/accounts',
  );
}
