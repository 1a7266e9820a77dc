import type { Command } from 'commander';
import type { Application } from '../../app/application.ts';
import { examples, usageError } from '../command.ts';
import type { Frame, Outcome } from '../frame.ts';
import { decimalNumber } from '../values.ts';
import { statusText } from './route-text.ts';

const DEFAULT_SECONDS = 1;

interface StatusFlags {
  /** True: given without a number. */
  readonly watch?: number | true;
  readonly json?: boolean;
}

export function addStatus(route: Command, frame: Frame): void {
  const status = route
    .command('status')
    .description('How each service is served now: shares, decisions, steps to come, both sides, every router, other proxies.')
    .option('--watch [seconds]', `show it again and again until Ctrl-C (default: every ${DEFAULT_SECONDS} s)`, decimalNumber(0.1))
    .action(async (_flags: unknown, command: Command) => {
      const { watch, json } = command.optsWithGlobals<StatusFlags>();
      if (watch === undefined) return frame.run(command, look);
      if (json === true) throw usageError('--watch is for people; ask for --json again and again instead.');
      return frame.watch(command, watch === true ? DEFAULT_SECONDS : watch, look);
    });
  examples(status, 'banyan route status', 'banyan route status --json');
}

async function look(application: Application): Promise<Outcome> {
  const result = await application.routeStatus();
  return { json: result, text: (style) => statusText(result, style) };
}
