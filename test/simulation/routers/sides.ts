import { otherSide, type Side } from '../../../src/model/side.ts';
import type { Position } from '../../../src/model/position.ts';
import type { Fence } from '../../../src/ports/fence.ts';
import type { Random } from '../random.ts';
import type { Process, Scheduler } from '../scheduler.ts';

interface Write {
  readonly user: number;
  readonly value: number;
}

/** Two databases with a stream in either direction, which lags. */
export class Sides {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #log: Record<Side, Write[]> = { monolith: [], service: [] };
  /** How many of a side's writes the other one has applied. */
  readonly #applied: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #newest: Record<Side, Map<number, number>> = { monolith: new Map(), service: new Map() };
  /** No stream moves before this virtual time. */
  stalledUntil = 0;

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
    for (const side of ['monolith', 'service'] as const) void this.#stream(side);
  }

  /** A user's write commits. */
  write(side: Side, { user, value }: Write): void {
    this.#note(side, user, value);
    this.#log[side].push({ user, value });
  }

  read(side: Side, user: number): number {
    return this.#newest[side].get(user) ?? 0;
  }

  /** A fence as one router places it. */
  fence(process: Process): Fence {
    return {
      place: async ({ side }) => {
        await this.#scheduler.sleep(process, 0.5 + this.#random.next() * 2);
        return BigInt(this.#log[side].length) as Position;
      },
      passed: async ({ side, position, timeoutMs, signal }) => {
        const end = this.#scheduler.now + timeoutMs;
        while (BigInt(this.#applied[side]) < position) {
          if (this.#scheduler.now >= end || signal?.aborted) return false;
          await this.#scheduler.sleep(process, 3);
        }
        return true;
      },
    };
  }

  #note(side: Side, user: number, value: number): void {
    this.#newest[side].set(user, Math.max(value, this.read(side, user)));
  }

  async #stream(side: Side): Promise<void> {
    const process = this.#scheduler.process(`stream of the ${side}`);
    for (;;) {
      await this.#scheduler.sleep(process, 5 + this.#random.next() * (this.#random.chance(0.3) ? 500 : 60));
      if (this.#scheduler.now < this.stalledUntil) continue;
      const log = this.#log[side];
      for (const { user, value } of log.slice(this.#applied[side])) this.#note(otherSide(side), user, value);
      this.#applied[side] = log.length;
    }
  }
}
