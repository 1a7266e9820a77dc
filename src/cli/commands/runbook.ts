import { Option, type Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { filled } from '../values.ts';

export function addRunbook(program: Command, frame: Frame): void {
  const runbook = program
    .command('runbook')
    .description('Make the rollback runbook of a plan. Not available yet.')
    .requiredOption('-i, --input <file>', 'the plan, JSON', filled)
    .option('-o, --output <file>', 'where to write the runbook', filled)
    .addOption(new Option('-f, --format <format>', 'how to print it').choices(['json', 'text', 'both']).default('both'))
    .action(() => frame.notAvailable('runbook'));
  examples(runbook, 'banyan runbook -i plan.json -o runbook.json');
}
