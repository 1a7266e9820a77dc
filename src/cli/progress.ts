import type { Progress, ProgressTask } from '../app/application.ts';
import type { Clock } from '../core/clock.ts';
import type { OutputStream } from './environment.ts';
import { count, duration, mark, type Style } from './style.ts';

export interface ProgressOptions {
  readonly output: OutputStream;
  readonly clock: Clock;
  readonly style: Style;
  /** Writes nothing. */
  readonly quiet: boolean;
}

/** Progress on stderr, and a way for others to write there without hurting a drawn bar. */
export interface ProgressReport extends Progress {
  /** Writes above the bar, if there is one. */
  readonly output: OutputStream;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001B[2K';

/** A bar that is drawn again on a terminal; elsewhere a line every five seconds and one at the end. */
export function createProgress(options: ProgressOptions): ProgressReport {
  const { output, clock, style, quiet } = options;
  const terminal = output.isTTY === true;
  let drawn: Task | undefined;

  const write = (text: string): void => {
    if (drawn === undefined) {
      output.write(text);
      return;
    }
    output.write(`${CLEAR_LINE}${text}${drawn.bar()}`);
  };
  const show = (task: Task, final: boolean): void => {
    if (quiet) return;
    if (final) {
      if (drawn === task) {
        output.write(CLEAR_LINE);
        drawn = undefined;
      }
      write(task.line());
    } else if (terminal) {
      output.write(`${CLEAR_LINE}${task.bar()}`);
      drawn = task;
    } else {
      write(task.line());
    }
  };
  return {
    output: { write, isTTY: output.isTTY, columns: output.columns },
    note: (text) => {
      if (!quiet) write(`${text}\n`);
    },
    begin: ({ name, total, unit }) => {
      const task = new Task({ name, total, unit, clock, style, show, everyMs: terminal ? REDRAW_MS : PLAIN_LINE_MS, columns: output.columns ?? 80 });
      if (terminal) show(task, false);
      return task;
    },
  };
}

interface TaskOptions {
  readonly name: string;
  readonly total: number | undefined;
  readonly unit: string | undefined;
  readonly clock: Clock;
  readonly style: Style;
  readonly show: (task: Task, final: boolean) => void;
  readonly everyMs: number;
  readonly columns: number;
}

class Task implements ProgressTask {
  readonly #options: TaskOptions;
  readonly #started: number;
  #shown: number;
  #total: number | undefined;
  #done = 0;
  #end: { readonly ok: boolean; readonly text: string | undefined } | undefined;

  constructor(options: TaskOptions) {
    this.#options = options;
    this.#total = options.total;
    this.#started = options.clock.monotonic();
    this.#shown = this.#started;
  }

  advance(by = 1): void {
    this.#done += by;
    const now = this.#options.clock.monotonic();
    if (now - this.#shown < this.#options.everyMs) return;
    this.#shown = now;
    this.#options.show(this, false);
  }

  expect(total: number): void {
    this.#total = total;
  }

  done(text?: string): void {
    this.#finish(true, text);
  }

  failed(text?: string): void {
    this.#finish(false, text);
  }

  #finish(ok: boolean, text: string | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { ok, text };
    this.#options.show(this, true);
  }

  /** For a terminal: `copying public.users [######------] 50 % 1,000 of 2,000 rows, 500 rows/s, 2.0 s left`. */
  bar(): string {
    const { name, style, columns } = this.#options;
    const share = this.#share();
    const filled = Math.round((share ?? 0) * BAR_WIDTH);
    const bar = share === undefined ? '' : ` ${style.cyan('█'.repeat(filled))}${style.dim('░'.repeat(BAR_WIDTH - filled))}`;
    // Cut, or a narrow terminal wraps the line and the next redraw clears only half of it.
    const room = columns - (share === undefined ? 0 : BAR_WIDTH + 1) - 1;
    const facts = this.#facts();
    const left = name.slice(0, room);
    const right = facts === '' ? '' : ` ${facts}`.slice(0, Math.max(0, room - left.length));
    return `${left}${bar}${right}`;
  }

  /** For everything else, and for the end. */
  line(): string {
    const { name, clock, style } = this.#options;
    if (this.#end === undefined) return `${name}: ${this.#facts()}\n`;
    const { ok, text } = this.#end;
    const seconds = duration((clock.monotonic() - this.#started) / 1000);
    const what = text ?? (this.#done > 0 && this.#options.unit !== undefined ? `${count(this.#done)} ${this.#options.unit}` : undefined);
    return `${mark(ok, style)} ${name}${what === undefined ? '' : `: ${what}`} ${style.dim(`(${seconds})`)}\n`;
  }

  #share(): number | undefined {
    return this.#total === undefined || this.#total <= 0 ? undefined : Math.min(1, this.#done / this.#total);
  }

  #facts(): string {
    const { unit, clock } = this.#options;
    const seconds = (clock.monotonic() - this.#started) / 1000;
    const rate = seconds > 0 ? this.#done / seconds : 0;
    const share = this.#share();
    const suffix = unit === undefined ? '' : ` ${unit}`;
    const facts: string[] = [];
    if (share !== undefined) facts.push(`${Math.floor(share * 100)} %`);
    if (this.#total !== undefined && this.#total > 0) facts.push(`${count(this.#done)} of ${count(this.#total)}${suffix}`);
    else if (this.#done > 0) facts.push(`${count(this.#done)}${suffix}`);
    if (rate > 0 && unit !== undefined) facts.push(`${count(Math.round(rate))}${suffix}/s`);
    if (rate > 0 && share !== undefined && this.#total !== undefined) facts.push(`${duration(Math.max(0, this.#total - this.#done) / rate)} left`);
    return facts.join(', ');
  }
}
