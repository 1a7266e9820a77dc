import { Option, type Command } from 'commander';
import type { PlanFormat } from '../../app/plan-types.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural } from '../style.ts';
import { databaseUrl, filled, wholeNumber } from '../values.ts';

interface PlanFlags {
  readonly input: string;
  readonly output?: string;
  readonly format: PlanFormat;
  readonly validate?: boolean;
  /** False: `--no-database`. */
  readonly database?: string | false;
  readonly watch?: number;
}

export function addPlan(program: Command, frame: Frame): void {
  const plan = program
    .command('plan')
    .description('Make a migration plan from a specification.')
    .requiredOption('-i, --input <file>', 'the specification, JSON or YAML', filled)
    .option('-o, --output <file>', 'where to write the plan', filled)
    .addOption(new Option('-f, --format <format>', 'in which form; both: JSON, and text beside it').choices(['json', 'text', 'both', 'markdown', 'mermaid']).default('both'))
    .option('--validate', 'only check the specification')
    .option('--database <url>', 'look at this database for measured estimates (default: the configured monolith, if it can be reached)', databaseUrl)
    .option('--no-database', 'look at no database')
    .option('--watch <seconds>', 'for how long writes are watched (default: 10)', wholeNumber(1, 3600))
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { input, output, format, validate, database, watch } = command.opts<PlanFlags>();
        if (validate === true) {
          const checked = await application.planCheck({ input });
          const unread = checked.unknown.map((path) => `not read: ${path}\n`).join('');
          return { json: checked, text: (style) => `${unread}${style.green(`${input} is a specification.`)}\n` };
        }
        const made = await application.plan({
          input, format, ...(output === undefined ? {} : { output }),
          ...(database === false ? { measure: false } : typeof database === 'string' ? { database } : {}), ...(watch === undefined ? {} : { watchSeconds: watch }),
        });
        const { migration_id: id, phases, estimated_duration_hours: hours, complexity, measured } = made.plan;
        const summary = `Plan ${id}: ${plural(phases.length, 'phase')}, ${plural(hours, 'hour')}, complexity ${complexity}${measured ? `, ${plural(measured.tables.length, 'table')} measured` : ''}.\n`;
        return { json: made.plan, text: () => (made.files.length === 0 ? made.printed : `${summary}${made.files.map((file) => `written: ${file}\n`).join('')}`) };
      }),
    );
  examples(plan, 'banyan plan -i spec.json -o plan.json', 'banyan plan -i spec.json -f markdown -o plan.md', 'banyan plan -i spec.json --database postgres://localhost/shop --watch 60', 'banyan plan -i spec.json --validate');
}
