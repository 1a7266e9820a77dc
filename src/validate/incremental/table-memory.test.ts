import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/logger.ts';
import { parseTableName } from '../../model/names.ts';
import type { ShapeColumn, TableShape } from '../../ports/checksummer.ts';
import type { Baseline, Mark, MarkStore } from '../../ports/mark-store.ts';
import { pairTables } from '../pair.ts';
import { TableMemory, type TableMemoryOptions } from './table-memory.ts';

const users = parseTableName('users');
const nothing = { missing: 0, extra: 0, different: 0, unsettled: 0 };
const integer: ShapeColumn = { name: 'id', type: 'bigint', form: 'native', judged: false, family: 'integer', generated: false };
const text: ShapeColumn = { name: 'name', type: 'text', form: 'text', judged: false, family: 'text', generated: false };
const char: ShapeColumn = { ...text, type: 'character' };
const citext: ShapeColumn = { ...text, type: 'citext', judged: true, family: 'other' };
const uuid: ShapeColumn = { ...text, name: 'token', type: 'uuid', form: 'native', family: 'other' };
const baseline: Baseline = { question: 'q', generation: 3n, since: 'then', rows: { source: 1000, target: 990 } };
const leaf = (number: bigint, shift = 8): Mark => ({ kind: 'leaf', column: 'id', shift, leaf: number });
const key = (columns: readonly string[], ...texts: readonly string[]): Mark => ({ kind: 'key', columns, key: texts });

/** A table's memory over what is stored of it, and what it stores. */
function memoryOf(options: {
  readonly columns?: readonly ShapeColumn[];
  readonly key?: readonly string[];
  readonly exact?: boolean;
  readonly marks?: readonly Mark[];
  readonly held?: readonly Mark[];
  readonly noBaseline?: boolean;
} & Partial<Pick<TableMemoryOptions, 'only' | 'question' | 'keyGiven' | 'resumed' | 'generation'>>) {
  const { columns = [integer, text], key: names = [columns[0]?.name ?? ''], marks = [], held = [], exact = false } = options;
  const shape: TableShape = { table: users, columns, key: names, estimatedRows: 1000 };
  const stored: { readonly added?: readonly Mark[]; readonly answered?: Parameters<MarkStore['answer']>[2] }[] = [];
  const refuse = (): never => {
    throw new Error('nobody asks for it');
  };
  const memory = new TableMemory({
    store: {
      install: refuse, begin: refuse, flush: refuse, stored: refuse, advance: refuse,
      read: () => Promise.resolve({ marks, ...(options.noBaseline === true ? {} : { baseline }) }),
      add: (_service, _table, added) => Promise.resolve(void stored.push({ added })),
      answer: (_service, _table, answered) => Promise.resolve(void stored.push({ answered })),
    },
    service: 'accounts', pair: pairTables({ spec: { table: 'users' }, source: shape, target: shape, hash: 'record', exact }), shapes: { source: shape, target: shape },
    held: () => Promise.resolve(held), logger: silentLogger, since: 'now',
    keyGiven: options.keyGiven ?? false, resumed: options.resumed ?? false, question: options.question ?? 'q', generation: options.generation ?? 7n, only: options.only ?? true,
  });
  return { memory, stored, part: (density = 1) => memory.part(() => Promise.resolve(density)) };
}

