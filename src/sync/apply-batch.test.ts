import { describe, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { UNCHANGED, type Row, type Value } from '../model/change.ts';
import type { Conflict, Decision } from '../model/conflict.ts';
import { tableName } from '../model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../model/position.ts';
import type { Applier, ApplyTransaction, Checkpoint, LockedRow, QuarantinedWrite, QuarantineEntry, Recalled, TargetTable, Write } from '../ports/applier.ts';
import { applyBatch, Attempts } from './apply-batch.ts';
import { ConflictResolver } from './conflict.ts';
import { Holds } from './holds.ts';
import { Knowledge } from './knowledge.ts';
import type { Step, Work } from './work.ts';

const ITEMS: TargetTable = { name: tableName('public', 'items'), columns: ['id', 'code', 'mark'], key: [0] };
const LOCAL = 7;

const at = (position: number): Position => BigInt(position) as Position;

interface Tuple {
  readonly row: readonly Value[];
  readonly own: boolean;
}

class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`refused with ${code}`);
    this.code = code;
  }
}

/** A table with a unique `code` and savepoints; what a test did not put there was written by this transaction. */
class OneTable implements ApplyTransaction {
  compare = (): Promise<number> => Promise.resolve(0);

  readonly checkpoint: Checkpoint = { position: ORIGIN_OF_TIME, seen: ORIGIN_OF_TIME };
  rows = new Map<string, Tuple>();
  records: { readonly conflict: Conflict; readonly decision: Decision | undefined }[] = [];
  aside: QuarantinedWrite[] = [];
  requested: (readonly string[])[] = [];
  /** When the target's log is read on. */
  atCatchUp = (): void => {};
  #saved: Pick<OneTable, 'rows' | 'records' | 'aside'> | undefined;
  #before: ReadonlyMap<string, Tuple> = new Map();

  begin(): void {
    this.#before = new Map(this.rows);
  }

  /** Refuses a guard-less local row, as the set-based statements do. */
  write(writes: readonly Write[]): Promise<number[]> {
    return this.#answer(() => {
      const missed: number[] = [];
      writes.forEach((write, i) => {
        const present = this.rows.get(write.key[0]!);
        if ((present && !present.own) || (!present && write.kind !== 'insert')) missed.push(i);
        else if (write.kind === 'delete') this.rows.delete(write.key[0]!);
        else this.#set(write.key[0]!, write.row!);
      });
      return missed;
    });
  }

  outside(): Promise<readonly number[]> {
    return Promise.resolve([]);
  }

  lock(_table: TargetTable, key: readonly string[]): Promise<LockedRow | undefined> {
    return this.#answer(() => {
      const tuple = this.rows.get(key[0]!);
      return tuple && { row: tuple.row, xid: LOCAL, committedAt: 50n, replayed: false, own: tuple.own };
    });
  }

  put(_table: TargetTable, key: readonly string[], row: Row): Promise<void> {
    return this.#answer(() => this.#set(key[0]!, row));
  }

  remove(_table: TargetTable, key: readonly string[]): Promise<void> {
    return this.#answer(() => void this.rows.delete(key[0]!));
  }

  truncate(): Promise<[]> {
    return this.#answer(() => this.rows.clear()).then(() => []);
  }

  /** None of these tables refers to another. */
  orphans(): Promise<[]> {
    return Promise.resolve([]);
  }

  parentless(): Promise<boolean> {
    return Promise.resolve(false);
  }

  clashes(_table: TargetTable, key: readonly string[], row: Row): Promise<readonly (readonly string[])[]> {
    return this.#answer(() => this.#holding(key[0]!, row[1]));
  }

  keysBy(_table: TargetTable, row: Row): Promise<readonly (readonly string[])[]> {
    return this.#answer(() => [...this.rows].filter(([, tuple]) => row.every((cell, i) => cell === UNCHANGED || tuple.row[i] === cell)).map(([key]) => [key]));
  }

  request(_table: TargetTable, key: readonly string[]): Promise<void> {
    return this.#answer(() => void this.requested.push(key));
  }

  recordConflict(conflict: Conflict, decision: Decision | undefined): Promise<void> {
    return this.#answer(() => void this.records.push({ conflict, decision }));
  }

  quarantine(entry: QuarantinedWrite): Promise<void> {
    return this.#answer(() => void this.aside.push(entry));
  }

  quarantined(): Promise<readonly QuarantineEntry[]> {
    return this.#answer(() => []);
  }

  recall(): Promise<readonly Recalled[]> {
    throw new Error('nothing is asked for');
  }

  answer(): Promise<void> {
    throw new Error('nothing is asked for');
  }

  storeDeletes(): Promise<void> {
    return this.#answer(() => {});
  }

  confirmClaim(): Promise<void> {
    return this.#answer(() => {});
  }

  overtake(): Promise<void> {
    return this.#answer(() => {});
  }

  checkConstraints(): Promise<void> {
    return this.#answer(() => {});
  }

  savepoint(): Promise<void> {
    return this.#answer(() => {
      this.#saved = { rows: new Map(this.rows), records: [...this.records], aside: [...this.aside] };
    });
  }

  rollbackToSavepoint(): Promise<void> {
    return this.#answer(() => {
      const saved = this.#saved!;
      this.rows = new Map(saved.rows);
      this.records = [...saved.records];
      this.aside = [...saved.aside];
    });
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  rollback(): Promise<void> {
    return this.#answer(() => {
      this.rows = new Map(this.#before);
      this.records = [];
      this.aside = [];
    });
  }

  #set(key: string, cells: Row): void {
    const before = this.rows.get(key)?.row;
    const row = cells.map((cell, i) => (cell === UNCHANGED ? (before?.[i] ?? null) : cell));
    if (this.#holding(key, row[1]).length > 0) throw new Refused('23505');
    if (row[2] === 'refused') throw new Refused('23514');
    if (row[0] !== key) this.rows.delete(key);
    this.rows.set(row[0]!, { row, own: true });
  }

  #holding(key: string, code: Row[number] | undefined): string[][] {
    if (typeof code !== 'string') return [];
    return [...this.rows].filter(([other, tuple]) => other !== key && tuple.row[1] === code).map(([other]) => [other]);
  }

  async #answer<T>(run: () => T): Promise<T> {
    await Promise.resolve();
    return run();
  }
}

