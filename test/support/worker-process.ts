import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { programArguments } from './compiled.ts';
import type { SyncSettings } from './sync-engine.ts';

const WORKER = new URL('./sync-worker.ts', import.meta.url);

/** A sync worker as a process of its own, to be killed. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;
  #said = '';

  constructor(options: { readonly monolith: string; readonly service: string; readonly settings: SyncSettings }) {
    this.#child = spawn(process.execPath, [...programArguments(WORKER), JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (text: Buffer) => (this.#said += text.toString()));
    this.#ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the worker ended with ${String(code)}: ${this.#said}`);
    });
    // Its end may be the test's own doing.
    this.#ended.catch(() => {});
  }

  /** Resolves when the worker has set the streams up; rejects if it ended before. */
  async running(): Promise<void> {
    if (this.#child.stdout) await Promise.race([once(this.#child.stdout, 'data'), this.#ended]);
  }

  /** Rejects if the worker ends by itself before `condition` resolves. */
  async meanwhile<T>(condition: Promise<T>): Promise<T> {
    return Promise.race([condition, this.#ended]);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
