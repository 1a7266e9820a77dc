import { Attempts } from './apply-batch.ts';
import { isSpooledSteps, type Work } from './work.ts';

/** Works that are applied in one transaction. */
export interface Batch {
  readonly works: readonly Work[];
  readonly attempts: Attempts;
  /** The rows that it writes. */
  readonly keys: ReadonlySet<string>;
  /** The first work that counts. */
  readonly oldest: Work | undefined;
}

export function batchOf(works: readonly Work[]): Batch {
  const keys = new Set<string>();
  for (const { steps } of works) {
    // What is not in memory is applied alone.
    if (isSpooledSteps(steps)) continue;
    for (const step of steps) {
      if (step.kind === 'truncate') continue;
      keys.add(step.keyText);
      if ('newKeyText' in step && step.newKeyText !== undefined) keys.add(step.newKeyText);
    }
  }
  return { works, attempts: new Attempts(), keys, oldest: works.find((work) => work.counts) };
}

/** Gives back the disk space of what does not stand in memory. */
export async function discardSteps({ works }: Batch): Promise<void> {
  for (const { steps } of works) if (isSpooledSteps(steps)) await steps.discard();
}
