import type { Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';

export function addReconcile(program: Command, frame: Frame): void {
  const reconcile = program
    .command('reconcile')
    .description('Repair the rows that `validate` found different. Not available yet.')
    .option('--dry-run', 'say what would be repaired, and do nothing')
    .option('-y, --yes', 'do not ask')
    .action(() => frame.notAvailable('reconcile'));
  examples(reconcile, 'banyan reconcile --dry-run');
}
