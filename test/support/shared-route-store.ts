import type { Clock } from '../../src/core/clock.ts';
import { BanyanError } from '../../src/core/errors.ts';
import { PLAIN_DECISION } from '../../src/model/route-decision.ts';
import type { RouteAcknowledgement, RouteChange, RouteReport, RouteState, RouteStore, RouteWatcher } from '../../src/ports/route-store.ts';

/** A store of one process, which several routers share. */
export class SharedRouteStore implements RouteStore {
  readonly versions: RouteState[] = [];
  readonly #watchers = new Set<RouteWatcher>();
  /** Makes every question fail, and the watchers know. */
  #down = false;
  readonly acks = new Map<string, RouteReport>();
  routers: string[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async install(): Promise<void> {}
  async load(): Promise<readonly RouteState[]> {
    if (this.#down) throw new Error('the store is down');
    return this.versions.slice(-1);
  }

  set down(down: boolean) {
    this.#down = down;
    for (const watcher of this.#watchers) watcher.onReachable(!down, down ? 'the store is down' : '');
  }

  async save(change: RouteChange): Promise<RouteState> {
    const latest = this.versions.at(-1);
    if (change.expectedVersion !== undefined && change.expectedVersion !== (latest?.version ?? 0)) {
      throw new BanyanError('BANYAN_ROUTE_CONFLICT', { message: 'another was first' });
    }
    const { service, percent, by, why } = change;
    const decision = change.decision ?? { ...(latest?.decision ?? PLAIN_DECISION), pinned: null, schedule: [], gradual: null };
    const state = { service, percent, by, why, decision, version: (latest?.version ?? 0) + 1, at: new Date(this.#clock.now()).toISOString() };
    this.versions.push(state);
    for (const watcher of this.#watchers) setTimeout(() => watcher.onStates([state]), 5);
    return state;
  }
  async history(): Promise<readonly RouteState[]> {
    return [...this.versions].reverse();
  }
  async watch(watcher: RouteWatcher, signal: AbortSignal): Promise<void> {
    this.#watchers.add(watcher);
    watcher.onStates(await this.load());
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#watchers.delete(watcher);
  }
  async acknowledge(report: RouteReport): Promise<void> {
    this.acks.set(report.router, report);
  }
  async heartbeat(): Promise<void> {}
  async forget(): Promise<void> {}
  async liveRouters(): Promise<readonly string[]> {
    return this.routers;
  }
  async acknowledgements(): Promise<readonly RouteAcknowledgement[]> {
    return [...this.acks.values()].map((report) => ({ ...report, at: '' }));
  }
}
