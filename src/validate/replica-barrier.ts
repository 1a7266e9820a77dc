import { BanyanError } from '../core/errors.ts';
import type { Replica } from '../ports/replica.ts';
import type { Barrier, Moment } from './barrier.ts';

export interface ReplicaOptions {
  readonly replicas: readonly Replica[];
  /** How long a standby may take to catch up, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** @throws BANYAN_VALIDATE_FENCE with the replica that is not there in time. */
export async function replicasCaughtUp({ replicas, timeoutMs = 60_000, signal }: ReplicaOptions): Promise<void> {
  await Promise.all(
    replicas.map(async (replica) => {
      if (await replica.caughtUp({ timeoutMs, ...(signal ? { signal } : {}) })) return;
      throw new BanyanError('BANYAN_VALIDATE_FENCE', {
        message: `${replica.name} did not show after ${timeoutMs} ms what its primary had committed: it is behind, or its replay is paused.`,
        details: { replica: replica.name, timeoutMs },
      });
    }),
  );
}

/**
 * A barrier for rows that are read at standbys. What has reached the primaries is not there yet: each
 * standby must show what its primary showed when the primaries' own barrier had been passed. The order
 * counts, and every call waits: a standby that was awaited for an earlier moment may lack what this one is about.
 */
export class ReplicaBarrier implements Barrier {
  readonly #primaries: Barrier;
  readonly #options: ReplicaOptions;

  constructor(primaries: Barrier, options: ReplicaOptions) {
    this.#primaries = primaries;
    this.#options = options;
  }

  moment(): Moment {
    return this.#primaries.moment();
  }

  async after(moment: Moment): Promise<void> {
    await this.#primaries.after(moment);
    await replicasCaughtUp(this.#options);
  }
}
