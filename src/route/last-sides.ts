import type { Side } from '../model/side.ts';

/** Which side answered each of the latest users; whoever has not been seen for the longest is forgotten. */
export class LastSides {
  readonly #most: number;
  readonly #sides = new Map<string, Side>();

  constructor(most = 100_000) {
    this.#most = most;
  }

  get(key: string): Side | undefined {
    return this.#sides.get(key);
  }

  set(key: string, side: Side): void {
    // Set anew, so that the map's order is that of the last answers.
    this.#sides.delete(key);
    this.#sides.set(key, side);
    if (this.#sides.size <= this.#most) return;
    const oldest = this.#sides.keys().next();
    if (!oldest.done) this.#sides.delete(oldest.value);
  }
}
