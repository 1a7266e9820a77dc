import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { MoveView, RouteReport, RouteState, RouteStore } from '../ports/route-store.ts';

export interface StoreLinkOptions {
  readonly store: RouteStore;
  /** This router's instance id. */
  readonly router: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly onStates: (states: readonly RouteState[]) => void;
  readonly onMoves: (views: readonly MoveView[]) => void;
  readonly signal: AbortSignal;
}

/** The connection of one router with the shared state: follows it, reports to it, outlives its absence. */
export class StoreLink {
  readonly #options: StoreLinkOptions;
  reachable = true;
  /** Why it can't be reached; empty if it can. */
  reason = '';
  /** RFC 3339; null: it is reachable. */
  cutOffSince: string | null = null;
  /** The latest report per service that has not been written yet. */
  readonly #unwritten = new Map<string, RouteReport>();
  #writing: Promise<void> | null = null;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: StoreLinkOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, signal, onStates, onMoves } = this.#options;
    const onReachable = (reachable: boolean, reason: string): void => {
      this.#reached(reachable, reason);
    };
    this.#running = Promise.all([store.watch({ onStates, onMoves, onReachable }, signal), this.#beat()]);
  }

  /** Reports how far a move is; a later report of the same service takes an unwritten one's place. */
  report(report: RouteReport): void {
    this.#unwritten.set(report.service, report);
    this.#writing ??= this.#write();
  }

  /** After the signal was aborted: resolves when nothing is under way, and the store knows we are gone. */
  async stopped(): Promise<void> {
    const { store, router, logger } = this.#options;
    try {
      await this.#running;
      await this.#writing;
      await store.forget(router);
    } catch (error) {
      // The store forgets a silent router by itself.
      logger.warn('could not take leave of the route store', { reason: messageOf(error) });
    }
  }

  #reached(reachable: boolean, reason: string): void {
    const { logger, clock } = this.#options;
    if (reachable !== this.reachable) {
      this.cutOffSince = reachable ? null : new Date(clock.now()).toISOString();
      if (reachable) logger.info('the route store can be reached again');
      else logger.warn('cut off from the route store: keeping the last decision', { reason });
    }
    this.reachable = reachable;
    this.reason = reason;
  }

  async #beat(): Promise<void> {
    const { store, router, clock, heartbeatMs, signal } = this.#options;
    while (!signal.aborted) {
      try {
        await store.heartbeat(router);
      } catch (error) {
        this.#reached(false, messageOf(error));
      }
      await clock.sleep(heartbeatMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #write(): Promise<void> {
    const { store, clock, heartbeatMs, signal } = this.#options;
    for (;;) {
      const next = this.#unwritten.entries().next();
      if (next.done) break;
      const [service, report] = next.value;
      try {
        await store.acknowledge(report);
        if (this.#unwritten.get(service) === report) this.#unwritten.delete(service);
      } catch (error) {
        this.#reached(false, messageOf(error));
        if (signal.aborted) break;
        await clock.sleep(heartbeatMs, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
    }
    this.#writing = null;
  }
}
