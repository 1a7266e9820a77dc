import { describe, expect, it } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { BanyanError } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import type { Drained, Lease, LeaseRound, LeaseStore } from '../ports/lease-store.ts';
import { LeasedWork } from './leased-work.ts';

/** Time passes only where everything waits for it. */
class StepClock implements Clock {
  #now = 0;
  now = (): number => this.#now;
  monotonic = (): number => this.#now;
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    this.#now += ms;
  }
}

/** One worker's view of leases in memory. */
class MemoryStore implements LeaseStore {
  readonly leases = new Map<string, Lease>();
  readonly said: string[] = [];
  away = false;
  #token = 0n;

  install = (): Promise<void> => Promise.resolve();
  renew(worker: Parameters<LeaseStore['renew']>[0]): Promise<LeaseRound> {
    if (this.away) return Promise.reject(new Error('no route to host'));
    this.said.push('renew');
    return Promise.resolve({ workers: [worker], leases: [...this.leases.values()], nextDeathMs: undefined });
  }
  acquire({ service, worker }: Parameters<LeaseStore['acquire']>[0]): Promise<string | undefined> {
    if (this.leases.get(service)?.paused === true) return Promise.resolve(undefined);
    this.#token += 1n;
    this.set(service, { holder: worker, token: String(this.#token) });
    return Promise.resolve(String(this.#token));
  }
  ask = (): Promise<void> => Promise.resolve();
  release({ service, token }: Parameters<LeaseStore['release']>[0]): Promise<void> {
    this.said.push(`release ${service}`);
    if (this.leases.get(service)?.token === token) this.set(service, { holder: undefined });
    return Promise.resolve();
  }
  leave = (): Promise<void> => Promise.resolve(void this.said.push('leave'));
  pause = (): Promise<boolean> => Promise.resolve(true);
  drained = (): Promise<Drained> => Promise.resolve({ state: 'held' });
  resume = (): Promise<boolean> => Promise.resolve(true);

  set(service: string, lease: Partial<Lease>): void {
    const before = this.leases.get(service) ?? { service, holder: undefined, token: '0', wantedBy: undefined, paused: false };
    this.leases.set(service, { ...before, ...lease });
  }
}

/** A worker whose runs last until they are stopped, and what became of them. */
function work(options: { readonly services?: readonly string[]; readonly greedy?: boolean; readonly run?: (service: string, signal: AbortSignal) => Promise<void> } = {}) {
  const store = new MemoryStore();
  const runs: string[] = [];
  const leased = new LeasedWork({
    store, clock: new StepClock(), logger: silentLogger, floor: () => Promise.resolve('0'), isTransient: (error) => error instanceof Error && error.message === 'connection lost',
    worker: { id: 'me', host: 'h', pid: 1, services: options.services ?? ['accounts'], greedy: options.greedy ?? false },
    run: async ({ service, token }, signal) => {
      runs.push(`${service} ${token}`);
      await (options.run ?? untilStopped)(service, signal);
      runs.push(`${service} ended`);
    },
  });
  const stop = new AbortController();
  const ended = leased.run(stop.signal);
  ended.catch(() => {});
  return { store, runs, ended, stop: () => (stop.abort(new Error('enough')), ended) };
}

const untilStopped = (_service: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));

/** Gives promises and immediates their turns until it is so. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn === 10_000) throw new Error('it never came');
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** How often it looks at the leases from now on. */
const looks = async (store: MemoryStore, times: number): Promise<void> => {
  const from = store.said.length;
  await until(() => store.said.slice(from).filter((word) => word === 'renew').length >= times);
};

describe('leased work', () => {
  it('takes what is free, and gives everything back before it leaves', async () => {
    const { store, runs, stop } = work({ services: ['accounts', 'orders'] });
    await until(() => runs.length === 2);
    await stop();
    expect(runs.filter((run) => run.endsWith('ended')).toSorted()).toEqual(['accounts ended', 'orders ended']);
    expect(store.said.filter((word) => word !== 'renew').toSorted()).toEqual(['leave', 'release accounts', 'release orders']);
    expect(store.said.at(-1)).toBe('leave');
  });

  it('gives a paused service up, leaves it alone, and takes it again when it is resumed', async () => {
    const { store, runs, stop } = work();
    await until(() => runs.length === 1);
    store.set('accounts', { paused: true });
    await until(() => runs.length === 2);
    expect(runs).toEqual(['accounts 1', 'accounts ended']);
    await looks(store, 5);
    expect(runs).toHaveLength(2);
    expect(store.leases.get('accounts')?.holder).toBeUndefined();
    store.set('accounts', { paused: false });
    await until(() => runs.length === 3);
    expect(runs[2]).toBe('accounts 2');
    await stop();
  });

  it('gives up what another has taken over, and what another asks for unless it is greedy', async () => {
    const taken = work();
    await until(() => taken.runs.length === 1);
    taken.store.set('accounts', { holder: 'other', token: '7' });
    await until(() => taken.runs.includes('accounts ended'));
    // It is not ours to release.
    expect(taken.store.leases.get('accounts')).toMatchObject({ holder: 'other', token: '7' });
    await taken.stop();

    const asked = work();
    await until(() => asked.runs.length === 1);
    asked.store.set('accounts', { wantedBy: 'other' });
    await until(() => asked.runs.includes('accounts ended'));
    await asked.stop();

    const greedy = work({ greedy: true });
    await until(() => greedy.runs.length === 1);
    greedy.store.set('accounts', { wantedBy: 'other' });
    await looks(greedy.store, 5);
    expect(greedy.runs).toEqual(['accounts 1']);
    await greedy.stop();
  });

  it('goes on while the store is away: the databases decide who may write', async () => {
    const { store, runs, stop } = work();
    await until(() => runs.length === 1);
    store.away = true;
    for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(runs).toEqual(['accounts 1']);
    store.away = false;
    await looks(store, 2);
    expect(runs).toEqual(['accounts 1']);
    await stop();
  });

  it('tries again where a link was lost while the streams were made ready', async () => {
    let lost = false;
    const { store, runs, stop } = work({
      run: (service, signal) => {
        if (lost) return untilStopped(service, signal);
        lost = true;
        return Promise.reject(new Error('connection lost'));
      },
    });
    await until(() => runs.length === 2);
    expect(runs).toEqual(['accounts 1', 'accounts 2']);
    expect(store.said).toContain('release accounts');
    await stop();
  });

  it('tries again where it was fenced off, and ends with any other error after everything was given back', async () => {
    let attempts = 0;
    const fenced = work({
      run: (service, signal) => {
        attempts += 1;
        return attempts === 1 ? Promise.reject(new BanyanError('BANYAN_STREAM_FENCED', { message: 'fenced' })) : untilStopped(service, signal);
      },
    });
    await until(() => attempts === 2);
    await fenced.stop();

    const failing = work({ services: ['accounts', 'orders'], run: (service, signal) => (service === 'orders' ? Promise.reject(new Error('broken')) : untilStopped(service, signal)) });
    await expect(failing.ended).rejects.toThrow('broken');
    expect(failing.store.said.at(-1)).toBe('leave');
    expect(failing.store.said).toContain('release accounts');
  });
});
