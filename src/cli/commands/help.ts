import type { Command } from 'commander';
import { examples, fullName, usageError } from '../command.ts';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';

export function addHelp(program: Command, frame: Frame): void {
  const help = program
    .command('help')
    .description('Explain a command, or `exit-codes`.')
    .argument('[topic...]', 'a command such as `sync run`, or `exit-codes`')
    .action((topic: readonly string[]) => {
      if (topic.length === 1 && topic[0] === 'exit-codes') {
        frame.print(EXIT_CODES_HELP);
        return;
      }
      find(program, topic).outputHelp();
    });
  examples(help, 'banyan help sync run', 'banyan help exit-codes');
}

function find(program: Command, topic: readonly string[]): Command {
  let command = program;
  for (const word of topic) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) throw usageError(`${fullName(command)} has no command "${word}".`);
    command = next;
  }
  return command;
}
