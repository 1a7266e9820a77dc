import { describe, expect, it } from 'vitest';
import type { Lease, LeaseRound, LeaseWorker } from '../ports/lease-store.ts';
import { shares } from './shares.ts';

const worker = (id: string, services: readonly string[], greedy = false): LeaseWorker => ({ id, host: 'h', pid: 1, services, greedy });

/** Leases in memory, with every worker's view always true. */
class World {
  readonly services: readonly string[];
  readonly workers = new Map<string, LeaseWorker>();
  readonly leases = new Map<string, Lease>();

  constructor(services: readonly string[]) {
    this.services = services;
  }

  round(): LeaseRound {
    const alive = (id: string | undefined): string | undefined => (id !== undefined && this.workers.has(id) ? id : undefined);
    const leases = [...this.leases.values()].map((lease) => ({ ...lease, holder: alive(lease.holder), wantedBy: alive(lease.wantedBy) }));
    return { workers: [...this.workers.values()], leases, nextDeathMs: undefined };
  }

  /** One look of a worker: obeys, takes, asks. Whether it did anything. */
  step(id: string): boolean {
    const me = this.workers.get(id)!;
    let acted = false;
    for (const lease of this.round().leases) {
      if (lease.holder === id && lease.wantedBy !== undefined && !me.greedy) {
        this.leases.set(lease.service, { ...lease, holder: undefined });
        acted = true;
      }
    }
    const round = this.round();
    const busy = new Set(round.leases.filter((lease) => lease.holder === id).map((lease) => lease.service));
    const { take, ask } = shares({ round, me, services: me.services, busy });
    for (const service of take) this.leases.set(service, { service, holder: id, token: '1', wantedBy: undefined, paused: false });
    if (ask) this.leases.set(ask.service, { ...this.leases.get(ask.service)!, wantedBy: id });
    return acted || take.length > 0 || ask !== undefined;
  }

  settle(): void {
    for (let i = 0; i < 100; i++) {
      if (![...this.workers.keys()].map((id) => this.step(id)).includes(true)) return;
    }
    throw new Error('the workers never come to rest');
  }

  counts(): number[] {
    return [...this.workers.keys()].map((id) => this.round().leases.filter((lease) => lease.holder === id).length).sort((a, b) => a - b);
  }
}

const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `s${i}`);

describe('shares of the work', () => {
  it.each([[1, 4], [2, 4], [3, 4], [4, 3], [5, 11]])('%i workers come to hold %i services evenly, whoever comes first or leaves', (workers, services) => {
    const world = new World(names(services));
    for (let n = 1; n <= workers; n++) {
      world.workers.set(`w${n}`, worker(`w${n}`, world.services));
      world.settle();
      const counts = world.counts();
      expect(counts.reduce((a, b) => a + b)).toBe(services);
      expect(counts.at(-1)! - counts[0]!).toBeLessThanOrEqual(1);
    }
    for (let n = 1; n < workers; n++) {
      world.workers.delete(`w${n}`);
      world.settle();
      const counts = world.counts();
      expect(counts.reduce((a, b) => a + b)).toBe(services);
      expect(counts.at(-1)! - counts[0]!).toBeLessThanOrEqual(1);
    }
  });

  it('leave a service to those who can run it', () => {
    const world = new World(names(3));
    world.workers.set('a', worker('a', ['s0', 's1', 's2']));
    world.workers.set('b', worker('b', ['s2']));
    world.settle();
    expect(world.leases.get('s2')?.holder).toBe('b');
    expect(world.counts()).toEqual([1, 2]);
  });

  it('are not asked of a run that will end by itself, and it takes all there is', () => {
    const world = new World(names(4));
    world.workers.set('a', worker('a', world.services));
    world.workers.set('once', worker('once', world.services, true));
    world.step('once');
    world.settle();
    expect(world.counts()).toEqual([0, 4]);
  });

  it('are never taken from a living holder, and a paused service is nobody’s', () => {
    const round = (lease: Partial<Lease>): LeaseRound => ({
      workers: [worker('a', ['s0']), worker('b', ['s0'])], nextDeathMs: undefined,
      leases: [{ service: 's0', holder: undefined, token: '1', wantedBy: undefined, paused: false, ...lease }],
    });
    const of = (lease: Partial<Lease>) => shares({ round: round(lease), me: { id: 'a', greedy: false }, services: ['s0'], busy: new Set() });
    expect(of({ holder: 'b' })).toEqual({ take: [], ask: undefined, waiting: false });
    expect(of({ paused: true })).toEqual({ take: [], ask: undefined, waiting: false });
    expect(of({ wantedBy: 'b' })).toEqual({ take: [], ask: undefined, waiting: false });
    expect(of({ wantedBy: 'a' })).toEqual({ take: ['s0'], ask: undefined, waiting: false });
    // Its own, of which it does not know: the answer was lost.
    expect(of({ holder: 'a' })).toEqual({ take: ['s0'], ask: undefined, waiting: false });
  });
});
