import { describe, expect, test } from 'vitest';
import { BanyanError, isBanyanError } from '../core/errors.ts';
import { UNCHANGED, type Relation, type Row } from '../model/change.ts';
import { parseTableName, tableName, type TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Direction } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { Reference, TargetTable, Write } from '../ports/applier.ts';
import { Mapping, type SchemaJudge } from './mapping.ts';

const ITEMS = tableName('public', 'items');
const at = (position: number): Position => BigInt(position) as Position;
const CONTEXT = { position: at(5), committedAt: 50n, seen: at(1) };
const THERE: Direction = 'monolith-to-service';
const BACK: Direction = 'service-to-monolith';

const target = (columns: readonly string[], more: Partial<TargetTable> = {}): TargetTable => ({ name: ITEMS, columns, key: [0], ...more });
const relation = (columns: readonly string[], name: TableName = ITEMS): Relation => ({
  table: name, replicaIdentity: 'default', columns: columns.map((column, i) => ({ name: column, identity: i === 0, typeId: 25 })),
});

function judge(more: Partial<SchemaJudge> = {}): SchemaJudge {
  return { misfit: () => undefined, formerly: () => new Map(), sourceColumns: () => undefined, older: () => new Map(), ...more };
}

const MISFIT = judge({ misfit: () => new BanyanError('BANYAN_SCHEMA_CHANGED', { message: 'unlike' }) });

interface Given {
  readonly columns?: readonly string[];
  readonly mapping?: Partial<TableMapping>;
  readonly target?: Partial<TargetTable>;
  readonly direction?: Direction;
  readonly schema?: SchemaJudge;
}

function items({ columns = ['id', 'n'], mapping = {}, target: more = {}, direction = THERE, schema }: Given = {}): Mapping {
  return new Mapping({
    pairs: [{ monolith: ITEMS, service: ITEMS, ...mapping }], direction, targets: new Map([[ITEMS, target(columns, more)]]), ...(schema ? { schema } : {}),
  });
}

const ROWS = relation(['id', 'n']);
const insert = (row: Row, of = ROWS) => ({ kind: 'insert', relation: of, row }) as const;
const update = (row: Row, old?: Row, oldIsKey = false, of = ROWS) => ({ kind: 'update', relation: of, row, ...(old ? { old, oldIsKey } : {}) }) as const;

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return isBanyanError(error) ? error.code : String(error);
  }
}

test('a table that is not synchronised has no target, no row and no name', () => {
  const other = relation(['id'], parseTableName('other'));
  expect(items().targetsOf(other)).toEqual([]);
  expect(items().writesOf(insert(['1'], other), CONTEXT)).toEqual([]);
  expect(items().rowOf(other.table, { id: '1' })).toBeUndefined();
  expect(items().tableNamed(other.table)).toBeUndefined();
});

test('a row has one text for both directions, in whatever order each side keeps its key, and the text gives the key back', () => {
  const there = items({ columns: ['a', 'b'], target: { key: [0, 1] } });
  const back = items({ columns: ['b', 'a'], target: { key: [0, 1] }, direction: BACK });
  const [one, other] = [there.rowOf(ITEMS, { a: '1:2,', b: '' }), back.rowOf(ITEMS, { b: '', a: '1:2,' })];
  expect(one?.keyText).toBe(other?.keyText);
  expect(one && there.keyOfText(one.table, one.keyText)).toEqual(['1:2,', '']);
  expect(other && back.keyOfText(other.table, other.keyText)).toEqual(['', '1:2,']);
  expect(one && there.keyOfText(one.table, 'public.others 1')).toBeUndefined();
  expect(there.keyOfText(target(['id'], { name: parseTableName('other') }), 'public.other 1')).toBeUndefined();
});

test('a row that was named by another key is known by what its record holds of it', () => {
  const keyed = items({ columns: ['a', 'b'], target: { key: [1] } });
  expect(keyed.rowOf(ITEMS, { a: '1' }, { a: '1', b: '2' })).toMatchObject({ key: ['2'], keyText: keyed.rowOf(ITEMS, { b: '2' })?.keyText });
  expect(keyed.rowOf(ITEMS, { b: '3' }, { a: '1', b: '2' })?.key).toEqual(['3']);
  expect(keyed.rowOf(ITEMS, { a: '1' }), 'and where it holds nothing, by its former key alone').toMatchObject({ key: [], former: { a: '1' } });
  expect(keyed.rowOf(ITEMS, { a: '1' })?.keyText).not.toBe(keyed.rowOf(ITEMS, { b: '1' })?.keyText);
});

