import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Upstream } from './upstream.ts';
import { within, TIME_IS_OVER } from './within.ts';

export interface HealthCheckOptions {
  /** Path asked with GET; a status below 400 is healthy. */
  readonly path: string;
  /** Milliseconds between two checks. Default 1,000. */
  readonly everyMs?: number;
  /** A check fails after this many milliseconds. Default 1,000. */
  readonly timeoutMs?: number;
  /** Failures in a row that make it unhealthy. Default 2. */
  readonly failures?: number;
  /** Successes in a row that make it healthy again. Default 2. */
  readonly successes?: number;
}

export interface HealthProbeOptions extends HealthCheckOptions {
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the side, for the log. */
  readonly name: string;
  /** Told what each check has shown. */
  readonly onAnswer?: (well: boolean) => void;
  readonly signal: AbortSignal;
}

/** Asks one side again and again whether it is well. Healthy until shown otherwise. */
export class HealthProbe {
  readonly #options: HealthProbeOptions;
  healthy = true;
  /** Why the last check failed; empty if it did not. */
  reason = '';
  #row = 0;

  constructor(options: HealthProbeOptions) {
    this.#options = options;
  }

  /** Checks until the signal is aborted. */
  async run(): Promise<void> {
    const { clock, signal, everyMs = 1000 } = this.#options;
    while (!signal.aborted) {
      await this.check();
      await clock.sleep(everyMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** One check. */
  async check(): Promise<void> {
    const { failures = 2, successes = 2, logger, name, onAnswer, signal } = this.#options;
    const reason = await this.#ask();
    if (signal.aborted) return;
    this.reason = reason;
    const well = reason === '';
    onAnswer?.(well);
    this.#row = well === this.healthy ? 0 : this.#row + 1;
    if (this.#row < (well ? successes : failures)) return;
    this.#row = 0;
    this.healthy = well;
    logger.warn(well ? 'healthy again' : 'unhealthy', { upstream: name, reason });
  }

  async #ask(): Promise<string> {
    const { upstream, path, clock, timeoutMs = 1000, signal } = this.#options;
    try {
      const status = await within({ clock, ms: timeoutMs, signal }, async (signal) => {
        return new Promise<number>((resolve, reject) => {
          const attempt = upstream.send(
            { method: 'GET', path, headers: ['host', upstream.url.host, 'user-agent', 'banyan-health'], body: null },
            {
              head: (head) => {
                resolve(head.status);
                return false;
              },
              chunk: () => true,
              ended: () => {},
              failed: reject,
            },
          );
          signal.addEventListener('abort', () => {
            attempt.abort(new Error('the health check is over'));
          });
        });
      });
      if (status === TIME_IS_OVER) return `no answer within ${timeoutMs} ms`;
      return status < 400 ? '' : `status ${status}`;
    } catch (error) {
      return messageOf(error);
    }
  }
}
