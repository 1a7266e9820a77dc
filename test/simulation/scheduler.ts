import type { Clock } from '../../src/core/clock.ts';
import type { Random } from './random.ts';

/** Something that can die between any two of its steps: a worker, a client. */
export interface Process {
  readonly name: string;
  alive: boolean;
  /** A frozen process takes no step before this virtual time. */
  frozenUntil: number;
}

interface Ready {
  readonly process: Process;
  readonly resume: () => void;
}

interface Timer {
  readonly process: Process;
  readonly at: number;
  readonly fire: () => void;
}

/**
 * Decides, from a seed, whose step comes next. Every await of a port ends in {@link step} or
 * {@link sleep}; between two decisions all promises settle, so that a run depends on nothing else.
 * Time is virtual and passes only here.
 */
export class Scheduler {
  readonly #random: Random;
  #ready: Ready[] = [];
  #timers: Timer[] = [];
  #now = 1_000_000;
  steps = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Virtual milliseconds. */
  get now(): number {
    return this.#now;
  }

  process(name: string): Process {
    return { name, alive: true, frozenUntil: 0 };
  }

  /** Ends a process where it stands: what it awaits never comes. */
  kill(process: Process): void {
    process.alive = false;
    this.#ready = this.#ready.filter((entry) => entry.process !== process);
    this.#timers = this.#timers.filter((entry) => entry.process !== process);
  }

  /** Resolves when the seed lets this process go on; never, if it is dead by then. */
  step(process: Process): Promise<void> {
    return new Promise((resolve) => {
      if (process.alive) this.#ready.push({ process, resume: resolve });
    });
  }

  sleep(process: Process, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!process.alive) return;
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const aborted = (): void => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
        reject(signal?.reason as Error);
      };
      const timer: Timer = {
        process, at: this.#now + ms,
        fire: () => {
          signal?.removeEventListener('abort', aborted);
          resolve();
        },
      };
      this.#timers.push(timer);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** The clock of one process; `skewMs` off, and stepping with it. */
  clock(process: Process, skewMs: () => number): Clock {
    return {
      now: () => Math.floor(this.#now + skewMs()),
      monotonic: () => this.#now,
      sleep: (ms, signal) => this.sleep(process, ms, signal),
    };
  }

  /** Takes steps until `done`; false if `maxSteps` are used up or nothing is left to do. */
  async run(done: () => boolean, maxSteps: number): Promise<boolean> {
    const end = this.steps + maxSteps;
    for (;;) {
      await settled();
      if (done()) return true;
      if (this.steps >= end || !this.#one()) return false;
      this.steps += 1;
    }
  }

  #one(): boolean {
    this.#now += 0.001 + this.#random.next() * 0.02;
    const awake = this.#ready.filter((entry) => entry.process.frozenUntil <= this.#now);
    const timer = this.#earliest();
    if (awake.length > 0 && !(timer && this.#random.chance(0.02))) {
      const entry = awake[this.#random.below(awake.length)]!;
      this.#ready.splice(this.#ready.indexOf(entry), 1);
      entry.resume();
      return true;
    }
    if (timer) {
      this.#now = Math.max(this.#now, timer.at, timer.process.frozenUntil);
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      timer.fire();
      return true;
    }
    const frozen = this.#ready[0];
    if (!frozen) return false;
    this.#now = Math.max(this.#now, frozen.process.frozenUntil);
    return true;
  }

  #earliest(): Timer | undefined {
    let first: Timer | undefined;
    let firstAt = Infinity;
    for (const timer of this.#timers) {
      const at = Math.max(timer.at, timer.process.frozenUntil);
      if (at < firstAt) [first, firstAt] = [timer, at];
    }
    return first;
  }
}

/** Resolves when every promise that can settle has. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
