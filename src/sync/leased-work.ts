import { withAbortOf } from '../core/abort-any.ts';
import type { Clock } from '../core/clock.ts';
import { BanyanError, isBanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Lease, LeaseRound, LeaseStore, LeaseWorker } from '../ports/lease-store.ts';
import { shares } from './shares.ts';

export interface LeasedWorkOptions {
  readonly store: LeaseStore;
  readonly worker: LeaseWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Highest token that the service's databases know; a lease needs a greater one. Throws while they can't be reached. */
  readonly floor: (service: string) => Promise<string>;
  /** Works on a service until aborted, and then gives it up in good order. */
  readonly run: (lease: { readonly service: string; readonly token: string }, signal: AbortSignal) => Promise<void>;
  /** Whether an error of `floor` or `run` may pass by itself: then the service is left to others for a moment, and tried again. */
  readonly isTransient: (error: unknown) => boolean;
  /** Pause between two words to the store, in milliseconds. Default 1000; must be well below the store's time to live. */
  readonly renewMs?: number;
}

interface Holding {
  /** Undefined while it is being taken. */
  token: string | undefined;
  readonly stop: AbortController;
}

/**
 * Shares services with other workers: takes leases, runs what it holds, hands over what is asked for,
 * and takes over from workers that are gone.
 *
 * A worker that can't reach the store goes on with what it runs: it can not know whether a successor has
 * taken over, but the databases do, and refuse its token from then on.
 */
export class LeasedWork {
  readonly #options: LeasedWorkOptions;
  readonly #holdings = new Map<string, Holding>();
  /** Services that could not be reached or begun, and until when they are left to others. */
  readonly #resting = new Map<string, number>();
  #wake = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  #reachable = true;

  constructor(options: LeasedWorkOptions) {
    this.#options = options;
  }

