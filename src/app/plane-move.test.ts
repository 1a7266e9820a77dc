import { describe, expect, it } from 'vitest';
import { BanyanError } from '../core/errors.ts';
import type { PlaneShare, RunningPlane } from '../ports/data-plane.ts';
import { moveInStep } from './plane-move.ts';

class FakePlane implements RunningPlane {
  readonly name: string;
  readonly log: string[];
  shares: readonly PlaneShare[];
  drains = true;
  takes = true;

  constructor(name: string, log: string[], shares: readonly PlaneShare[]) {
    this.name = name;
    this.log = log;
    this.shares = shares;
  }

  async apply(shares: readonly PlaneShare[]): Promise<void> {
    if (!this.takes) throw new BanyanError('BANYAN_PLANE_APPLY', { message: `${this.name} is gone` });
    this.shares = shares;
    this.log.push(`${this.name} ${shares.map(({ service, percent, movingUpTo }) => `${service}=${percent}${movingUpTo === undefined ? '' : `..${movingUpTo}`}`).join(' ')}`);
  }

  async read(): Promise<readonly PlaneShare[]> {
    return this.shares;
  }

  async drained(): Promise<boolean> {
    this.log.push(`${this.name} drained`);
    return this.drains;
  }
}

function setting(options: { readonly percent: number; readonly from?: PlaneShare; readonly throughRouter?: boolean }) {
  const log: string[] = [];
  const decided: PlaneShare[] = [{ service: 'users', percent: 10 }, { service: 'orders', percent: 50 }];
  const first = new FakePlane('a', log, [options.from ?? { service: 'users', percent: 10 }, { service: 'orders', percent: 30, movingUpTo: 50 }]);
  const second = new FakePlane('b', log, decided);
  const move = {
    planes: [first, second], service: 'users', percent: options.percent, decided, throughRouter: options.throughRouter ?? true, drainMs: 100,
    decide: async () => void log.push('decided'),
  };
  return { log, first, second, move };
}

describe('a move in step', () => {
  it('sends those who move through the router, waits for the others, decides, and sends them on', async () => {
    const { log, move } = setting({ percent: 20 });
    await moveInStep(move);
    expect(log).toEqual([
      'a users=10..20 orders=30..50', 'b users=10..20 orders=50', 'a drained', 'b drained', 'decided',
      'a users=20 orders=30..50', 'b users=20 orders=50',
    ]);
  });

  it('goes back by the same way', async () => {
    const { log, move } = setting({ percent: 0 });
    await moveInStep(move);
    expect(log.slice(0, 2)).toEqual(['a users=0..10 orders=30..50', 'b users=0..10 orders=50']);
  });

  it('takes in those who were under way when an earlier move was broken off', async () => {
    const { log, move } = setting({ percent: 20, from: { service: 'users', percent: 5, movingUpTo: 40 } });
    await moveInStep(move);
    expect(log[0]).toBe('a users=5..40 orders=30..50');
  });

  it('without the router only follows the decision', async () => {
    const { log, move } = setting({ percent: 20, throughRouter: false });
    await moveInStep(move);
    expect(log).toEqual(['decided', 'a users=20 orders=30..50', 'b users=20 orders=50']);
  });

  it('decides nothing, and takes all back, while requests past the router do not end', async () => {
    const { log, move, second } = setting({ percent: 20 });
    second.drains = false;
    await expect(moveInStep(move)).rejects.toMatchObject({ code: 'BANYAN_PLANE_APPLY', message: expect.stringContaining('at b were not over within 100 ms') as string });
    expect(log).not.toContain('decided');
    expect(log.slice(-2)).toEqual(['a users=10 orders=30..50', 'b users=10 orders=50']);
  });

  it('decides nothing if one of the proxies does not take it', async () => {
    const { log, move, second } = setting({ percent: 20 });
    second.takes = false;
    await expect(moveInStep(move)).rejects.toMatchObject({ code: 'BANYAN_PLANE_APPLY' });
    expect(log).not.toContain('decided');
    expect(log.at(-1)).toBe('a users=10 orders=30..50');
  });

  it('leaves those who move with the router if that has not moved them', async () => {
    const { move, first } = setting({ percent: 20 });
    await expect(moveInStep({ ...move, decide: () => Promise.reject(new Error('postponed')) })).rejects.toThrow('postponed');
    expect(first.shares[0]).toEqual({ service: 'users', percent: 10, movingUpTo: 20 });
  });
});
