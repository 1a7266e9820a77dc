import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNCHANGED, type Cell, type Row } from './change.ts';
import { tableName } from './names.ts';
import type { ColumnMapping, RowFunctions, TableMapping } from './table-mapping.ts';
import { rowTranslator } from './translate-row.ts';

const MONOLITH = tableName('public', 'users');
const SERVICE = tableName('public', 'people');

interface Case {
  readonly mapping: TableMapping;
  readonly monolith: readonly string[];
  readonly service: readonly string[];
  readonly row: Row;
}

/** Any columns, some of them renamed (to names that other columns had), some left out, some with values; the two sides' orders differ. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    names: fc.uniqueArray(fc.stringMatching(/^[a-z "é]{1,4}$/), { minLength: 1, maxLength: 8 }),
    shift: fc.nat(7),
    picked: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    listed: fc.array(fc.option(fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 6 })), { minLength: 8, maxLength: 8 }),
    choices: fc.array(fc.nat(20), { minLength: 8, maxLength: 8 }),
    texts: fc.array(fc.option(fc.string()), { minLength: 8, maxLength: 8 }),
    unchanged: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    order: fc.nat(7),
  })
  .map(({ names, shift, picked, listed, choices, texts, unchanged, order }) => {
    const rotated = (by: number, list: readonly string[]): string[] => list.map((_, i) => list[(i + by) % list.length] ?? '');
    const columns = names.flatMap((monolith, i): ColumnMapping[] => {
      if (!picked[i] && i > 0) return [];
      const values = listed[i];
      return [{
        monolith, service: rotated(shift, names)[i] ?? '',
        ...(values ? { values: new Map(values.map((value, at) => [value, values[(at + 1) % values.length] ?? ''])) } : {}),
      }];
    });
    const row = names.map((name, i): Cell => {
      if (unchanged[i] && i > 0) return UNCHANGED;
      const values = columns.find((column) => column.monolith === name)?.values;
      const text = texts[i] ?? null;
      return text !== null && values ? ([...values.keys()][(choices[i] ?? 0) % values.size] ?? null) : text;
    });
    return {
      mapping: { monolith: MONOLITH, service: SERVICE, columns }, monolith: names,
      service: rotated(order, columns.map((column) => column.service)), row,
    };
  });

const both = ({ mapping, monolith, service }: Omit<Case, 'row'>) => ({
  out: rowTranslator({ mapping, to: 'service', from: monolith, into: service }),
  back: rowTranslator({ mapping, to: 'monolith', from: service, into: monolith }),
});

describe('a row', () => {
  it('comes back as it went: renamed, picked, with values, in another order', () => {
    fc.assert(
      fc.property(cases, (each) => {
        const { out, back } = both(each);
        const carried = new Set(each.mapping.columns?.map((column) => column.monolith));
        expect(back.row(out.row(each.row))).toEqual(each.row.map((cell, i) => (carried.has(each.monolith[i] ?? '') ? cell : UNCHANGED)));
      }),
    );
  });

  it('is told apart from every other row on the way', () => {
    fc.assert(
      fc.property(cases, cases, (one, other) => {
        const { out } = both(one);
        const row = one.monolith.map((_, i) => other.row[i] ?? null);
        const legal = one.mapping.columns?.every(({ monolith, values }) => {
          const cell = row[one.monolith.indexOf(monolith)];
          return !values || typeof cell !== 'string' || values.has(cell);
        });
        fc.pre(legal === true);
        const carried = (of: Row): Row => of.filter((_, i) => one.mapping.columns?.some((column) => column.monolith === one.monolith[i]));
        const [a, b] = [out.row(one.row), out.row(row)];
        const same = (x: Row, y: Row): boolean => x.length === y.length && x.every((cell, i) => cell === y[i]);
        expect(same(a, b)).toBe(same(carried(one.row), carried(row)));
      }),
    );
  });

  it('without a mapping is the same row, by name', () => {
    const mapping = { monolith: MONOLITH, service: MONOLITH };
    const { out, back } = both({ mapping, monolith: ['id', 'a', 'b'], service: ['b', 'id', 'a'] });
    expect(out.row(['1', UNCHANGED, null])).toEqual([null, '1', UNCHANGED]);
    expect(back.row([null, '1', UNCHANGED])).toEqual(['1', UNCHANGED, null]);
  });

  it('with a value that is not listed is refused with both', () => {
    const mapping = { monolith: MONOLITH, service: SERVICE, columns: [{ monolith: 'state', service: 'status', values: new Map([['A', 'active'], ['I', 'idle']]) }] };
    const { out, back } = both({ mapping, monolith: ['state'], service: ['status'] });
    expect(out.row([null])).toEqual([null]);
    expect(() => out.row(['X'])).toThrow('public.users.state holds "X", which `values` of public.users does not list; it lists "A", "I".');
    expect(() => back.row(['A'])).toThrow('public.people.status holds "A", which `values` of public.users does not list; it lists "active", "idle".');
  });
});

describe('functions', () => {
  const given: Record<string, string | null>[] = [];
  const make = (functions: Partial<RowFunctions>) =>
    both({
      mapping: {
        monolith: MONOLITH, service: SERVICE, columns: [{ monolith: 'id', service: 'ref' }, { monolith: 'mail', service: 'mail' }],
        functions: { reads: ['id', 'mail', 'first', 'last'], ...functions },
      },
      monolith: ['id', 'mail', 'first', 'last'], service: ['ref', 'mail', 'name', 'private'],
    });

  it('add to the columns, and are given the whole row', () => {
    const { out, back } = make({
      toService: (row) => {
        given.push({ ...row });
        return { name: `${row['first']} ${row['last']}` };
      },
      toMonolith: ({ name }) => ({ first: name?.split(' ')[0] ?? null, last: name?.split(' ')[1] ?? null }),
    });
    expect(out.row(['1', 'm', 'A', 'B'])).toEqual(['1', 'm', 'A B', UNCHANGED]);
    expect(given).toEqual([{ id: '1', mail: 'm', first: 'A', last: 'B' }]);
    expect(back.row(['1', 'm', 'A B', 'mine'])).toEqual(['1', 'm', 'A', 'B']);
    expect(() => out.row(['1', 'm', UNCHANGED, 'B'])).toThrow('needs the whole row');
  });

  it.each<[string, (row: object) => unknown, string]>([
    ['throws', () => { throw new Error('no'); }, 'toService of public.users failed: no'],
    ['gives a promise', async () => ({}), 'gave no object'],
    ['gives nothing', () => undefined, 'gave no object'],
    ['gives a list', () => ['a'], 'gave no object'],
    ['gives a number', () => ({ name: 7 }), 'gave no object'],
    ['gives an unknown column', () => ({ nmae: 'x' }), 'gave "nmae", which public.people does not have'],
  ])('that %s is refused', (_, toService, message) => {
    const { out } = make({ toService: toService as RowFunctions['toService'] & object });
    expect(() => out.row(['1', 'm', 'A', 'B'])).toThrow(message);
  });

  it('may not change the key', () => {
    const mapping: TableMapping = { monolith: MONOLITH, service: MONOLITH, functions: { reads: ['id'], toService: ({ id = '' }) => ({ id: `${id}!` }) } };
    const { row } = rowTranslator({ mapping, to: 'service', from: ['id'], into: ['id'], key: ['id'] });
    expect(() => row(['1'])).toThrow('the key column "id" another value');
  });
});