function applierOf(transaction: OneTable, isTransient: Applier['isTransient'] = () => false): Applier {
  return {
    sessions: 1,
    claim: () => Promise.resolve(transaction.checkpoint),
    describe: () => Promise.resolve(new Map([[ITEMS.name, ITEMS]])),
    begin: () => {
      transaction.begin();
      return Promise.resolve(transaction);
    },
    quarantined: () => Promise.resolve([]),
    isAsked: () => Promise.resolve(false),
    isTransient,
    isOutOfDate: () => false,
    isContention: () => false,
    codeOf: (error) => (error instanceof Refused ? error.code : 'unknown'),
    close: () => Promise.resolve(),
  };
}

const keyText = (key: string): string => `public.items ${key}`;

function write(kind: Write['kind'], key: string, row?: Row, more: Partial<Write> = {}): Write {
  return {
    kind, table: ITEMS, key: [key], keyText: keyText(key), ...(row ? { row } : {}),
    position: at(100), committedAt: 100n, seen: at(10), ...more,
  };
}

async function apply(options: {
  readonly transaction: OneTable;
  readonly steps: readonly Step[];
  readonly knowledge?: Knowledge;
  readonly held?: Holds;
  readonly strategy?: 'prefer-service' | 'prefer-monolith';
  readonly isTransient?: Applier['isTransient'];
  readonly authority?: 'settles' | 'defers';
}): Promise<Knowledge> {
  const { transaction, steps, knowledge = new Knowledge({ clock: systemClock }), held = new Holds(), strategy = 'prefer-service', isTransient, authority = 'settles' } = options;
  const work: Work = { position: at(100), seen: at(10), committedAt: 100n, steps, urgent: false, counts: true };
  await applyBatch({
    applier: applierOf(transaction, isTransient), clock: systemClock, works: [work], attempts: new Attempts(), held,
    settling: {
      links: [],
      service: 'shop', target: authority === 'settles' ? 'monolith' : 'service', authority, knowledge, displaced: new Map(),
      resolver: new ConflictResolver({ clock: systemClock, default: strategy }),
      keyTextOf: (_table, key) => keyText(key[0]!),
      keyOfText: () => undefined,
      tableNamed: () => ITEMS,
      translate: (change) => change,
      catchUp: () => Promise.resolve(transaction.atCatchUp()),
    },
  });
  return knowledge;
}

