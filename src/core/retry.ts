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
  /** A number in [0, 1) for jitter. Default: no jitter, every pause is the full one. */
  readonly random?: () => number;
  /** Told before each pause. */
  readonly onRetry?: (error: unknown, attempt: number, pauseMs: number) => void;
}

/**
 * Runs `attempt` until it succeeds, for as long as its errors are transient and nobody aborts.
 * There is no largest number of attempts: giving up on a transient error would lose writes.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { firstMs = 50, maxMs = 2000 } = options;
  for (let n = 1; ; n++) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (options.signal.aborted || !options.transient(error)) throw error;
      const full = Math.min(maxMs, firstMs * 2 ** Math.min(n - 1, 20));
      const pauseMs = options.random ? full / 2 + (full / 2) * options.random() : full;
      options.onRetry?.(error, n, pauseMs);
      await options.clock.sleep(pauseMs, options.signal);
    }
  }
}
