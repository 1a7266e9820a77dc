import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import type { Row } from '../model/change.ts';
import type { Conflict, Decision } from '../model/conflict.ts';
import { tableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Side } from '../model/side.ts';
import type { ApplyTransaction, LockedRow, TargetTable, Write } from '../ports/applier.ts';
import { ConflictResolver } from './conflict.ts';
import { Holds } from './holds.ts';
import { Knowledge } from './knowledge.ts';
import type { Authority, SettleContext } from './settle-context.ts';
import { settleOffered } from './settle-offered.ts';
import type { Offered } from './work.ts';

const ITEMS: TargetTable = { name: tableName('public', 'items'), columns: ['id', 'value'], key: [0] };
const KEY = 'public.items 1';
const at = (position: number): Position => BigInt(position) as Position;

/** The monolith, unless said otherwise, with one row or none. */
class World {
  readonly knowledge = new Knowledge({ clock: systemClock });
  readonly records: { readonly conflict: Conflict; readonly decision: Decision | undefined }[] = [];
  readonly #authority: Authority;
  here: LockedRow | undefined;
  atCatchUp = (): void => {};

  constructor(here?: Partial<LockedRow> & { readonly row: Row }, authority: Authority = 'settles') {
    this.here = here && { xid: 7, replayed: false, own: false, committedAt: 50n, ...here };
    this.#authority = authority;
  }

  async offer(row: Row | undefined, { truth = 'monolith', seen = 100, version = '7' }: { readonly truth?: Side; readonly seen?: number; readonly version?: string } = {}): Promise<string> {
    const write: Write = {
      kind: row ? 'insert' : 'delete', table: ITEMS, key: ['1'], keyText: KEY, position: at(10), committedAt: 60n, seen: at(seen), ...(row ? { row } : {}),
    };
    const step: Offered = { kind: 'offered', table: ITEMS, key: ['1'], keyText: KEY, write, offer: { id: '1', truth, version } };
    const [outcome] = await settleOffered([step], this.#context());
    return outcome?.state ?? 'none';
  }

  #context(): SettleContext {
    const transaction = {
      lock: () => Promise.resolve(this.here),
      put: (_table: TargetTable, _key: readonly string[], row: Row) => this.#write(row),
      write: ([write]: readonly Write[]) => this.#write(write?.row).then(() => []),
      remove: () => this.#write(undefined),
      recordConflict: (conflict: Conflict, decision: Decision | undefined) => Promise.resolve(void this.records.push({ conflict, decision })),
    } as Partial<ApplyTransaction> as ApplyTransaction;
    return {
      service: 'shop', target: this.#authority === 'follows' ? 'service' : 'monolith', authority: this.#authority, transaction, knowledge: this.knowledge,
      resolver: new ConflictResolver({ clock: systemClock }), touched: new Set(), decided: new Map(), inserted: [], outside: new Map(), newlyHeld: new Holds(),
      displaced: new Map(), types: new Map(), batch: at(20), links: [], removed: new Map(), suspects: new Map(), watched: new Set(),
      keyTextOf: () => KEY, tableNamed: () => ITEMS, translate: (write) => write, alone: () => Promise.resolve(),
      keyOfText: () => undefined,
      catchUp: () => {
        this.atCatchUp();
        return Promise.resolve();
      },
    };
  }

  #write(row: Row | undefined): Promise<void> {
    this.here = row && { row, xid: 99, replayed: false, own: true };
    return Promise.resolve();
  }
}

/** A row that the monolith's own users wrote, at a position of its log. */
function local(position: number, value = 'ours'): World {
  const world = new World({ row: ['1', value] });
  world.knowledge.recordCommit({ xid: 7, position: at(position), committedAt: 50n });
  return world;
}