/** Knows that the local rows were committed after what the changes to come had seen. */
function unseen(): Knowledge {
  const knowledge = new Knowledge({ clock: systemClock });
  knowledge.recordCommit({ xid: LOCAL, position: at(20), committedAt: 50n });
  return knowledge;
}

describe('applying a batch', () => {
  it('asks for a row whose decision was made before its table had some column, and that is not here', async () => {
    const decided = { kind: 'decided', table: ITEMS, key: ['a'], keyText: keyText('a'), row: ['a', UNCHANGED, 'decided'], position: at(100), committedAt: 100n, seen: at(10) } as const;
    const transaction = new OneTable();
    await apply({ transaction, steps: [decided], authority: 'defers' });
    expect([[...transaction.rows], transaction.requested]).toEqual([[], [['a']]]);
    transaction.rows.set('a', { row: ['a', 'here', 'replayed'], own: true });
    await apply({ transaction, steps: [decided], authority: 'defers' });
    expect(transaction.rows.get('a')?.row).toEqual(['a', 'here', 'decided']);
  });

  it('forgets with a savepoint what was decided within it', async () => {
    const transaction = new OneTable();
    transaction.rows.set('a', { row: ['a', null, 'local'], own: false });
    // The delete of the old place is a conflict and is decided; the new place is refused, which undoes both.
    const moved = write('update', 'a', ['b', null, 'refused'], { newKeyText: keyText('b') });
    const held = new Holds();
    const knowledge = await apply({ transaction, steps: [moved], knowledge: unseen(), held });
    expect(transaction.rows.get('a')?.row).toEqual(['a', null, 'local']);
    expect(transaction.records).toEqual([]);
    expect(knowledge.decision(keyText('a'))).toBeUndefined();
    expect(transaction.aside.map(({ write: { key }, code }) => [key, code])).toEqual([[['a'], '23514']]);
    expect([held.owns(keyText('a')), held.owns(keyText('b'))]).toEqual([true, true]);
  });

  it('fails for the first of the statements that were sent at once, whichever says so first', async () => {
    const transaction = new OneTable();
    transaction.rows.set('a', { row: ['a', null, 'replayed'], own: true });
    const first = new Refused('40P01');
    transaction.write = async ([one]) => {
      if (one?.kind !== 'update') throw new Refused('25P02');
      for (let i = 0; i < 20; i++) await Promise.resolve();
      throw first;
    };
    const steps = [write('insert', 'b', ['b', null, 'new']), write('update', 'a', ['a', null, 'new'])];
    await expect(apply({ transaction, steps, isTransient: (error) => error === first })).rejects.toBe(first);
    expect(transaction.aside).toEqual([]);
  });

  it('keeps an earlier decision of the same transaction when a later one is undone', async () => {
    const transaction = new OneTable();
    transaction.rows.set('a', { row: ['a', null, 'local'], own: false });
    const first = write('update', 'a', ['a', null, 'service']);
    const moved = write('update', 'a', ['b', null, 'refused'], { newKeyText: keyText('b'), committedAt: 900n });
    const knowledge = await apply({ transaction, steps: [first, moved], knowledge: unseen() });
    expect(transaction.rows.get('a')?.row).toEqual(['a', null, 'service']);
    expect(transaction.records).toHaveLength(1);
    expect(knowledge.decision(keyText('a'))).toMatchObject({ winner: 'service', committedAt: 100n });
  });

  it('holds a change that would take over a key with a change in quarantine, and all that follows it', async () => {
    const transaction = new OneTable();
    transaction.rows.set('a', { row: ['a', null, 'replayed'], own: true });
    const held = new Holds();
    held.add({ owns: [keyText('b')], refers: [] });
    const moved = write('update', 'a', ['b', null, 'moved'], { newKeyText: keyText('b') });
    await apply({ transaction, steps: [moved, write('insert', 'a', ['a', null, 'again'])], held });
    expect([...transaction.rows.keys()]).toEqual(['a']);
    expect(transaction.rows.get('a')?.row[2]).toBe('replayed');
    expect(transaction.aside.map(({ write: { kind }, code }) => [kind, code])).toEqual([['update', 'held'], ['insert', 'held']]);
    expect(held.owns(keyText('a'))).toBe(true);
  });

  it('settles a clash of two rows written unseen: the one that loses becomes what the monolith has', async () => {
    const clash = async (strategy: 'prefer-service' | 'prefer-monolith'): Promise<OneTable> => {
      const transaction = new OneTable();
      transaction.rows.set('a', { row: ['a', null, 'replayed'], own: true });
      transaction.rows.set('b', { row: ['b', 'x', 'local'], own: false });
      await apply({ transaction, steps: [write('update', 'a', ['a', 'x', 'service'])], knowledge: unseen(), strategy });
      expect(transaction.aside).toEqual([]);
      return transaction;
    };
    const lost = await clash('prefer-monolith');
    expect([...lost.rows.values()].map(({ row }) => row[2])).toEqual(['replayed', 'local']);
    expect(lost.records.map(({ decision }) => [decision?.key['id'], decision?.row?.['mark']])).toEqual([['a', 'replayed']]);
    const won = await clash('prefer-service');
    expect([...won.rows.values()].map(({ row }) => row[2])).toEqual(['service']);
    expect(won.records.map(({ decision }) => [decision?.key['id'], decision?.row])).toEqual([['b', null]]);
  });

  it.each(['prefer-service', 'prefer-monolith'] as const)('settles an update of a row that came back and was deleted again while it was looked for: %s', async (strategy) => {
    const transaction = new OneTable();
    const knowledge = new Knowledge({ clock: systemClock });
    knowledge.recordDelete(keyText('a'), { position: at(20), committedAt: 20n });
    // What the log tells each time it is read on: the row was inserted once more; and then deleted, before it could be locked.
    const told = [() => knowledge.recordInsert(keyText('a')), () => knowledge.recordDelete(keyText('a'), { position: at(40), committedAt: 40n })];
    transaction.atCatchUp = () => told.shift()?.();
    await apply({ transaction, steps: [write('update', 'a', ['a', null, 'service'])], knowledge, strategy });
    const won = strategy === 'prefer-service';
    expect(transaction.records.map(({ conflict, decision }) => [conflict.type, conflict.monolithAt, conflict.winner, decision?.row?.['mark']])).toEqual([
      ['delete-update', 40n, won ? 'service' : 'monolith', won ? 'service' : undefined],
    ]);
    expect(transaction.rows.get('a')?.row[2]).toBe(won ? 'service' : undefined);
  });

  it('tries a change again whose clash has gone before it is looked for, and what is never found not for ever', async () => {
    for (const [writers, aside] of [[1, []], [Infinity, ['23505']]] as const) {
      const transaction = new OneTable();
      const [put, set] = [transaction.put.bind(transaction), transaction.write.bind(transaction)];
      let left = writers;
      // A writer has the value while it is written, and gives it up before it is looked for.
      const meeting = async <T>(run: () => Promise<T>): Promise<T> => {
        if (left > 0) transaction.rows.set('b', { row: ['b', 'x', 'local'], own: false });
        try {
          return await run();
        } finally {
          transaction.rows.delete('b');
        }
      };
      transaction.write = (writes) => meeting(() => set(writes));
      transaction.put = (...args) => meeting(() => put(...args));
      const looked = transaction.clashes.bind(transaction);
      transaction.clashes = (...args) => {
        left -= 1;
        return looked(...args);
      };
      await apply({ transaction, steps: [write('insert', 'a', ['a', 'x', 'new'])], knowledge: unseen() });
      expect(transaction.aside.map(({ code }) => code)).toEqual(aside);
      expect(transaction.records).toEqual([]);
      expect(transaction.rows.get('a')?.row).toEqual(aside.length === 0 ? ['a', 'x', 'new'] : undefined);
    }
  });

  it('does not judge a row in the way by what it was before its lock was had', async () => {
    const transaction = new OneTable();
    transaction.rows.set('b', { row: ['b', 'x', 'local'], own: false });
    const [lock, undo] = [transaction.lock.bind(transaction), transaction.rollbackToSavepoint.bind(transaction)];
    let committed = false;
    const asItStands = (): void => {
      if (committed) transaction.rows.set('b', { row: ['b', 'y', 'local'], own: false });
    };
    transaction.lock = async (table, key) => {
      // Its writer had another value for it, and commits now.
      committed ||= key[0] === 'b';
      asItStands();
      return lock(table, key);
    };
    transaction.rollbackToSavepoint = () => undo().then(asItStands);
    await apply({ transaction, steps: [write('insert', 'a', ['a', 'x', 'new'])], knowledge: unseen() });
    expect([...transaction.rows.values()].map(({ row }) => row)).toEqual([['b', 'y', 'local'], ['a', 'x', 'new']]);
    expect([transaction.records, transaction.aside]).toEqual([[], []]);
  });

  it('asks the monolith for a row whose value the service still has, because it declined to give it up', async () => {
    const transaction = new OneTable();
    transaction.rows.set('b', { row: ['b', 'x', 'replayed'], own: true });
    transaction.rows.set('c', { row: ['c', 'y', 'local'], own: false });
    const steps = [write('update', 'b', ['b', 'y', 'moved']), write('insert', 'a', ['a', 'x', 'took'])];
    await apply({ transaction, steps, knowledge: unseen(), authority: 'defers' });
    expect(transaction.requested).toEqual([['b'], ['a']]);
    expect([...transaction.rows.values()].map(({ row }) => row[2])).toEqual(['replayed', 'local']);
    expect(transaction.aside).toEqual([]);
  });

  it('undoes a moved row whose clash turns out to be none of concurrency', async () => {
    const transaction = new OneTable();
    transaction.rows.set('a', { row: ['a', null, 'replayed'], own: true });
    transaction.rows.set('c', { row: ['c', 'x', 'seen'], own: true });
    const moved = write('update', 'a', ['b', 'x', 'moved'], { newKeyText: keyText('b') });
    await apply({ transaction, steps: [moved] });
    expect([...transaction.rows.keys()]).toEqual(['a', 'c']);
    expect(transaction.aside.map(({ code }) => code)).toEqual(['23505']);
  });
});

