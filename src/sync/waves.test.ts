import { expect, it } from 'vitest';
import { UNCHANGED, type Cell } from '../model/change.ts';
import { tableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Write } from '../ports/applier.ts';
import { Waves } from './waves.ts';

const table = { name: tableName('public', 'items'), columns: ['id', 'a', 'b'], key: [0] };

function write(kind: Write['kind'], key: string, cells: readonly Cell[] = [], seen = 0n): Write {
  return {
    kind, table, key: [key], keyText: `items ${key}`, ...(kind === 'delete' ? {} : { row: [key, ...cells] }),
    position: 1n as Position, committedAt: 0n, seen: seen as Position,
  };
}

function shape(waves: Waves): string[][] {
  return [...waves.inOrder()].flat().map((group) => group.map((each) => `${each.kind} ${each.key[0]}`));
}

it('puts deletes before updates before inserts, each kind as one group', () => {
  const waves = new Waves();
  expect(waves.empty).toBe(true);
  for (const each of [write('insert', '1', ['x', 'y']), write('update', '2', ['x', 'y']), write('delete', '3'), write('insert', '4', ['x', 'y'])]) waves.add(each);
  expect(shape(waves)).toEqual([['delete 3'], ['update 2'], ['insert 1', 'insert 4']]);
});

it('joins consecutive writes of one row, and keeps what the later one left unchanged', () => {
  const waves = new Waves();
  waves.add(write('insert', '1', ['x', 'y']));
  waves.add(write('update', '1', ['z', UNCHANGED]));
  expect([...waves.inOrder()].flat(2).map((each) => [each.kind, each.row])).toEqual([['insert', ['1', 'z', 'y']]]);
  waves.add(write('delete', '1'));
  expect(shape(waves)).toEqual([['delete 1']]);
});

it('keeps apart what must not be joined: after a delete, and with other knowledge', () => {
  const waves = new Waves();
  waves.add(write('delete', '1'));
  waves.add(write('insert', '1', ['x', 'y']));
  waves.add(write('update', '1', ['z', 'y'], 5n));
  expect(shape(waves)).toEqual([['delete 1'], ['insert 1'], ['update 1']]);
});

it('keeps nothing of rows that are known to come once', () => {
  const waves = new Waves({ distinct: true });
  expect(waves.empty).toBe(true);
  for (const each of [write('insert', '1', ['x', 'y']), write('update', '2', ['x', 'y']), write('delete', '3'), write('insert', '4', ['x', 'y'])]) waves.add(each);
  expect(waves.empty).toBe(false);
  expect([...waves.inOrder()].map((wave) => wave.length)).toEqual([3]);
  expect(shape(waves)).toEqual([['delete 3'], ['update 2'], ['insert 1', 'insert 4']]);
});
