import type { Command } from 'commander';
import type { Application, LogLevel } from '../app/application.ts';
import { connectError } from '../app/connect-error.ts';
import { createLogging, redactUrls } from '../app/logging.ts';
import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import type { CliEnvironment } from './environment.ts';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.ts';
import { watchInterrupts } from './interrupt.ts';
import { createProgress } from './progress.ts';
import { printable, styleFor, type Style } from './style.ts';

/** What a command has to say. */
export interface Outcome {
  /** The JSON document of `--json`. */
  readonly json: unknown;
  /** The same for people, with a newline at its end. */
  readonly text: (style: Style) => string;
  /** Default: fine. */
  readonly exitCode?: ExitCode;
}

/** The options that every command has. */
interface GlobalFlags {
  readonly config: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly yes?: boolean;
}

const CLEAR = '\u001B[2J';
const HOME = '\u001B[H';
const REST_OF_LINE = '\u001B[K';
const REST_OF_SCREEN = '\u001B[J';

/** What all commands share: it makes the application, runs, prints, and remembers the exit code. */
export class Frame {
  readonly #environment: CliEnvironment;
  exitCode: ExitCode = EXIT.fine;

  constructor(environment: CliEnvironment) {
    this.#environment = environment;
  }

  /** Runs one command from its parsed options to its printed outcome. */
  async run(command: Command, work: (application: Application) => Promise<Outcome>): Promise<void> {
    const { env, stdout } = this.#environment;
    await this.#within(command, async (application, { flags }) => {
      const { json, text, exitCode = EXIT.fine } = await work(application);
      stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : text(styleFor(stdout, env)));
      this.exitCode = exitCode;
    });
  }

  /**
   * Prints a command's outcome for people again and again, until it is interrupted: on a terminal in the place of
   * the last one, elsewhere below it. What fails after the first time is shown in the outcome's place.
   */
  async watch(command: Command, everySeconds: number, work: (application: Application) => Promise<Outcome>): Promise<void> {
    const { env, stdout, clock } = this.#environment;
    const style = styleFor(stdout, env);
    await this.#within(command, async (application, { signal }) => {
      let shown = false;
      while (!signal.aborted) {
        let text: string;
        try {
          text = (await work(application)).text(style);
        } catch (error) {
          if (signal.aborted) return;
          if (!shown) throw error;
          text = `${style.red(redactUrls(printable(messageOf(connectError(error)))))}\n`;
        }
        const head = style.dim(`${new Date(clock.now()).toISOString()}, every ${everySeconds} s until Ctrl-C`);
        const page = `${head}\n${text}`;
        // Written over, not cleared before: a screen that is emptied first flickers.
        stdout.write(stdout.isTTY === true ? `${shown ? '' : CLEAR}${HOME}${page.replaceAll('\n', `${REST_OF_LINE}\n`)}${REST_OF_SCREEN}` : `${shown ? '\n' : ''}${page}`);
        shown = true;
        await clock.sleep(everySeconds * 1000, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
    });
  }

  /** Makes the application for one command, and lets go of the terminal when that is over. */
  async #within(command: Command, body: (application: Application, surroundings: { readonly flags: GlobalFlags; readonly signal: AbortSignal }) => Promise<void>): Promise<void> {
    const { env, stderr, clock } = this.#environment;
    const flags: GlobalFlags = command.optsWithGlobals();
    const level = levelOf(flags);
    const progress = createProgress({ output: stderr, clock, style: styleFor(stderr, env), quiet: flags.quiet === true });
    const interrupts = watchInterrupts({
      signals: this.#environment.signals,
      exit: this.#environment.exit,
      onFirst: () => progress.note('Stopping: draining what is under way. Once more stops at once; nothing is lost either way.'),
    });
    try {
      const application = await this.#environment.loadApplication({
        configFile: flags.config,
        env,
        signal: interrupts.signal,
        clock,
        logging: createLogging({ output: progress.output, clock, ...(level === undefined ? {} : { level }) }),
        progress,
        confirm: (question) => this.#confirm(question, flags.yes === true, interrupts.signal),
      });
      await body(application, { flags, signal: interrupts.signal });
    } finally {
      interrupts.stop();
    }
  }

  /** For the commands of the interface that are not built yet. */
  notAvailable(command: string): never {
    throw new BanyanError('BANYAN_NOT_AVAILABLE', { message: `banyan ${command} is not available yet.` });
  }

  /** Prints text that is the command's whole answer, such as help. */
  print(text: string): void {
    this.#environment.stdout.write(text);
  }

  /** Prints an error for people on stderr and, with --json, for machines on stdout. */
  fail(thrown: unknown): void {
    const error = connectError(thrown);
    const { argv, env, stdout, stderr } = this.#environment;
    const style = styleFor(stderr, env);
    const code = isBanyanError(error) ? error.code : 'BANYAN_INTERNAL';
    const message = redactUrls(messageOf(error));
    const remedy = isBanyanError(error) ? error.remedy : 'This is a fault in Banyan. Report it with the lines above; -v shows more.';
    const lines = message.split('\n').map(printable);
    const causes = argv.some((word) => word === '-v' || word === '--verbose') ? causesOf(error) : [];
    stderr.write(
      [
        `${style.red(style.bold(code))}: ${lines[0] ?? ''}`,
        ...lines.slice(1).map((line) => `  ${line}`),
        ...causes.map((cause) => style.dim(`  caused by: ${printable(cause)}`)),
        `${style.dim('remedy:')} ${remedy}`,
      ]
        .map((line) => `${line}\n`)
        .join(''),
    );
    if (argv.includes('--json')) {
      const details = isBanyanError(error) && Object.keys(error.details).length > 0 ? { details: error.details } : {};
      stdout.write(`${JSON.stringify({ error: { code, message, remedy, ...details } }, bigintAsText, 2)}\n`);
    }
    this.exitCode = exitCodeOf(error);
  }

  async #confirm(question: string, yes: boolean, signal: AbortSignal): Promise<boolean> {
    if (yes) return true;
    const { ask } = this.#environment;
    if (ask === undefined) {
      throw new BanyanError('BANYAN_USAGE', {
        message: `${question} Nobody can be asked: there is no terminal.`,
        remedy: 'Run it with --yes, or first with --dry-run to see what it would do.',
      });
    }
    const answer = await ask(`${question} [y/N] `, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    return /^y(es)?$/i.test(answer.trim());
  }
}

function levelOf(flags: GlobalFlags): LogLevel | undefined {
  if (flags.verbose === true) return 'debug';
  return flags.quiet === true ? 'error' : undefined;
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  for (let cause: unknown = error instanceof Error ? error.cause : undefined; cause !== undefined && causes.length < 10; ) {
    causes.push(redactUrls(messageOf(cause)));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