describe('what of a table has to be compared', () => {
  it.each<[string, Parameters<typeof memoryOf>[0], string]>([
    ['a run over all rows', { only: false }, 'all of it was asked for'],
    ['the first time', { noBaseline: true }, 'it was never compared as a whole since marks are kept'],
    ['another question', { question: 'other' }, 'it was compared as a whole for another question last'],
    ['an answer of a run that began later', { generation: 2n }, 'a later run has compared it'],
    ['a mark of all of it', { marks: [leaf(1n), { kind: 'whole', reason: 'it was truncated' }] }, 'it was truncated'],
    ['a change without a form in quarantine', { held: [{ kind: 'whole', reason: 'held' }] }, 'held'],
    ['leaves of a text', { columns: [text], marks: [leaf(1n)] }, 'what was written of it is not known by this key'],
    ['another key', { marks: [key(['other'], '1')] }, 'what was written of it is not known by this key'],
    ['another column', { marks: [{ kind: 'leaf', column: 'other', shift: 8, leaf: 1n }] }, 'what was written of it is not known by this key'],
    ['a leaf of nearly everything', { marks: [leaf(0n, 48)] }, 'what was written of it is not known by this key'],
    ['many leaves', { marks: [leaf(1n), leaf(2n)] }, 'much of it was written'],
    ['many keys', { columns: [text], marks: Array.from({ length: 301 }, (_, i) => key(['name'], `k${i}`)) }, 'much of it was written'],
    ['a key that is given by hand', { keyGiven: true, marks: [leaf(1n)] }, 'its rows are not looked up one by one'],
    ['a key whose text is padded', { columns: [char], marks: [key(['name'], 'a')] }, 'its rows are not looked up one by one'],
    ['a key with an equality of its own', { columns: [citext], marks: [key(['name'], 'a')] }, 'its rows are not looked up one by one'],
    ['no key', { columns: [text], key: [], marks: [key(['name'], 'a')] }, 'its rows are not looked up one by one'],
  ])('all of it: %s', async (_what, options, reason) => {
    expect(await memoryOf(options).part()).toEqual({ kind: 'whole', reason });
  });

  it('else what was touched: leaves, coarse and fine, and rows by their keys in the order of the key', async () => {
    expect(await memoryOf({ marks: [leaf(5n), leaf(1n), leaf(5n), leaf(1n, 10), key(['id'], '-1')], held: [key(['id'], '700')] }).part(0.1)).toEqual({
      kind: 'touched', baseline, keys: [], leaves: [{ shift: 10, leaves: [1n] }, { shift: 8, leaves: [-1n, 1n, 2n] }],
    });
    expect(await memoryOf({ columns: [text, uuid], key: ['name', 'token'], marks: [key(['token', 'name'], 't', 'n')] }).part()).toEqual({ kind: 'touched', baseline, leaves: [], keys: [{ place: 0n, key: ['n', 't'] }] });
    expect(await memoryOf({ columns: [uuid], exact: true, marks: [key(['token'], 't')] }).part()).toMatchObject({ keys: [{ key: ['t'] }] });
    expect(await memoryOf({ columns: [char], marks: [] }).part()).toMatchObject({ leaves: [], keys: [] });
  });
});

describe('what stands after it was compared', () => {
  const differing = [{ place: 5n, key: ['5'] }, { place: 7n, key: ['7'] }, { place: -1n, key: ['-1'] }];

  it('the rows that differ, and those in quarantine though they are equal', async () => {
    const held = [key(['id'], '700')];
    const { memory, stored, part } = memoryOf({ held, marks: [leaf(0n)] });
    await memory.answer(await part(0.1), { source: 1, target: 1 }, { differing, beyond: nothing });
    expect(stored).toEqual([{ answered: { baseline: { ...baseline, generation: 7n }, left: [leaf(0n), leaf(-1n), ...held] } }]);
  });

  it('all of it, where these are too many or can not be named', async () => {
    const first = memoryOf({});
    await first.memory.answer(await first.part(), { source: 5, target: 6 }, { differing, beyond: { ...nothing, extra: 1 } });
    expect(first.stored).toMatchObject([{ answered: { left: [{ kind: 'whole', reason: 'many rows differed' }] } }]);
    const second = memoryOf({ columns: [char] });
    await second.memory.answer(await second.part(), { source: 5, target: 6 }, { differing, beyond: nothing });
    expect(second.stored).toMatchObject([{ answered: { left: [{ kind: 'whole', reason: 'rows of it differed' }] } }]);
  });

  it('a baseline after a comparison of all rows, unless another question stands or a part of it is older', async () => {
    const answerOf = async (options: Parameters<typeof memoryOf>[0]) => {
      const { memory, stored, part } = memoryOf({ columns: [uuid], ...options });
      await memory.answer(await part(), { source: 5, target: 6 }, { differing: [{ place: 9n, key: ['t'] }], beyond: nothing });
      return stored;
    };
    const left = [key(['token'], 't')];
    const own = { question: 'other', generation: 7n, since: 'now', rows: { source: 5, target: 6 } };
    expect(await answerOf({ only: false, question: 'other' })).toEqual([{ added: left }]);
    expect(await answerOf({ question: 'other' })).toEqual([{ answered: { baseline: own, left } }]);
    expect(await answerOf({ only: false, resumed: true })).toEqual([{ added: left }]);
    expect(await answerOf({ only: false })).toEqual([{ answered: { baseline: { ...own, question: 'q' }, left } }]);
  });
});
