import type { Suspect } from './suspects.ts';

/** Suspects that are looked at again together: bounds memory, and saves fences. */
export const SUSPECTS_AT_ONCE = 10_000;

/** Gathers what several scans find, and hands it on when there is enough of it. */
export class SuspectBatch {
  readonly #onSuspects: (suspects: readonly Suspect[]) => Promise<void>;
  #pending: Suspect[] = [];

  /** @param onSuspects is handed every suspect exactly once. */
  constructor(onSuspects: (suspects: readonly Suspect[]) => Promise<void>) {
    this.#onSuspects = onSuspects;
  }

  /** From within a scan, whose snapshots are open: waits only for what does not fit until its end. */
  async add(suspects: readonly Suspect[]): Promise<void> {
    this.#pending.push(...suspects);
    if (this.#pending.length >= 2 * SUSPECTS_AT_ONCE) await this.handAll();
  }

  /** Between two scans. */
  async handFull(): Promise<void> {
    if (this.#pending.length >= SUSPECTS_AT_ONCE) await this.handAll();
  }

  async handAll(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    if (batch.length > 0) await this.#onSuspects(batch);
  }
}
