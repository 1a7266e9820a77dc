import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../core/clock.ts';
import { BanyanError } from '../../core/errors.ts';

export interface ProcessOptions {
  readonly name: string;
  /** The program's file; TypeScript is run through tsx. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Start it again when it ends by itself, as an orchestrator would. */
  readonly restart?: boolean;
}

/** The demo's child processes: each with its log file, and all ended when the demo ends. */
export class Processes {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #running: RunningProcess[] = [];

  constructor(options: { readonly folder: string; readonly clock: Clock }) {
    this.#folder = options.folder;
    this.#clock = options.clock;
  }

  start(options: ProcessOptions): RunningProcess {
    const running = new RunningProcess(options, join(this.#folder, `${options.name}.log`), this.#clock);
    this.#running.push(running);
    return running;
  }

  /** Of those that still run. */
  get pids(): readonly number[] {
    return this.#running.filter((running) => !running.ended).flatMap(({ pid }) => pid ?? []);
  }

  /** Asks all to end, the last started first, and waits for each. */
  async stopAll(): Promise<void> {
    for (const running of this.#running.reverse()) await running.stop();
  }

  /** Lets them live on after this process. */
  leaveRunning(): void {
    for (const running of this.#running) running.leaveRunning();
  }
}

/** One program, perhaps in several lives. Its output is its log file, so that it can outlive this process. */
export class RunningProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ProcessOptions;
  readonly #clock: Clock;
  readonly #listeners = new Set<(message: unknown) => void>();
  readonly #killAtExit = (): void => {
    this.#child.kill('SIGKILL');
  };
  #child: ChildProcess;
  #stopping = false;
  #ended = false;
  #failure: Error | undefined;
  /** How often it ended by itself and was started again. */
  restarts = 0;

  constructor(options: ProcessOptions, logFile: string, clock: Clock) {
    this.name = options.name;
    this.logFile = logFile;
    this.#options = options;
    this.#clock = clock;
    process.once('exit', this.#killAtExit);
    this.#child = this.#spawn();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws BANYAN_DEMO if it has ended. */
  send(message: object): void {
    if (!this.#child.connected) throw this.#gone();
    this.#child.send(message);
  }

  /** Kills it outright, as a crash would. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** The first line of its output that `read` makes something of. */
  async line<T>(read: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    return this.#within(timeoutMs, async () => {
      for (const line of (await readFile(this.logFile, 'utf8')).split('\n')) {
        const value = read(line);
        if (value !== undefined) return value;
      }
      return undefined;
    });
  }

  /** The first message from now on that `read` makes something of. */
  async message<T>(read: (message: unknown) => T | undefined, timeoutMs: number): Promise<T> {
    let found: T | undefined;
    const listener = (message: unknown): void => {
      found ??= read(message);
    };
    this.#listeners.add(listener);
    try {
      return await this.#within(timeoutMs, () => Promise.resolve(found));
    } finally {
      this.#listeners.delete(listener);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    process.off('exit', this.#killAtExit);
    if (this.#ended) return;
    const child = this.#child;
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    child.kill('SIGTERM');
    const patience = new AbortController();
    const lost = this.#clock.sleep(10_000, patience.signal).then(
      () => child.kill('SIGKILL'),
      () => false,
    );
    await exited;
    patience.abort();
    await lost;
  }

  leaveRunning(): void {
    this.#stopping = true;
    process.off('exit', this.#killAtExit);
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }

  async #within<T>(timeoutMs: number, ask: () => Promise<T | undefined>): Promise<T> {
    const start = this.#clock.monotonic();
    for (;;) {
      // Before the question: what it said last before it ended still counts.
      const ended = this.#ended;
      const value = await ask();
      if (value !== undefined) return value;
      if (ended) throw this.#gone();
      if (this.#clock.monotonic() - start > timeoutMs) {
        throw new BanyanError('BANYAN_TIMEOUT', {
          message: `${this.name} did not answer within ${timeoutMs / 1000} s; see its log ${this.logFile}.`,
        });
      }
      await this.#clock.sleep(30);
    }
  }

  #gone(): BanyanError {
    const why = this.#failure === undefined ? 'has ended' : `could not be started: ${this.#failure.message}`;
    return new BanyanError('BANYAN_DEMO', { message: `${this.name} ${why}; see its log ${this.logFile}.`, cause: this.#failure });
  }

  #spawn(): ChildProcess {
    const { file, args = [], env = {}, cwd } = this.#options;
    const log = openSync(this.logFile, 'a');
    // A group of its own: Ctrl-C reaches this process only, which then stops the others in order.
    const child = fork(file, [...args], {
      execArgv: file.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    closeSync(log);
    child.on('message', (message) => {
      for (const listener of this.#listeners) listener(message);
    });
    child.on('error', (error) => {
      this.#failure = error;
      // Of a program that was never started no exit is heard.
      if (child.pid === undefined) this.#ended = true;
    });
    child.on('exit', () => {
      if (this.#stopping || this.#options.restart !== true) {
        this.#ended = true;
        return;
      }
      this.restarts += 1;
      this.#child = this.#spawn();
    });
    return child;
  }
}

/** A program of this package, beside which this code was built (or written). */
const program = (path: string): string => fileURLToPath(new URL(`${path}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/** The command line. */
export const CLI_FILE = program('../../cli/main');

export const FAULT_PROXY_FILE = program('./fault-proxy-main');

/** A file of the sample shop. */
export function shopFile(name: string): string {
  return fileURLToPath(new URL(`../../../examples/shop/${name}`, import.meta.url));
}
