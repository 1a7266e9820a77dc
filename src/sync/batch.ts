import { Attempts } from './apply-batch.ts';
import { isSpooledSteps, type Work } from './work.ts';

/** Works that are applied in one transaction. */
export interface Batch {
  readonly works: readonly Work[];
  readonly attempts: Attempts;
  /** The rows that it writes. */
  readonly keys: ReadonlySet<string>;
  /** Whether it is known to write each of them once. */
  readonly distinct: boolean;
  /** The first work that counts. */
  readonly oldest: Work | undefined;
}

export function batchOf(works: readonly Work[]): Batch {
  const keys = new Set<string>();
  let named = 0;
  let spooled = false;
  for (const { steps } of works) {
    // What is not in memory is applied alone.
    if (isSpooledSteps(steps)) {
      spooled = true;
      continue;
    }
    for (const step of steps) {
      if (step.kind === 'truncate') continue;
      keys.add(step.keyText);
      named += 1;
      if ('newKeyText' in step && step.newKeyText !== undefined) {
        keys.add(step.newKeyText);
        named += 1;
      }
    }
  }
  return { works, attempts: new Attempts(), keys, distinct: !spooled && keys.size === named, oldest: works.find((work) => work.counts) };
}

/** Gives back the disk space of what does not stand in memory. */
export async function discardSteps({ works }: Pick<Batch, 'works'>): Promise<void> {
  for (const { steps } of works) if (isSpooledSteps(steps)) await steps.discard();
}
