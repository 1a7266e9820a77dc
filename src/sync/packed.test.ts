import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Position } from '../model/position.ts';
import { PackedMap } from './packed-map.ts';
import { Tombstones } from './tombstones.ts';

const at = (position: number): Position => BigInt(position) as Position;
const KEYS = 12;

/** What happens in the order of positions: something to a key, or everything before forgotten. */
const history = fc.array(fc.record({ key: fc.nat(KEYS - 1), what: fc.constantFrom('put', 'put', 'put', 'take', 'forget'), back: fc.nat(20) }), { maxLength: 120 });

describe('what is packed outside the heap', () => {
  it('answers as an ordinary map does, of commits', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 30 }), (steps, recentSize, askedEvery) => {
        const packed = new PackedMap<Position>({ recentSize });
        const plain = new Map<number, Position>();
        steps.forEach(({ key, what, back }, i) => {
          // As large as a time in microseconds.
          const number = 1_800_000_000_000_000 + key;
          if (what === 'forget') {
            packed.dropThrough(at(i - back));
            for (const [known, position] of plain) if (position <= at(i - back)) plain.delete(known);
          } else {
            packed.set(number, at(i));
            plain.set(number, at(i));
          }
          // What nobody has asked for since is put in order later.
          if (i % askedEvery !== 0 && i < steps.length - 1) return;
          for (let k = 0; k < KEYS; k++) expect(packed.get(1_800_000_000_000_000 + k)).toBe(plain.get(1_800_000_000_000_000 + k));
        });
      }),
    );
  });

  it('finds each of more commits than are kept out of order, whatever their order', () => {
    for (const numberOf of [(i: number) => i, (i: number) => 5000 - i, (i: number) => (i * 7919) % 5000]) {
      const packed = new PackedMap<Position>({ recentSize: 1000 });
      for (let i = 0; i < 5000; i++) packed.set(numberOf(i), at(i + 1));
      for (let i = 0; i < 5000; i++) expect(packed.get(numberOf(i))).toBe(BigInt(i + 1));
      packed.dropThrough(at(4500));
      for (let i = 0; i < 5000; i++) expect(packed.get(numberOf(i))).toBe(i < 4500 ? undefined : BigInt(i + 1));
    }
  });

  it('answers as an ordinary map does, of deletes', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 5 }), (steps, recentSize) => {
        const packed = new Tombstones({ recentSize });
        const plain = new Map<string, Position>();
        steps.forEach(({ key, what, back }, i) => {
          const name = `public.item ${key}`;
          if (what === 'forget') {
            packed.forget(at(i - back));
            for (const [known, position] of plain) if (position <= at(i - back)) plain.delete(known);
          } else if (what === 'take') {
            packed.delete(name);
            plain.delete(name);
          } else {
            packed.record(name, { position: at(i), committedAt: BigInt(-i) });
            plain.set(name, at(i));
          }
          for (let k = 0; k < KEYS; k++) {
            const found = packed.get(`public.item ${k}`);
            expect(found?.position).toBe(plain.get(`public.item ${k}`));
            expect(found?.committedAt).toBe(found && -BigInt(found.position));
          }
        });
      }),
    );
  });

  it('holds the deletes of a large transaction in a few bytes each', () => {
    const packed = new Tombstones({ recentSize: 5000 });
    const before = process.memoryUsage();
    for (let i = 0; i < 60_000; i++) packed.record(`public.item ${i}`, { position: at(7), committedAt: 1n });
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(60_000 * 30);
    expect(packed.get('public.item 0')?.position).toBe(7n);
    expect(packed.get('public.item 59999')?.position).toBe(7n);
    expect(packed.get('public.item 60000')).toBeUndefined();
  });
});
