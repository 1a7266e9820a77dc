import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { parseTableName } from '../../src/model/names.ts';
import { ORIGIN_OF_TIME, type Position } from '../../src/model/position.ts';
import type { Write } from '../../src/ports/applier.ts';
import type { Mark } from '../../src/ports/mark-store.ts';
import { MarkKeeper } from '../../src/sync/mark-keeper.ts';
import { instantClock } from './instant-clock.ts';
import { MemoryMarks, type MarkPlants } from '../support/memory-marks.ts';
import { Dice } from './dice.ts';

const users = parseTableName('users');
const stream = { service: 'accounts', direction: 'monolith-to-service' } as const;
const table = { name: users, columns: ['id'], key: [0] } as const;

interface Plants extends MarkPlants {
  /** The source is told to forget what is not marked yet. */
  readonly acknowledgesUnmarked?: boolean;
  /** Of a row that gets another key, only the new one is marked. */
  readonly forgetsOldKey?: boolean;
  /** Not a fault: no reader but such as keep marks, of one history. Then none may have to count everything as touched. */
  readonly steady?: boolean;
  /** A run begins its generation before the marks are stored through its fence. */
  readonly doesNotWait?: boolean;
}

/** One change: the row with the key `from` has the key `to` now. */
interface Entry {
  readonly position: bigint;
  readonly from: number;
  readonly to: number;
}

const covers = (mark: Mark, key: number): boolean =>
  mark.kind === 'whole' || (mark.kind === 'leaf' ? BigInt(key) >> BigInt(mark.shift) === mark.leaf : Number(mark.key[0]) === key);

/**
 * A source, its readers, and runs that look at what is marked, in an order that only the seed knows: readers die and
 * come back (also such as keep no marks), runs overlap and are cut off. What a run that ends has not looked at must not have been written
 * since the last time that somebody looked at it for the same question, nor may it differ.
 */
