import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** Fail after {@link PATIENCE} times this many milliseconds. Default 15,000: only a broken test waits that long. */
  readonly timeoutMs?: number;
  /** Pause between two looks in milliseconds. Default 10. */
  readonly everyMs?: number;
  /** What is awaited, for the message of the failure. */
  readonly what?: string;
}

/** How much slower than thought a machine may be: what is awaited comes later where other work goes on beside the tests. */
const PATIENCE = 4;

/**
 * Waits until `check` answers something truthy, and returns it. The one place where tests wait: a test
 * that sleeps instead is either slow or wrong. An error thrown by `check` is not a "not yet"; it fails
 * the test at once.
 */
export async function until<T>(
  check: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { timeoutMs = 15_000, everyMs = 10 } = options;
  const limitMs = timeoutMs * PATIENCE;
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await check();
    if (answer) return answer as Exclude<T, false | null | undefined | 0 | ''>;
    if (performance.now() > deadline) {
      throw new Error(`Not within ${limitMs} ms: ${options.what ?? check.toString()} (last answer: ${String(answer)})`);
    }
    await delay(everyMs);
  }
}
