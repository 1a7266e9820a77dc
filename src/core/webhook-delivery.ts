import type { Clock } from './clock.ts';
import { retry } from './retry.ts';

/** The receiver has answered, and not with a yes. */
class Refused extends Error {
  /** Whether it may say yes another time. */
  readonly mayPass: boolean;

  constructor(status: number) {
    super(`status ${status}`);
    this.mayPass = status === 408 || status === 429 || status >= 500;
  }
}

/**
 * Posts one document, and tries again while the receiver may still take it.
 *
 * @param options.post Posts it once and resolves with the answer's status.
 * @param options.patienceMs For how long it is tried again.
 * @returns why it could not be delivered; undefined: it was. Does not reject.
 */
export async function deliver(options: {
  readonly post: (body: string, signal: AbortSignal) => Promise<number>;
  readonly body: string;
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}): Promise<string | undefined> {
  const { post, body, patienceMs, clock, random, signal } = options;
  try {
    await retry(
      async () => {
        const status = await post(body, signal);
        if (status >= 300) throw new Refused(status);
      },
      { clock, signal, random, firstMs: 1000, maxMs: 15_000, patienceMs: () => patienceMs, transient: (error) => !(error instanceof Refused) || error.mayPass },
    );
    return undefined;
  } catch (error) {
    return failure(error);
  }
}

/** The message of a failed connection may hold the address, and that a secret. */
function failure(error: unknown): string {
  if (error instanceof Refused) return error.message;
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
