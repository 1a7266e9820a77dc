import { expect, it } from 'vitest';
import { seededRandom } from '../core/random.ts';
import { parseTableName } from '../model/names.ts';
import type { Mark, TableMark } from '../ports/mark-store.ts';
import { Touched } from './touched.ts';

const users = parseTableName('users');
const orders = parseTableName('orders');
const short = ({ mark }: TableMark): string => (mark.kind === 'leaf' ? `${mark.leaf}>>${mark.shift}` : mark.kind === 'key' ? mark.key.join() : mark.kind);

it('a whole number is a leaf of 256, however large or negative; everything else is itself', () => {
  const touched = new Touched();
  for (const key of ['0', '255', '256', '-1', '-256', '-257', '9223372036854775807', '-9223372036854775808', '999999999999999', '1000000000000000']) touched.row(users, ['id'], [key]);
  expect(touched.take(1n).marks.map(short)).toEqual([
    '0>>8', '1>>8', '-1>>8', '-2>>8', '36028797018963967>>8', '-36028797018963968>>8', '3906249999999>>8', '3906250000000>>8',
  ]);
  touched.row(orders, ['id'], ['7'], true);
  touched.row(orders, ['id'], ['a']);
  touched.row(orders, ['shop', 'no'], ['1', '2']);
  touched.row(orders, ['shop', 'no'], ['1', '2']);
  expect(touched.take(1n).marks.map(short)).toEqual(['7', 'a', '1,2']);
});

it('what the generation has is not stored again, but with the next one it is', () => {
  const touched = new Touched();
  const round = (generation: bigint, outcome: 'stored' | 'failed' = 'stored'): string[] => {
    for (const key of ['1', '1000']) touched.row(users, ['id'], [key]);
    touched.row(orders, ['id'], ['a']);
    const taken = touched.take(generation);
    touched[outcome](taken);
    return taken.marks.map(short);
  };
  expect(round(1n, 'failed')).toHaveLength(3);
  expect([round(1n).length, round(1n).length, round(2n).length, round(2n).length]).toEqual([3, 0, 3, 0]);
  touched.whole(orders, 'truncated');
  expect([round(2n), round(2n), round(3n)]).toEqual([['whole'], [], ['0>>8', '3>>8', 'a']]);
  expect(touched.pending).toBe(false);
});

const covers = (mark: Mark, key: string): boolean =>
  mark.kind === 'whole' || (mark.kind === 'leaf' ? /^-?\d+$/.test(key) && BigInt(key) >> BigInt(mark.shift) === mark.leaf : mark.key[0] === key);

it('memory is bounded, and nothing is forgotten: whatever is stored covers all that was touched since it was last asked', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seededRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const limits = { leaves: 8, keys: 5, total: 12 };
    const touched = new Touched(limits);
    /** Of this generation. */
    let store: TableMark[] = [];
    let generation = 1n;
    const since = new Map<string, Set<string>>();
    const all = new Map<string, Set<string>>();
    for (let step = 0; step < 200; step++) {
      const table = below(2) === 0 ? users : orders;
      const key = random() < 0.8 ? String((below(2) === 0 ? -1 : 1) * below([300, 40_000, 2 ** 40][below(3)] ?? 1)) : `k${below(9)}`;
      touched.row(table, ['id'], [key]);
      for (const each of [since, all]) each.set(table, (each.get(table) ?? new Set()).add(key));
      if (random() >= 0.2) continue;
      if (random() < 0.2) {
        generation += 1n;
        store = [];
        all.clear();
        // What was not taken by then is of the generation that comes.
        for (const [name, keys] of since) all.set(name, new Set(keys));
      }
      const taken = touched.take(generation);
      expect(taken.marks.length).toBeLessThanOrEqual(limits.total + 2);
      if (random() < 0.2) {
        touched.failed(taken);
        continue;
      }
      store.push(...taken.marks);
      touched.stored(taken);
      since.clear();
      for (const [name, keys] of all) {
        for (const each of keys) {
          if (!store.some((kept) => kept.table === name && covers(kept.mark, each))) expect.fail(`seed ${seed}, step ${step}: ${name} ${each} is not covered`);
        }
      }
    }
  }
});

it('what had to be made coarse for want of room is fine again later', () => {
  const touched = new Touched({ leaves: 4 });
  for (let key = 0; key < 40; key++) touched.row(users, ['id'], [String(key * 256)]);
  const coarse = touched.take(1n);
  touched.stored(coarse);
  expect(coarse.marks.length).toBeLessThanOrEqual(4);
  touched.row(users, ['id'], ['256']);
  touched.stored(touched.take(2n));
  touched.row(users, ['id'], ['512']);
  expect(touched.take(3n).marks.map(short)).toEqual(['2>>8']);
});
