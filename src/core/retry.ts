import type { Clock } from './clock.ts';

export interface RetryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether the error may pass by itself. Others are thrown at once. */
  readonly transient: (error: unknown) => boolean;
  /** First pause in milliseconds. Default 50. */
  readonly firstMs?: number;
  /** Longest pause in milliseconds. Default 2000. */
  readonly maxMs?: number;
  /**
   * For how long errors like this one may follow one another, in milliseconds; the one after that is thrown.
   * For work that somebody else takes up then. Default: for ever.
   */
  readonly patienceMs?: (error: unknown) => number;
  /** A number in [0, 1) for jitter. Default: no jitter, every pause is the full one. */
  readonly random?: () => number;
  /** Told before each pause. */
  readonly onRetry?: (error: unknown, attempt: number, pauseMs: number) => void;
}

/**
 * Runs `attempt` until it succeeds, for as long as its errors are transient and nobody aborts.
 * There is no largest number of attempts: giving up on a transient error would lose writes.
 * One that goes on for long says so by `going` when it has begun well: what failed before is past then.
 */
export async function retry<T>(attempt: (going: () => void) => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, transient, firstMs = 50, maxMs = 2000, patienceMs = () => Infinity } = options;
  let failures = 0;
  let failingSince = 0;
  const going = (): void => {
    failures = 0;
  };
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt(going);
    } catch (error) {
      if (signal.aborted || !transient(error)) throw error;
      if (failures === 0) failingSince = clock.monotonic();
      if (clock.monotonic() - failingSince > patienceMs(error)) throw error;
      failures += 1;
      const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 20));
      const pauseMs = options.random ? full / 2 + (full / 2) * options.random() : full;
      options.onRetry?.(error, failures, pauseMs);
      await clock.sleep(pauseMs, signal);
    }
  }
}
