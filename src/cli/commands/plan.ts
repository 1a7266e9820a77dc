import { Option, type Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { filled } from '../values.ts';

export function addPlan(program: Command, frame: Frame): void {
  const plan = program
    .command('plan')
    .description('Make a migration plan from a specification. Not available yet.')
    .requiredOption('-i, --input <file>', 'the specification, JSON', filled)
    .option('-o, --output <file>', 'where to write the plan', filled)
    .addOption(new Option('-f, --format <format>', 'how to print it').choices(['json', 'text', 'both']).default('both'))
    .option('--validate', 'only check the specification')
    .action(() => frame.notAvailable('plan'));
  examples(plan, 'banyan plan -i spec.json -o plan.json');
}
