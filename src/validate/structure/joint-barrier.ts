import type { Barrier, Moment } from '../barrier.ts';

/** Several barriers as one: a moment is passed when it is passed at each of them. */
export class JointBarrier implements Barrier {
  readonly #barriers: readonly Barrier[];
  readonly #moments: (readonly Moment[])[] = [];

  constructor(barriers: readonly Barrier[]) {
    this.#barriers = barriers;
  }

  moment(): Moment {
    return this.#moments.push(this.#barriers.map((barrier) => barrier.moment())) - 1;
  }

  async after(moment: Moment): Promise<void> {
    await Promise.all(this.#barriers.map((barrier, i) => barrier.after(this.#moments[moment]?.[i] ?? barrier.moment())));
  }
}
