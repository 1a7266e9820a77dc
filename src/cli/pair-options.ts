import type { Command } from 'commander';
import type { PairOptions } from '../app/reconcile-types.ts';
import { usageError } from './command.ts';
import { databaseUrl } from './values.ts';

export interface PairFlags {
  readonly source?: string;
  readonly target?: string;
  readonly record?: string;
}

/** Lets a command name two databases instead of the configured services. */
export function withPairOptions(command: Command): Command {
  return command
    .option('--source <url>', 'a database that counts as the monolith, with --target', databaseUrl)
    .option('--target <url>', 'a database that counts as the service', databaseUrl)
    .option('--record <url>', 'where the record of such a pair is kept (default: in the source)', databaseUrl);
}

/** @throws BANYAN_USAGE for half a pair */
export function pairOptions({ source, target, record }: PairFlags): PairOptions {
  if ((source === undefined) !== (target === undefined)) throw usageError('--source and --target go together.');
  if (record !== undefined && source === undefined) throw usageError('--record goes with --source and --target; the configuration has `state.url`.');
  return { ...(source === undefined ? {} : { source }), ...(target === undefined ? {} : { target }), ...(record === undefined ? {} : { state: record }) };
}