describe('a change without its key', () => {
  test('stops the stream where the tables\' forms are not watched, and goes to quarantine with its content where they are', () => {
    expect(codeOf(() => items().writesOf(insert([null, 'x']), CONTEXT))).toBe('BANYAN_NO_KEY');
    const [write] = items({ schema: judge() }).writesOf(insert([null, 'x']), CONTEXT);
    expect(write).toMatchObject({ kind: 'insert', row: [null, 'x'], of: ITEMS, fault: { code: 'BANYAN_NO_KEY' } });
  });

  test.each([['an update', update(['1', 'y'])], ['an update with its key', update(['1', 'y'], ['1', null], true)]])('%s of a table without any needs the whole old row', (_, change) => {
    expect(codeOf(() => items({ target: { key: [] } }).writesOf(change, CONTEXT))).toBe('BANYAN_NO_KEY');
  });

  test('two equal rows of a table without any are never taken for one', () => {
    const mapping = items({ target: { key: [] } });
    const writes = [...mapping.writesOf(insert(['1', 'x']), CONTEXT), ...mapping.writesOf(insert(['1', 'x']), CONTEXT), ...mapping.writesOf(update(['1', UNCHANGED], ['1', 'x']), CONTEXT)];
    expect(writes.map(({ kind, row, old }) => [kind, row ?? old])).toEqual([
      ['insert', ['1', 'x']], ['insert', ['1', 'x']], ['delete', ['1', 'x']], ['insert', ['1', 'x']],
    ]);
    expect(new Set(writes.map(({ keyText }) => keyText)).size).toBe(4);
  });
});

describe('a change that does not fit the target\'s form', () => {
  test('is kept as it was written, under its row\'s names of before and after', () => {
    const [write] = items({ schema: MISFIT }).writesOf(update(['2', 'x'], ['1', null], true), CONTEXT);
    expect(write).toMatchObject({ row: ['2', 'x'], keyText: 'public.items 1', newKeyText: 'public.items 2', known: { kind: 'update' }, fault: { code: 'BANYAN_SCHEMA_CHANGED' } });
  });

  test('has a name of its own where it has no key, or none that is known', () => {
    const keyless = items({ target: { key: [] }, schema: MISFIT });
    const texts = [insert(['1', 'x']), insert(['1', 'x'])].flatMap((change) => keyless.writesOf(change, CONTEXT)).map(({ keyText }) => keyText);
    expect(new Set(texts).size).toBe(2);
    const unknown = items({ schema: MISFIT });
    const [one, two] = [insert([null, 'x']), insert([null, 'x'])].flatMap((change) => unknown.writesOf(change, CONTEXT));
    expect(one).toMatchObject({ row: [null, 'x'], keyText: 'public.items #1' });
    expect(two?.keyText).toBe('public.items #2');
    expect(one?.known).toBeUndefined();
  });

  test('is told of by its table\'s name', () => {
    expect(items({ schema: MISFIT }).misfits(ROWS)).toEqual([ITEMS]);
    expect(items({ schema: judge() }).misfits(ROWS)).toEqual([]);
  });
});

test.each<[Direction, string]>([[THERE, 'service'], [BACK, 'monolith']])('%s: a column that the other side lacks stops a stream that watches no forms, and is named', (direction, side) => {
  const changed = relation(['id', 'n', 'extra']);
  const run = () => items({ direction, mapping: { service: parseTableName('things'), monolith: parseTableName('items') } })
    .writesOf(insert(['1', 'x', 'y'], { ...changed, table: parseTableName(direction === THERE ? 'items' : 'things') }), CONTEXT);
  expect(codeOf(run)).toBe('BANYAN_SCHEMA_CHANGED');
  expect(run).toThrow(side === 'service' ? 'public.things lacks: extra' : 'public.items lacks: extra');
});

describe('values of a module', () => {
  const functions = { reads: ['id', 'n'], toService: () => ({}), toMonolith: ({ n = null }: Readonly<Record<string, string | null>>) => ({ n: n === null ? null : `${n}!` }) };

  test('are made of the whole row: what the change left alone stands in the old one', () => {
    const [write] = items({ mapping: { functions }, direction: BACK }).writesOf(update(['1', UNCHANGED], ['1', 'x']), CONTEXT);
    expect(write?.row).toEqual(['1', 'x!']);
  });

  test('where the old row is not there the change goes to quarantine, not over the row', () => {
    for (const change of [update(['1', UNCHANGED]), update(['1', UNCHANGED], ['1', null], true)]) {
      const [write] = items({ mapping: { functions }, direction: BACK }).writesOf(change, CONTEXT);
      expect(write).toMatchObject({ keyText: 'public.items 1', fault: { code: 'BANYAN_TRANSFORM' } });
    }
  });
});