  /**
   * Resolves when aborted and everything was given back.
   * Rejects, after everything was given back, with the first error of a run that neither passes by itself nor is BANYAN_STREAM_FENCED.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { store, worker, clock, renewMs = 1000 } = this.#options;
    try {
      while (!signal.aborted && !this.#failure) {
        this.#wake = new AbortController();
        const round = await this.#renew();
        if (round) this.#obey(round);
        const pauseMs = round ? await this.#share(round) : renewMs;
        // A run may have ended meanwhile, and woken us.
        await withAbortOf([signal, this.#wake.signal], (either) => clock.sleep(pauseMs, either)).catch((error: unknown) => {
          if (!signal.aborted && !this.#wake.signal.aborted) throw error;
        });
      }
    } finally {
      await this.#giveAllBack();
      await store.leave(worker.id).catch((error: unknown) => this.#unreachable(error));
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Drains what runs, and goes on living meanwhile: nobody should take over what is still being given up. */
  async #giveAllBack(): Promise<void> {
    const { clock, renewMs = 1000 } = this.#options;
    for (const { stop } of this.#holdings.values()) stop.abort(stopped());
    while (this.#holdings.size > 0) {
      this.#wake = new AbortController();
      await clock.sleep(renewMs, this.#wake.signal).catch(() => {});
      if (this.#holdings.size > 0) await this.#renew();
    }
  }

  async #renew(): Promise<LeaseRound | undefined> {
    const { store, worker, logger } = this.#options;
    const services = worker.services.filter((service) => !this.#rests(service));
    try {
      const round = await store.renew({ ...worker, services });
      if (!this.#reachable) logger.info('the leases can be renewed again');
      this.#reachable = true;
      return round;
    } catch (error) {
      this.#unreachable(error);
      return undefined;
    }
  }

  #unreachable(error: unknown): void {
    if (this.#reachable) this.#options.logger.warn('the leases can not be renewed; going on until somebody takes over', { reason: messageOf(error) });
    this.#reachable = false;
  }

  /** Stops what is no longer ours, or asked for, or paused. */
  #obey(round: LeaseRound): void {
    const { worker, logger } = this.#options;
    for (const [service, { token, stop }] of this.#holdings) {
      if (token === undefined || stop.signal.aborted) continue;
      const lease = round.leases.find((each) => each.service === service);
      const why = reasonToStop(lease, { worker, token });
      if (why === undefined) continue;
      logger.info('giving a service up', { service, why });
      stop.abort(stopped());
    }
  }

  /** Takes and asks for what is due; gives the pause until the next look, in milliseconds. */
  async #share(round: LeaseRound): Promise<number> {
    const { store, worker, clock, renewMs = 1000 } = this.#options;
    const services = worker.services.filter((service) => !this.#rests(service));
    const { take, ask, waiting } = shares({ round, me: worker, services: inOrderOf(worker.id, services), busy: new Set(this.#holdings.keys()) });
    for (const service of take) void this.#hold(service);
    if (ask) await store.ask({ ...ask, worker: worker.id }).catch((error: unknown) => this.#unreachable(error));
    if (waiting || take.length > 0) return Math.min(renewMs, WAITING_MS);
    const rest = [...this.#resting.values()].map((until) => until - clock.monotonic());
    return Math.max(MIN_PAUSE_MS, Math.min(renewMs, (round.nextDeathMs ?? renewMs) + MIN_PAUSE_MS, ...rest));
  }

  /** Takes a lease, works, and gives it back. */
  async #hold(service: string): Promise<void> {
    const { store, worker, logger, floor, run } = this.#options;
    const holding: Holding = { token: undefined, stop: new AbortController() };
    this.#holdings.set(service, holding);
    try {
      const token = await store.acquire({ service, worker: worker.id, above: await floor(service) });
      if (token === undefined) return;
      holding.token = token;
      if (holding.stop.signal.aborted) return;
      logger.info('working', { service, token });
      await run({ service, token }, holding.stop.signal);
    } catch (error) {
      this.#failed(service, holding, error);
    } finally {
      if (holding.token !== undefined) {
        await store.release({ service, worker: worker.id, token: holding.token }).catch((error: unknown) => this.#unreachable(error));
      }
      this.#holdings.delete(service);
      this.#wake.abort();
    }
  }

  #failed(service: string, holding: Holding, error: unknown): void {
    const { logger, isTransient } = this.#options;
    if (holding.stop.signal.aborted && error === holding.stop.signal.reason) return;
    if (isBanyanError(error, 'BANYAN_STREAM_FENCED')) logger.warn('another worker has taken over', { service });
    // A link that was lost while the streams were made ready, say. Whoever takes the lease next begins anew.
    else if (isTransient(error)) logger.warn('a service can not be worked on now', { service, reason: messageOf(error) });
    else this.#failure ??= { error };
    this.#resting.set(service, this.#options.clock.monotonic() + REST_MS);
  }

  #rests(service: string): boolean {
    const until = this.#resting.get(service);
    if (until === undefined) return false;
    if (until > this.#options.clock.monotonic()) return true;
    this.#resting.delete(service);
    return false;
  }
}

/** While leases are free or just taken: the others' shares change any moment. */
const WAITING_MS = 150;
const MIN_PAUSE_MS = 20;
/** How long a service that could not be begun is left to others first. */
const REST_MS = 2000;

const stopped = (): BanyanError => new BanyanError('BANYAN_ABORTED', { message: 'The service was given up.' });

function reasonToStop(lease: Lease | undefined, own: { readonly worker: LeaseWorker; readonly token: string }): string | undefined {
  if (!lease || lease.holder !== own.worker.id || lease.token !== own.token) return 'it was taken over';
  if (lease.paused) return 'it is paused';
  if (lease.wantedBy !== undefined && !own.worker.greedy) return 'another worker has fewer';
  return undefined;
}

/** An order that differs between workers, so that two that begin at once do not try for the same lease. */
function inOrderOf(worker: string, services: readonly string[]): readonly string[] {
  if (services.length === 0) return services;
  const from = Buffer.from(worker).reduce((sum, byte) => (sum * 31 + byte) % 65_521, 7) % services.length;
  return [...services.slice(from), ...services.slice(0, from)];
}
