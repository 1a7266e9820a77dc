import type { Command } from 'commander';
import { examples, requireSubcommand } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural, table } from '../style.ts';

export function addConfig(program: Command, frame: Frame): void {
  const config = program.command('config').description('Check the configuration file, or describe it to an editor.');
  addSchema(config, frame);
  addCheck(config, frame);
  requireSubcommand(config);
  examples(config, 'banyan config check', 'banyan config schema > banyan.schema.json');
}

function addSchema(config: Command, frame: Frame): void {
  const schema = config
    .command('schema')
    .description('Print the JSON Schema of banyan.yaml.')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.configSchema();
        return { json: result, text: () => `${JSON.stringify(result, null, 2)}\n` };
      }),
    );
  examples(schema, 'banyan config schema > banyan.schema.json');
}

function addCheck(config: Command, frame: Frame): void {
  const check = config
    .command('check')
    .description('Read the file, and say what is wrong with it: line, key, found, expected. Connects to nothing.')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.configCheck();
        return {
          json: result,
          text: (style) => {
            const rows = result.services.map(({ name, tables }) => [name, String(tables)]);
            const services = rows.length === 0 ? '' : table({ head: ['service', 'tables'], rows, right: [1], style });
            return `${services}${style.green(`${result.file} is fine: ${plural(rows.length, 'service')}.`)}\n`;
          },
        };
      }),
    );
  examples(check, 'banyan config check --config staging.yaml');
}
