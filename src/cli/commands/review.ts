import { Argument, type Command } from 'commander';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { filled } from '../values.ts';

export function addReview(program: Command, frame: Frame): void {
  const review = program
    .command('review')
    .description('Decide on repairs that a person must see. Not available yet.')
    .action(() => frame.notAvailable('review'));
  const list = review.command('list').description('What waits for a decision.').action(() => frame.notAvailable('review list'));
  examples(list, 'banyan review list');
  for (const [name, description] of [
    ['show', 'One repair, with both rows.'],
    ['approve', 'Let it be done.'],
    ['reject', 'Leave the rows as they are.'],
  ] as const) {
    const decide = review
      .command(name)
      .description(description)
      .addArgument(new Argument('<id>', 'as listed').argParser(filled))
      .action(() => frame.notAvailable(`review ${name}`));
    examples(decide, `banyan review ${name} 7`);
  }
  examples(review, 'banyan review list', 'banyan review approve 7');
}
