import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { programArguments } from './compiled.ts';
import { until } from './condition.ts';

const CLI = new URL('../../src/cli/main.ts', import.meta.url);
/** The same with a bug planted; see there. */
const PLANTED = new URL('./planted-worker.ts', import.meta.url);
const living = new Set<SyncProcess>();

/** Kills whichever still live: for the end of a test file. */
export async function killSyncProcesses(): Promise<void> {
  await Promise.all([...living].map((each) => each.kill()));
}

/** `banyan sync run`, or another command, as a process of its own, to be killed, frozen and woken. */
export class SyncProcess {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';

  private constructor(process: ChildProcess, logFolder: string | undefined) {
    this.#process = process;
    this.#ended = once(process, 'exit');
    for (const stream of [process.stdout, process.stderr]) stream?.on('data', (text: Buffer) => this.#say(text.toString(), logFolder));
    living.add(this);
  }

  /** `logFolder`: where everything it prints is kept as well. `command`: default `sync run`. */
  static start(options: {
    readonly configFile: string;
    readonly command?: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly logFolder?: string | undefined;
  }): SyncProcess {
    return new SyncProcess(
      spawn(process.execPath, [...programArguments(process.env['SOAK_PLANT'] === undefined ? CLI : PLANTED), ...(options.command ?? ['sync', 'run']), '-c', options.configFile], {
        env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'],
      }),
      options.logFolder,
    );
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  #say(text: string, logFolder: string | undefined): void {
    this.#said += text;
    if (logFolder !== undefined) appendFileSync(join(logFolder, `worker-${this.pid}.log`), text);
  }

  /** Undefined while it lives; its exit code or the signal that ended it. */
  get end(): string | undefined {
    const { exitCode, signalCode } = this.#process;
    return exitCode === null ? (signalCode ?? undefined) : String(exitCode);
  }

  /** Everything it has printed. */
  get said(): string {
    return this.#said;
  }

  /** Resolves when it has printed the words; fails when it ends without. */
  async says(words: string): Promise<void> {
    await until(
      () => {
        if (this.#said.includes(words)) return true;
        if (this.#process.exitCode !== null) throw new Error(`the process ended with ${this.#process.exitCode}: ${this.#said}`);
        return false;
      },
      { what: `a process says "${words}"`, timeoutMs: 40_000, everyMs: 30 },
    );
  }

  /** SIGSTOP: it stands still where it is, with all it holds. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  wake(): void {
    this.#process.kill('SIGCONT');
  }

  /** As Ctrl-C does; resolves with its exit code. */
  async stop(): Promise<number | null> {
    this.#process.kill('SIGTERM');
    await this.#ended;
    living.delete(this);
    return this.#process.exitCode;
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#ended;
    living.delete(this);
  }
}