describe('an offered row', () => {
  it('that is the same is left alone, without a record', async () => {
    const world = local(50);
    expect(await world.offer(['1', 'ours'])).toBe('equal');
    expect(await new World().offer(undefined)).toBe('equal');
    expect(world.records).toEqual([]);
  });

  it('that differs from what its author had seen is made equal to the side that counts, and both rows are kept', async () => {
    const monolith = local(50);
    expect(await monolith.offer(['1', 'theirs'])).toBe('repaired');
    expect(monolith.here?.row).toEqual(['1', 'ours']);
    expect(monolith.records[0]).toMatchObject({
      conflict: { type: 'difference', strategy: 'resync', winner: 'monolith', monolith: { id: '1', value: 'ours' }, serviceRow: { id: '1', value: 'theirs' } },
      decision: { row: { id: '1', value: 'ours' }, standing: { winner: 'monolith' } },
    });
    const service = local(50);
    expect(await service.offer(['1', 'theirs'], { truth: 'service' })).toBe('repaired');
    expect(service.here?.row).toEqual(['1', 'theirs']);
    expect(service.records[0]).toMatchObject({ conflict: { winner: 'service', monolith: { value: 'ours' } }, decision: { row: { value: 'theirs' }, standing: { winner: 'service' } } });
  });

  it.each(['monolith', 'service'] as const)('waits for what its author had not seen yet, whichever side counts: %s', async (truth) => {
    const unseen = local(101);
    expect(await unseen.offer(['1', 'theirs'], { truth })).toBe('moved');
    expect(await unseen.offer(undefined, { truth })).toBe('moved');
    const decided = local(50);
    decided.knowledge.recordDecision(KEY, { position: undefined, batch: at(15), winner: 'service', committedAt: 1n });
    expect(await decided.offer(['1', 'theirs'], { truth })).toBe('moved');
    expect([...unseen.records, ...decided.records]).toEqual([]);
    expect(unseen.here?.row).toEqual(['1', 'ours']);
  });

  it('that its author does not have counts only against the version that was found here', async () => {
    const another = local(50);
    expect(await another.offer(undefined, { truth: 'service', version: '6' })).toBe('moved');
    expect(another.here).toBeDefined();
    const same = local(50);
    expect(await same.offer(undefined, { truth: 'service' })).toBe('repaired');
    expect(same.here).toBeUndefined();
    expect(same.records[0]).toMatchObject({ conflict: { monolith: { value: 'ours' }, serviceRow: null }, decision: { row: null } });
  });

  it('is not put back over a delete that its author had not seen, though the log tells of it only now', async () => {
    const world = new World();
    world.atCatchUp = () => world.knowledge.recordDelete(KEY, { position: at(101), committedAt: 50n });
    expect(await world.offer(['1', 'theirs'], { truth: 'service' })).toBe('moved');
    expect(world.here).toBeUndefined();
    const seen = new World();
    seen.knowledge.recordDelete(KEY, { position: at(99), committedAt: 50n });
    expect(await seen.offer(['1', 'theirs'], { truth: 'service' })).toBe('repaired');
    expect(seen.here?.row).toEqual(['1', 'theirs']);
  });

  it('that the filter leaves to the monolith is gone for the service, and is never the service’s to write', async () => {
    const world = new World({ row: ['1', 'ours'], outside: true });
    expect(await world.offer(['1', 'theirs'], { truth: 'service' })).toBe('refused');
    expect(await world.offer(undefined)).toBe('equal');
    expect(await world.offer(['1', 'theirs'])).toBe('repaired');
    expect(world.records[0]?.decision).toMatchObject({ row: null });
  });

  it('of a one-way stream is what counts, whoever wrote here', async () => {
    const world = new World({ row: ['1', 'written here'] }, 'follows');
    expect(await world.offer(['1', 'source'])).toBe('repaired');
    expect(world.here?.row).toEqual(['1', 'source']);
    expect(world.records[0]).toMatchObject({ conflict: { winner: 'monolith', monolith: { value: 'source' }, serviceRow: { value: 'written here' } }, decision: undefined });
  });
});
