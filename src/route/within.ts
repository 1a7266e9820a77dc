import type { Clock } from '../core/clock.ts';

/** What {@link within} gives when the time is over. */
export const TIME_IS_OVER = Symbol('time is over');

/**
 * Runs `work` for at most `ms` milliseconds. Its signal is aborted when the time is over, when it is
 * done, and when `signal` is aborted (then its reason is thrown).
 */
export async function within<T>(
  options: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | typeof TIME_IS_OVER> {
  const { clock, ms, signal } = options;
  signal.throwIfAborted();
  if (ms <= 0) return TIME_IS_OVER;
  const inner = new AbortController();
  const forward = (): void => {
    inner.abort(signal.reason);
  };
  signal.addEventListener('abort', forward, { once: true });
  try {
    return await Promise.race([
      work(inner.signal),
      clock.sleep(ms, inner.signal).then((): typeof TIME_IS_OVER => TIME_IS_OVER),
    ]);
  } catch (error) {
    // An aborted sleep rejects with an error of its own; the caller's reason says more.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', forward);
    inner.abort();
  }
}
