import { Command, CommanderError } from 'commander';
import { addAnalyze } from './commands/analyze.ts';
import { addCheck } from './commands/check.ts';
import { addConfig } from './commands/config.ts';
import { addDemo } from './commands/demo.ts';
import { addDoctor } from './commands/doctor.ts';
import { addGenerate } from './commands/generate.ts';
import { addHelp } from './commands/help.ts';
import { addMigrate } from './commands/migrate.ts';
import { addPlan } from './commands/plan.ts';
import { addProvision } from './commands/provision.ts';
import { addReconcile } from './commands/reconcile.ts';
import { addRehearse } from './commands/rehearse.ts';
import { addReview } from './commands/review.ts';
import { addRoute } from './commands/route.ts';
import { addRunbook } from './commands/runbook.ts';
import { addSync } from './commands/sync.ts';
import { addValidate } from './commands/validate.ts';
import { examples, requireSubcommand, usageError } from './command.ts';
import type { CliEnvironment } from './environment.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { Frame } from './frame.ts';

/** In the order of a migration, which is also that of the help. */
const COMMANDS = [
  addDemo,
  addDoctor,
  addAnalyze,
  addPlan,
  addCheck,
  addRunbook,
  addProvision,
  addSync,
  addValidate,
  addReconcile,
  addReview,
  addGenerate,
  addRoute,
  addMigrate,
  addRehearse,
  addConfig,
  addHelp,
] as const;

/** Runs one command line to its end and resolves with the exit code. Never rejects. */
export async function runCli(environment: CliEnvironment): Promise<ExitCode> {
  const frame = new Frame(environment);
  try {
    await createProgram(environment, frame).parseAsync([...environment.argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) frame.fail(error);
    else if (error.exitCode !== EXIT.fine) frame.fail(usageError(sentence(error.message)));
  }
  return frame.exitCode;
}

/** The whole command line, without running it. */
export function createProgram(environment: Pick<CliEnvironment, 'stdout' | 'stderr' | 'version'>, frame: Frame): Command {
  const program: Command = new Command('banyan')
    .description('Takes services out of a running monolith, with a way back at every step.')
    .option('-c, --config <file>', 'the configuration file', 'banyan.yaml')
    .option('--json', 'print one JSON document on stdout, and nothing else there')
    .option('-q, --quiet', 'no progress, and only errors in the log')
    .option('-v, --verbose', 'everything in the log, and the causes of errors')
    .version(environment.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void environment.stdout.write(text),
      writeErr: (text) => void environment.stderr.write(text),
      // Wrong usage is reported once, by runCli, as every other error is.
      outputError: () => {},
    })
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (command) => (command.parent === null ? [] : program.options.filter((option) => option.long !== '--version')),
    });
  for (const add of COMMANDS) add(program, frame);
  requireSubcommand(program);
  return examples(program, 'banyan demo', 'banyan doctor --config banyan.yaml', 'banyan help exit-codes');
}

/** Commander's "error: unknown option '--x'" as a sentence of ours. */
function sentence(message: string): string {
  const text = message.replace(/^error: /, '').replace(/\n/g, ' ');
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!)]$/.test(upper) ? upper : `${upper}.`;
}
