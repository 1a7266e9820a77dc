import { fork, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

  /** Asks all to end, the last started first, and waits for each. */
  async stopAll(): Promise<void> {
    for (const running of this.#running.reverse()) await running.stop();
  }
}

/** One program, perhaps in several lives. */
export class RunningProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  readonly #clock: Clock;
  readonly #log: WriteStream;
  readonly #listeners = new Set<(message: unknown) => void>();
  readonly #lines = new Set<(line: string) => void>();
  #child: ChildProcess;
  #stopping = false;
  #ended = false;
  /** How often it ended by itself and was started again. */
  restarts = 0;

  constructor(options: ProcessOptions, logFile: string, clock: Clock) {
    this.name = options.name;
    this.#options = options;
    this.#clock = clock;
    this.#log = createWriteStream(logFile, { flags: 'a' });
    this.#child = this.#spawn();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(message: object): void {
    this.#child.send(message);
  }

  /** Kills it outright, as a crash would. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listeners.add(listener);
  }

  /** The first line on stdout that `read` makes something of. */
  async line<T>(read: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    return this.#first(timeoutMs, (found) => {
      const listener = (line: string): void => {
        const value = read(line);
        if (value !== undefined) found(value);
      };
      this.#lines.add(listener);
      return () => this.#lines.delete(listener);
    });
  }

  /** The first message that `read` makes something of. */
  async message<T>(read: (message: unknown) => T | undefined, timeoutMs: number): Promise<T> {
    return this.#first(timeoutMs, (found) => {
      const listener = (message: unknown): void => {
        const value = read(message);
        if (value !== undefined) found(value);
      };
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.#ended) {
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
    this.#log.end();
  }

  async #first<T>(timeoutMs: number, listen: (found: (value: T) => void) => () => void): Promise<T> {
    const patience = new AbortController();
    let ignore = (): void => {};
    const found = new Promise<T>((resolve) => {
      const unlisten = listen(resolve);
      ignore = () => {
        unlisten();
      };
    });
    const late = this.#clock.sleep(timeoutMs, patience.signal).then(() => {
      throw new BanyanError('BANYAN_TIMEOUT', { message: `${this.name} did not answer within ${timeoutMs / 1000} s; see its log ${String(this.#log.path)}.` });
    });
    try {
      return await Promise.race([found, late]);
    } finally {
      ignore();
      patience.abort();
      await late.catch(() => {});
    }
  }

  #spawn(): ChildProcess {
    const { file, args = [], env = {}, cwd } = this.#options;
    const child = fork(file, [...args], {
      execArgv: file.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#log.write(`${line}\n`);
        for (const listener of this.#lines) listener(line);
      });
    }
    child.stderr?.on('data', (chunk: Buffer) => this.#log.write(chunk));
    child.on('message', (message) => {
      for (const listener of this.#listeners) listener(message);
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

/** The command line's own file, beside which this code was built (or written). */
export const CLI_FILE = fileURLToPath(new URL(`../../cli/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/** A file of the sample shop. */
export function shopFile(name: string): string {
  return fileURLToPath(new URL(`../../../examples/shop/${name}`, import.meta.url));
}