describe('a row that is named by what was its table\'s key once', () => {
  const named = { table: ITEMS, key: [], keyText: 'public.items ?', seen: at(10), position: at(100), committedAt: 100n };
  const rows = (): OneTable => {
    const transaction = new OneTable();
    for (const [key, code] of [['1', 'a'], ['2', 'a'], ['3', 'b']] as const) transaction.rows.set(key, { row: [key, code, null], own: false });
    return transaction;
  };

  it('is asked for at the service, each row that it may be, and none is removed', async () => {
    const transaction = rows();
    await apply({ transaction, authority: 'defers', steps: [{ ...named, kind: 'decided', row: null, former: { code: 'a' } }] });
    expect(transaction.requested).toEqual([['1'], ['2']]);
    expect(transaction.rows.size).toBe(3);
  });

  it('is told of at the monolith as it stands there', async () => {
    const transaction = rows();
    await apply({ transaction, steps: [{ ...named, kind: 'requested', evenIfGone: true, former: { code: 'b' } }, { ...named, kind: 'requested', former: { code: 'none' } }] });
    expect(transaction.records.map(({ decision }) => decision)).toMatchObject([{ key: { id: '3' }, row: { id: '3', code: 'b' } }]);
  });

  it('is put aside, with why, where its table has no such column any more', async () => {
    const transaction = rows();
    await apply({ transaction, authority: 'defers', steps: [{ ...named, kind: 'decided', row: null, former: { number: '7' } }] });
    expect(transaction.aside).toMatchObject([{ as: 'decided', code: 'BANYAN_NO_KEY', write: { former: { number: '7' } } }]);
    expect(transaction.requested).toEqual([]);
  });
});