async function simulate(seed: number, plants: Plants): Promise<string | undefined> {
  const dice = new Dice(seed);
  const waiting: (() => void)[] = [];
  const pause = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const marks = new MemoryMarks({ pause, plants });
  const log: Entry[] = [];
  const end = (): bigint => BigInt(log.length);
  let acknowledged = 0n;
  let history = 1;
  /** By question and key: up to where of the log it has been looked at. */
  const looked = { a: new Map<number, bigint>(), b: new Map<number, bigint>() };
  /** Keys of which the last change was lost on its way. */
  const differing = new Set<number>();
  const written = new Map<number, bigint>();
  const failures: string[] = [];

  let reader = 0;
  const read = async (keeping: boolean): Promise<void> => {
    const own = ++reader;
    const alive = (): boolean => own === reader;
    const keeper = new MarkKeeper({ stream, store: marks, pairs: [{ monolith: users, service: users }], clock: instantClock(), logger: silentLogger, limits: { leaves: 6, keys: 4, total: 8 } });
    let at = acknowledged;
    const known = (await marks.stored()).get(stream.direction);
    if (plants.steady === true && known !== undefined && known < at) failures.push(`seed ${seed}: the source was told to forget up to ${at}, and marks are stored up to ${known}`);
    if (keeping) await keeper.begin({ position: at as Position, history: String(history) }, new AbortController().signal);
    let flushing = false;
    while (alive()) {
      await pause();
      if (!alive()) return;
      const entry = log[Number(at)];
      if (entry) {
        const write: Write = { kind: 'update', table, key: [String(entry.from)], keyText: '', row: [String(entry.to)], newKeyText: '', position: ORIGIN_OF_TIME, committedAt: 0n, seen: ORIGIN_OF_TIME };
        keeper.note([plants.forgetsOldKey === true ? { ...write, key: [String(entry.to)] } : write], 0);
        at = entry.position;
        keeper.readThrough(at as Position);
      }
      // A worker that dies meanwhile may have had it stored, or not.
      if (!flushing && dice.chance(0.3)) {
        flushing = true;
        void keeper.flush().catch(() => {}).finally(() => (flushing = false));
      }
      if (alive() && dice.chance(0.5)) acknowledged = keeping && plants.acknowledgesUnmarked !== true ? (keeper.stored > acknowledged ? keeper.stored : acknowledged) : at;
    }
  };

  const run = async (question: 'a' | 'b'): Promise<void> => {
    const fence = end();
    if (plants.doesNotWait !== true) {
      for (let looks = 0; ((await marks.stored()).get(stream.direction) ?? 0n) < fence; looks++) {
        if (looks > 400) return;
        await pause();
      }
    }
    const generation = await marks.advance();
    const { marks: found, baseline } = await marks.read('accounts', users);
    const whole = baseline?.question !== question || baseline.generation > generation || found.some(({ kind }) => kind === 'whole');
    await pause();
    const snapshot = end();
    const answers = looked[question];
    const touched = [...written.keys()].filter((key) => whole || found.some((mark) => covers(mark, key)));
    for (const [key, at] of written) {
      if (touched.includes(key) || at > fence) continue;
      const before = answers.get(key) ?? -1n;
      if (before < at || differing.has(key)) failures.push(`seed ${seed}: ${key} was written at ${at}, last looked at at ${before}, ${differing.has(key) ? 'differs' : 'is equal'}, and is not looked at by the run of fence ${fence}`);
    }
    const left = touched.filter((key) => differing.has(key));
    await pause();
    if (dice.chance(0.2)) return;
    for (const key of touched) if ((answers.get(key) ?? -1n) <= snapshot) answers.set(key, snapshot);
    await marks.answer('accounts', users, {
      baseline: { question, generation, since: '', rows: { source: 0, target: 0 } }, left: left.map((key): Mark => ({ kind: 'leaf', column: 'id', shift: 8, leaf: BigInt(key) >> 8n })),
    });
  };

  let runs = 0;
  void read(true);
  for (let step = 0; step < 600 && failures.length === 0; step++) {
    const what = dice.next();
    if (what < 0.12) {
      const [from, to] = [dice.below(40) * 256, dice.below(40) * 256];
      log.push({ position: end() + 1n, from, to });
      for (const key of [from, to]) {
        written.set(key, end());
        if (dice.chance(0.15)) differing.add(key);
        else differing.delete(key);
      }
    } else if (what < 0.13) {
      // The next one reads from where the source was told, as a process that was killed.
      void read(plants.steady === true || dice.chance(0.85));
      if (plants.steady !== true && dice.chance(0.1)) history += 1;
    } else if (what < 0.16 && runs < 3) {
      runs += 1;
      void run(dice.chance(0.8) ? 'a' : 'b').finally(() => (runs -= 1));
    }
    const next = waiting.splice(dice.below(waiting.length), 1)[0];
    next?.();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  reader += 1;
  return failures[0];
}

async function firstFailure(plants: Plants, seeds: number): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const failure = await simulate(seed, plants);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

describe('marks of incremental validation', () => {
  it('leave out no row, in whatever order streams store, die and begin and runs begin, overlap and are cut off', async () => {
    expect(await firstFailure({}, 200)).toBeUndefined();
  });

  it('outlive every reader: the next one is told again of what is not marked, and need not count all rows as touched', async () => {
    expect(await firstFailure({ steady: true }, 100)).toBeUndefined();
  });

  it.each<[string, Plants]>([
    ['a source that is told to forget what is not marked', { acknowledgesUnmarked: true, steady: true }],
    ['a key that a row had before', { forgetsOldKey: true }],
    ['marks of what is written during a run', { forgetsYounger: true }],
    ['rows that differ', { forgetsLeft: true }],
    ['a stream that kept no marks for a time', { trustsBeginning: true }],
    ['what another run has left meanwhile', { readsOlderOnly: true }],
    ['a run that answers after a later one', { lastAnswerStands: true }],
    ['marks that are not stored yet', { doesNotWait: true }],
  ])('this test sees a fault: %s', async (_what, plants) => {
    expect(await firstFailure(plants, 600)).toBeDefined();
  });
});
