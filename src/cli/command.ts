import type { Command } from 'commander';
import { BanyanError } from '../core/errors.ts';

/** Ends a command's help with examples. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  const title = lines.length === 1 ? 'Example:' : 'Examples:';
  return command.addHelpText('after', `\n${title}\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}

/**
 * Makes a command that only has commands say which, when none or a wrong one was typed. Comes after
 * the commands are added: they inherit that excess arguments are let through.
 */
export function requireSubcommand(group: Command): Command {
  return group
    .usage('<command> [options]')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      const name = fullName(group);
      const [word] = group.args;
      const known = group.commands.map((command) => command.name()).join(', ');
      if (word === undefined) throw usageError(`${name} needs a command; expected one of ${known}.`);
      if (word.startsWith('-')) throw usageError(`${name} has no option ${word}.`);
      throw usageError(`${name} has no command "${word}"; expected one of ${known}.`);
    });
}

/**
 * Options of the command that `command` stands behind are read by that one, wherever they were typed. Refuses those
 * that mean nothing here, instead of passing them over.
 */
export function refuseOptionsOfParent(command: Command, but: readonly string[] = []): void {
  const { parent } = command;
  for (const option of parent?.parent ? parent.options : []) {
    const name = option.attributeName();
    if (parent?.getOptionValueSource(name) === 'cli' && !but.includes(name)) throw usageError(`${fullName(command)} has no option ${option.long ?? option.flags}.`);
  }
}

/** `banyan sync run`. */
export function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

export function usageError(message: string): BanyanError {
  return new BanyanError('BANYAN_USAGE', { message });
}
