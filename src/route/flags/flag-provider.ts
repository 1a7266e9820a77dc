import { systemClock, type Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { RouteState, RouteStore } from '../../ports/route-store.ts';
import { FlagAnswers } from './flag-answers.ts';
import { FlagError, FlagEvents, type FlagContext, type FlagResolution, type FlagValue } from './open-feature.ts';

export interface FlagProviderOptions {
  /** The routes' shared state: what the routers and the command line use. */
  readonly store: RouteStore;
  readonly clock?: Clock;
  /** How often routers are asked whether they have moved the users of a new version, in milliseconds. Default 50. */
  readonly settleMs?: number;
  /** Called when the provider is closed. */
  readonly close?: () => Promise<void>;
}

type FlagType = 'boolean' | 'string' | 'number' | 'object';

/**
 * Routes as flags for application code: a provider for OpenFeature's server SDK.
 *
 * `SERVICE` asked as a boolean: does the service serve this user; as a text: which side; as a number: the
 * percentage; as an object: everything. `SERVICE.dualWrite`, `.readNew`, `.shadow`, `.stage` and so on: what the
 * migration's stage means for this user.
 *
 * It answers from memory, and by the latest version whose users every live router has moved. So application code
 * never takes a user for moved whom a fence still holds back. Cut off from the store it is stale and keeps its last
 * answers; it does not begin without any.
 */
export class BanyanFlagProvider {
  readonly metadata = { name: 'banyan' } as const;
  readonly runsOn = 'server' as const;
  readonly events = new FlagEvents('banyan');
  readonly #options: FlagProviderOptions;
  readonly #clock: Clock;
  readonly #answers = new Map<string, FlagAnswers>();
  /** Versions of which the routers have not moved the users yet. */
  readonly #pending = new Map<string, RouteState>();
  readonly #closing = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #settling: Promise<void> | null = null;
  #ready = false;
  #stale = false;

  constructor(options: FlagProviderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Reads what is decided; rejects if that is impossible. */
  async initialize(): Promise<void> {
    const { store } = this.#options;
    for (const state of await store.load()) this.#answers.set(state.service, new FlagAnswers(await this.#settledOf(state)));
    this.#ready = true;
    this.#running = store.watch(
      {
        onStates: (states) => {
          this.#follow(states);
        },
        onReachable: (reachable, reason) => {
          this.#reached(reachable, reason);
        },
      },
      this.#closing.signal,
    );
  }

  async onClose(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#settling;
    await this.#options.close?.();
  }

  async resolveBooleanEvaluation(flag: string, _byDefault: boolean, context: FlagContext): Promise<FlagResolution<boolean>> {
    const value = this.#value(flag, 'boolean', context);
    if (typeof value !== 'boolean') throw mismatch(flag, 'boolean', value);
    return this.#resolution(value);
  }

  async resolveStringEvaluation(flag: string, _byDefault: string, context: FlagContext): Promise<FlagResolution<string>> {
    const value = this.#value(flag, 'string', context);
    if (typeof value !== 'string') throw mismatch(flag, 'text', value);
    return this.#resolution(value);
  }

  async resolveNumberEvaluation(flag: string, _byDefault: number, context: FlagContext): Promise<FlagResolution<number>> {
    const value = this.#value(flag, 'number', context);
    if (typeof value !== 'number') throw mismatch(flag, 'number', value);
    return this.#resolution(value);
  }

  async resolveObjectEvaluation<T>(flag: string, _byDefault: T, context: FlagContext): Promise<FlagResolution<T>> {
    const value = this.#value(flag, 'object', context);
    if (typeof value !== 'object' || value === null) throw mismatch(flag, 'structure', value);
    return this.#resolution(value as T);
  }

  #value(flag: string, type: FlagType, context: FlagContext): FlagValue {
    if (!this.#ready) throw new FlagError('PROVIDER_NOT_READY', 'the routes have not been read yet');
    const dot = flag.indexOf('.');
    const service = dot < 0 ? flag : flag.slice(0, dot);
    const answers = this.#answers.get(service);
    if (!answers) throw new FlagError('FLAG_NOT_FOUND', `nothing was decided about a service ${service}`);
    return answers.value(dot < 0 ? '' : flag.slice(dot + 1), type, context);
  }

  #resolution<T>(value: T): FlagResolution<T> {
    return { value, reason: this.#stale ? 'STALE' : 'TARGETING_MATCH' };
  }

  #reached(reachable: boolean, reason: string): void {
    if (reachable === !this.#stale) return;
    this.#stale = !reachable;
    this.events.emit(reachable ? 'PROVIDER_READY' : 'PROVIDER_STALE', { message: reason });
  }

  #follow(states: readonly RouteState[]): void {
    for (const state of states) {
      if ((this.#answers.get(state.service)?.version ?? -1) < state.version) this.#pending.set(state.service, state);
    }
    if (this.#pending.size > 0) this.#settling ??= this.#settle();
  }

  /** Takes over each pending version as soon as the routers have moved its users. */
  async #settle(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#pending.size > 0 && !signal.aborted) {
      for (const [service, state] of this.#pending) {
        let moved = false;
        try {
          moved = await this.#isMoved(state);
        } catch (error) {
          this.#reached(false, messageOf(error));
        }
        // A later version may have come meanwhile; it is asked next time.
        if (!moved || this.#pending.get(service) !== state) continue;
        this.#pending.delete(service);
        const answers = new FlagAnswers(state);
        this.#answers.set(service, answers);
        this.events.emit('PROVIDER_CONFIGURATION_CHANGED', { flagsChanged: answers.names });
      }
      if (this.#pending.size === 0) break;
      await this.#clock.sleep(this.#options.settleMs ?? 50, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    this.#settling = null;
  }

  /** Whether each live router has the users of this version, or a later one, where it wants them. Without routers nobody is to be moved. */
  async #isMoved({ service, version }: RouteState): Promise<boolean> {
    const { store } = this.#options;
    const [routers, reports] = [await store.liveRouters(), await store.acknowledgements(service)];
    return routers.every((router) => reports.some((report) => report.router === router && report.version >= version && report.state === 'done'));
  }

  /** The latest version whose users are moved, for a beginning in the middle of a move. */
  async #settledOf(state: RouteState): Promise<RouteState> {
    if (await this.#isMoved(state)) return state;
    this.#pending.set(state.service, state);
    const reports = await this.#options.store.acknowledgements(state.service);
    const history = await this.#options.store.history(state.service, 100);
    // A router that is not done with a version was done with some earlier one.
    const least = Math.min(...reports.map((report) => (report.state === 'done' ? report.version : report.version - 1)), state.version - 1);
    return history.find(({ version }) => version <= least) ?? { ...state, percent: 0, version: 0, decision: { ...state.decision, pinned: 'monolith' } };
  }
}

function mismatch(flag: string, wanted: string, value: FlagValue): FlagError {
  return new FlagError('TYPE_MISMATCH', `${flag} was asked for as a ${wanted}, but is ${typeof value}`);
}