test('a value that no table lists goes to quarantine, and comes out of it once the list is mended', () => {
  const listed = (...pairs: readonly (readonly [string, string])[]) => items({
    mapping: { columns: [{ monolith: 'id', service: 'id' }, { monolith: 'n', service: 'n', values: new Map(pairs) }] }, direction: BACK,
  });
  const [faulty] = listed(['a', '1']).writesOf(insert(['7', '2']), CONTEXT);
  expect(faulty).toMatchObject({ keyText: 'public.items 7', row: ['7', '2'], fault: { code: 'BANYAN_TRANSFORM' } });
  const bases = new Map();
  const again = faulty && listed(['a', '1'], ['b', '2']).translateAgain({ ...faulty, bases });
  expect(again).toMatchObject({ keyText: 'public.items 7', row: ['7', 'b'] });
  expect(again?.fault).toBeUndefined();
  expect(again?.bases).toBe(bases);
  expect(faulty && listed(['a', '1']).translateAgain(faulty).fault).toMatchObject({ code: 'BANYAN_TRANSFORM' });
});

test('a change whose table is synchronised no more stays as it was when it is tried again', () => {
  const [write] = items({ schema: MISFIT }).writesOf(insert(['1', 'x']), CONTEXT);
  const elsewhere = new Mapping({ pairs: [], direction: THERE, targets: new Map() });
  expect(write && elsewhere.translateAgain(write)).toBe(write);
  expect(write && elsewhere.reshaped(write)).toBe(write);
});

test('a write takes the form that its table has now, and leaves alone what it did not bring', () => {
  const [write] = items().writesOf(update(['1', 'x'], ['1', 'w']), CONTEXT);
  const now = items({ columns: ['id', 'm', 'renamed'], schema: judge({ formerly: () => new Map([['n', 'renamed']]) }) });
  expect(write && now.reshaped(write)).toMatchObject({ row: ['1', UNCHANGED, 'x'], old: ['1', UNCHANGED, 'w'], table: { carried: [true, false, true] } });
});

test('a new row from before a column came gets what the source gave to its older rows', () => {
  const [write] = items().writesOf(insert(['1', 'x']), CONTEXT);
  const now = items({ columns: ['id', 'n', 'came', 'empty'], schema: judge({ older: () => new Map([['came', '7'], ['empty', null]]) }) });
  expect(write && now.reshaped(write).row).toEqual(['1', 'x', '7', null]);
});

describe('links between tables', () => {
  const PARENT = parseTableName('parents');
  const reference: Reference = { columns: [1], table: PARENT, there: ['id'], valid: true };
  const links = (given: Partial<Reference>, more: { readonly child?: Partial<TargetTable>; readonly parent?: Partial<TargetTable>; readonly part?: boolean } = {}) => new Mapping({
    pairs: [{ monolith: ITEMS, service: ITEMS, ...(more.part ? { part: true } : {}) }, { monolith: PARENT, service: PARENT }], direction: THERE,
    targets: new Map([[ITEMS, target(['id', 'parent'], { references: [{ ...reference, ...given }], ...more.child })], [PARENT, target(['id', 'code'], { name: PARENT, ...more.parent })]]),
  }).links;

  test('are foreign keys to a parent\'s own key', () => {
    expect(links({})).toMatchObject([{ child: { name: ITEMS }, parent: { name: PARENT }, reference }]);
  });

  test.each<[string, Parameters<typeof links>]>([
    ['to a table that is not synchronised', [{ table: parseTableName('elsewhere') }]],
    ['that rows may break', [{ valid: false }]],
    ['of rows that have no key', [{}, { child: { key: [] } }]],
    ['to a parent without a key', [{}, { parent: { key: [] } }]],
    ['to another unique column', [{ there: ['code'] }]],
    ['of a table that is a part of another', [{}, { part: true }]],
  ])('are none %s', (_, given) => {
    expect(links(...given)).toEqual([]);
  });
});

test('a table that nobody described is no table to write', () => {
  expect(codeOf(() => new Mapping({ pairs: [{ monolith: ITEMS, service: ITEMS }], direction: THERE, targets: new Map() }))).toBe('BANYAN_INTERNAL');
  expect(codeOf(() => items().keyTextOf(target(['id'], { name: parseTableName('other') }), ['1']))).toBe('BANYAN_INTERNAL');
});

test('a deleted row is found by its key alone, and has its old values where the log has them', () => {
  const gone = (oldIsKey: boolean): Write | undefined => items().writesOf({ kind: 'delete', relation: ROWS, old: ['1', 'x'], oldIsKey }, CONTEXT)[0];
  expect(gone(true)).toMatchObject({ kind: 'delete', key: ['1'] });
  expect(gone(true)?.old).toBeUndefined();
  expect(gone(false)?.old).toEqual(['1', 'x']);
});
