import { describe, expect, it } from 'vitest';
import type { NamedRow } from '../../model/conflict.ts';
import { parseTableName } from '../../model/names.ts';
import type { Side } from '../../model/side.ts';
import type { TableMapping } from '../../model/table-mapping.ts';
import type { ShapeColumn, TableShape } from '../../ports/checksummer.ts';
import type { Repair } from '../../ports/reconcile-store.ts';
import type { RowRepairer, StoredRows } from '../../ports/row-repairer.ts';
import { pairTables, type ComparedColumn } from '../pair.ts';
import { decideAll, holding, keyRow, towards, type Decision, type Difference } from './decide.ts';
import type { AskStrategy, TablePolicy } from './policy.ts';
import { reconciledTable, type ReconciledTable } from './reconciled-table.ts';

/** `orders` of the monolith and of the service, where `changed` is called `touched` and states have other words. */
const MONOLITH = ['id', 'state', 'changed', 'note'];
const SERVICE = ['id', 'state', 'touched', 'note'];
const COMPARED: readonly (string | ComparedColumn)[] = [
  'id', { source: 'state', target: 'state', values: new Map([['1', 'open'], ['2', 'paid']]) }, { source: 'changed', target: 'touched' },
];

const shape = (columns: readonly string[], key: readonly string[]): TableShape => ({
  table: parseTableName('orders'), key, estimatedRows: 1,
  columns: columns.map((name): ShapeColumn => ({ name, type: 'text', form: 'text', family: 'text', judged: false, generated: false })),
});

interface TableOptions {
  readonly policy?: TablePolicy;
  readonly deletes?: boolean;
  readonly key?: readonly string[];
  readonly closed?: Side;
  readonly mapping?: TableMapping;
  readonly noWayBack?: string;
}

function orders({ policy = { policy: 'review' }, deletes = false, key = ['id'], ...others }: TableOptions = {}): ReconciledTable {
  const pair = pairTables({ spec: { table: 'orders', columns: COMPARED }, source: shape(MONOLITH, key), target: shape(SERVICE, key), hash: 'canonical', exact: false });
  return reconciledTable({ pair, policy, deletes, sides: { monolith: { columns: MONOLITH, references: [] }, service: { columns: SERVICE, references: [] } }, ...others });
}

const OURS = { id: '7', state: '1', changed: '10:00', note: 'a' };
const THEIRS = { id: '7', state: 'paid', touched: '11:00', note: 'b' };
const OURS_OF_THEIRS = { id: '7', state: '2', changed: '11:00', note: 'b' };

function difference(monolith: readonly NamedRow[], service: readonly NamedRow[], committed: Readonly<Partial<Record<Side, bigint>>> = {}): Difference {
  const stored = (rows: readonly NamedRow[], side: Side): StoredRows => ({ rows, ...(committed[side] === undefined ? {} : { committedAt: committed[side] }) });
  const type = service.length === 0 ? 'missing' : monolith.length === 0 ? 'extra' : 'different';
  return { type, identity: { place: 7n, key: ['7'] }, monolith: stored(monolith, 'monolith'), service: stored(service, 'service') };
}

const DIFFERENT = difference([OURS], [THEIRS]);
const MISSING = difference([OURS], []);
const EXTRA = difference([], [THEIRS]);

const unasked = (): never => {
  throw new Error('nothing of this is asked for a decision');
};
/** Orders texts as a server orders its values; nothing else of it is for deciding. */
const repairer: RowRepairer = {
  describe: unasked, read: unasked, nextTransaction: unasked, begin: unasked, isBusy: unasked,
  compare: (_table, _column, pairs) => Promise.resolve(pairs.map(([a, b]) => (a < b ? -1 : a > b ? 1 : 0))),
};

const decide = (table: ReconciledTable, differences: readonly Difference[], strategy?: AskStrategy) => decideAll(differences, { table, repairer, strategy });

/** What a decision comes to, in a line for each repair. */
const told = (decision: Decision): readonly string[] =>
  'review' in decision ? [`review: ${decision.review}`] : decision.repairs.map(({ kind, side, after }: Repair) => `${kind} ${side} ${JSON.stringify(after)}`);

const NO_DELETES = (side: Side) => `review: it would be deleted in the ${side}, and deletes are not allowed for this table`;
const json = (...rows: readonly NamedRow[]) => JSON.stringify(rows);

describe('a policy that names a side', () => {
  it.each<[string, TableOptions, Difference, string]>([
    ['monolith-wins updates the compared columns only, in the service\'s words', { policy: { policy: 'monolith-wins' } }, DIFFERENT, `update service ${json({ ...THEIRS, state: 'open', touched: '10:00' })}`],
    ['service-wins updates the monolith', { policy: { policy: 'service-wins' } }, DIFFERENT, `update monolith ${json({ ...OURS, state: '2', changed: '11:00' })}`],
    ['a new row has all columns, also those that are not compared', { policy: { policy: 'monolith-wins' } }, MISSING, `insert service ${json({ id: '7', state: 'open', touched: '10:00', note: 'a' })}`],
    ['service-wins inserts what only the service has', { policy: { policy: 'service-wins' } }, EXTRA, `insert monolith ${json(OURS_OF_THEIRS)}`],
    ['an extra row goes to review where deletes are not allowed', { policy: { policy: 'monolith-wins' } }, EXTRA, NO_DELETES('service')],
    ['a missing one does if the service wins', { policy: { policy: 'service-wins' } }, MISSING, NO_DELETES('monolith')],
    ['it is deleted where they are', { policy: { policy: 'monolith-wins' }, deletes: true }, EXTRA, 'delete service []'],
    ['also in the monolith', { policy: { policy: 'service-wins' }, deletes: true }, MISSING, 'delete monolith []'],
    ['review decides nothing, deletes or not', { deletes: true }, DIFFERENT, 'review: its policy is review'],
  ])('%s', async (_promise, options, found, expected) => {
    expect((await decide(orders(options), [found])).flatMap(told)).toEqual([expected]);
  });

  it('keeps the whole old row and the other side\'s, so that the repair can be guarded and undone', async () => {
    const [decision] = await decide(orders({ policy: { policy: 'monolith-wins' } }), [DIFFERENT]);
    expect(decision).toMatchObject({ repairs: [{ table: 'public.orders', identity: DIFFERENT.identity, before: [THEIRS], other: [OURS] }] });
  });
});

describe('newest-wins', () => {
  const both = (ours: string | null, theirs: string | null) => difference([{ ...OURS, changed: ours }], [{ ...THEIRS, touched: theirs }]);
  const byColumn: TablePolicy = { policy: 'newest-wins', column: 'changed' };
  const byCommit: TablePolicy = { policy: 'newest-wins' };
  const committed = (monolith?: bigint, service?: bigint) =>
    difference([OURS], [THEIRS], { ...(monolith === undefined ? {} : { monolith }), ...(service === undefined ? {} : { service }) });

  it.each<[string, TableOptions, Difference, RegExp]>([
    ['the service\'s later value wins, found under its own name', { policy: byColumn }, both('10:00', '11:00'), /^update monolith /],
    ['the monolith\'s does', { policy: byColumn }, both('12:00', '11:00'), /^update service /],
    ['equal values decide nothing', { policy: byColumn }, both('11:00', '11:00'), /^review: both rows have the same changed$/],
    ['a null in the monolith decides nothing', { policy: byColumn }, both(null, '11:00'), /^review: a row has no changed$/],
    ['nor one in the service', { policy: byColumn }, both('11:00', null), /^review: a row has no changed$/],
    ['a column that is not compared has the same name there', { policy: { policy: 'newest-wins', column: 'note' } }, DIFFERENT, /^update monolith /],
    ['a row that is missing is not newer', { policy: byColumn, deletes: true }, MISSING, /^review: nothing tells when a row was deleted$/],
    ['without a column the later commit wins: the monolith\'s', { policy: byCommit }, committed(9n, 8n), /^update service /],
    ['or the service\'s', { policy: byCommit }, committed(8n, 9n), /^update monolith /],
    ['commits at one time decide nothing', { policy: byCommit }, committed(9n, 9n), /^review: both rows were committed at the same time$/],
    ['nor does a monolith that does not tell', { policy: byCommit }, committed(undefined, 9n), /^review: a server does not tell when the row was committed$/],
    ['nor a service', { policy: byCommit }, committed(9n), /^review: a server does not tell when the row was committed$/],
    ['nor is an extra row newer by its commit', { policy: byCommit, deletes: true }, difference([], [THEIRS], { service: 9n }), /^review: nothing tells when a row was deleted$/],
    ['without a key no row is another\'s newer one', { policy: byColumn, key: [] }, MISSING, /^review: a table without a key has no newer row$/],
  ])('%s', async (_promise, options, found, expected) => {
    expect((await decide(orders(options), [found])).flatMap(told)).toEqual([expect.stringMatching(expected)]);
  });

  it('gives each difference its own answer, whatever stands between those that can be compared', async () => {
    const decisions = await decide(orders({ policy: byColumn }), [both('12:00', '11:00'), MISSING, both(null, '1'), both('10:00', '11:00'), both('1', '1')]);
    expect(decisions.flatMap(told).map((text) => text.replace(/ [{[].*/, ''))).toEqual([
      'update service', 'review: nothing tells when a row was deleted', 'review: a row has no changed', 'update monolith', 'review: both rows have the same changed',
    ]);
  });
});

describe('conflict-strategy', () => {
  const policy: TablePolicy = { policy: 'conflict-strategy' };
  const answering = (answer: Awaited<ReturnType<AskStrategy>>): AskStrategy => () => Promise.resolve(answer);

  it.each<[string, TableOptions, Difference, AskStrategy | undefined, readonly string[]]>([
    ['without a strategy a person decides', {}, DIFFERENT, undefined, ['review: there is no conflict strategy to ask']],
    ['a table without a key has no conflicts', { key: [] }, DIFFERENT, answering({ winner: 'monolith' }), ['review: a table without a key has no conflicts']],
    ['a strategy that can not tell says why', {}, DIFFERENT, answering('nobody knows'), ['review: nobody knows']],
    ['a service\'s row without a counterpart is not asked about', {}, difference([OURS], [{ ...THEIRS, state: 'lost' }]), unasked,
      ['review: public.orders.state holds "lost", which `values` of public.orders does not list; it lists "open", "paid".']],
    ['a side that wins is written to the other', {}, DIFFERENT, answering({ winner: 'service' }), [`update monolith ${json({ ...OURS, state: '2', changed: '11:00' })}`]],
    ['it may not delete either where deletes are not allowed', {}, EXTRA, answering({ winner: 'monolith' }), [NO_DELETES('service')]],
    ['a merged row is written to both, each in its words', {}, DIFFERENT, answering({ winner: { ...OURS, state: '2', changed: '12:00' } }),
      [`update monolith ${json({ ...OURS, state: '2', changed: '12:00' })}`, `update service ${json({ ...THEIRS, touched: '12:00' })}`]],
    ['and only where it is not held yet', {}, DIFFERENT, answering({ winner: OURS_OF_THEIRS }), [`update monolith ${json({ ...OURS, state: '2', changed: '11:00' })}`]],
  ])('%s', async (_promise, options, found, strategy, expected) => {
    expect((await decide(orders({ policy, ...options }), [found], strategy)).flatMap(told)).toEqual(expected);
  });

  it.each<[string, Difference, object]>([
    ['both rows by the monolith\'s names, and when they were committed', difference([OURS], [THEIRS], { monolith: 5n, service: 6n }), { monolith: { row: OURS, committedAt: 5n }, service: { row: OURS_OF_THEIRS, committedAt: 6n } }],
    ['no time where none is known', DIFFERENT, { monolith: { row: OURS }, service: { row: OURS_OF_THEIRS } }],
    ['null for a row that the service misses', MISSING, { monolith: { row: OURS }, service: { row: null } }],
    ['null for a row that the monolith misses', EXTRA, { monolith: { row: null }, service: { row: OURS_OF_THEIRS } }],
  ])('is given %s', async (_promise, found, expected) => {
    const asked: unknown[] = [];
    await decide(orders({ policy }), [found], (table, key, rows) => {
      asked.push({ table, key, rows });
      return Promise.resolve('seen');
    });
    expect(asked).toEqual([{ table: 'public.orders', key: { id: '7' }, rows: expected }]);
  });
});

describe('making one side hold the other\'s rows', () => {
  const copies = (count: number, row: NamedRow) => Array.from({ length: count }, () => row);

  it.each<[string, Side, TableOptions, Difference, string]>([
    ['writes nothing to a side that streams leave alone', 'service', { closed: 'monolith' }, DIFFERENT, 'review: streams carry nothing to the monolith, and nothing else is written there'],
    ['writes to the other one as ever', 'monolith', { closed: 'monolith' }, MISSING, `insert service ${json({ id: '7', state: 'open', touched: '10:00', note: 'a' })}`],
    ['leaves a key that several rows share to a person', 'monolith', {}, difference([OURS, OURS], [THEIRS]), 'review: many rows are equal there, or share its key'],
    ['also where they stand on the other side', 'monolith', { deletes: true }, difference([OURS], [THEIRS, THEIRS]), 'review: many rows are equal there, or share its key'],
    ['inserts as many equal rows as there are too few without a key', 'monolith', { key: [] }, difference(copies(2, OURS), [THEIRS]), `insert service ${json(THEIRS, { id: '7', state: 'open', touched: '10:00', note: 'a' })}`],
    ['deletes as many as there are too many', 'service', { key: [], deletes: true }, difference(copies(3, OURS), [THEIRS]), `delete monolith ${json(OURS)}`],
    ['leaves more equal rows than a thousand to a person', 'monolith', { key: [] }, difference(copies(1001, OURS), []), 'review: many rows are equal there, or share its key'],
    ['has nothing to change in as many rows without a key', 'monolith', { key: [] }, DIFFERENT, 'review: it differs in nothing that is written'],
    ['leaves a row without a counterpart to a person', 'monolith', {}, difference([{ ...OURS, state: '3' }], []), 'review: public.orders.state holds "3", which `values` of public.orders does not list; it lists "1", "2".'],
    ['changes neither the key\'s spelling nor what is not compared', 'service', {}, difference([{ ...OURS_OF_THEIRS, id: '07', note: 'a' }], [THEIRS]), 'review: it differs in nothing that is written'],
    ['says why a table is not written', 'monolith', { noWayBack: 'it is a part of another' }, MISSING, 'review: it is a part of another'],
  ])('%s', (_promise, winner, options, found, expected) => {
    const table = orders(options);
    expect(told(towards(winner, { difference: found, table, deletes: table.deletes }))).toEqual([expected]);
  });

  const plain = { monolith: parseTableName('orders'), service: parseTableName('orders'), columns: ['id', 'state', 'note'].map((name) => ({ monolith: name, service: name })) };
  it.each<[string, Side, TableMapping, Difference, string]>([
    ['writes what a module makes, though no comparison tells of it', 'monolith', { ...plain, functions: { reads: MONOLITH, toService: ({ note }) => ({ note: `${note}!` }) } }, DIFFERENT, `update service ${json({ ...THEIRS, state: '1', note: 'a!' })}`],
    ['needs the module\'s way back', 'service', { ...plain, functions: { reads: MONOLITH, toService: () => ({}) } }, DIFFERENT, "review: the table's module has no toMonolith"],
    ['takes it where there is one', 'service', { ...plain, functions: { reads: MONOLITH, toMonolith: () => ({ note: 'back' }) } }, EXTRA, `insert monolith ${json({ id: '7', state: 'paid', note: 'back' })}`],
  ])('%s', (_promise, winner, mapping, found, expected) => {
    expect(told(towards(winner, { difference: found, table: orders({ mapping }), deletes: false }))).toEqual([expected]);
  });
});

describe('making both sides hold one row', () => {
  it.each<[string, TableOptions, Difference, NamedRow, readonly string[]]>([
    ['is not possible where one of them is closed', { closed: 'service' }, DIFFERENT, { state: '2' }, ['review: streams carry nothing to the service, and nothing else is written there']],
    ['needs a row that the service has words for', {}, DIFFERENT, { state: '9' }, ['review: public.orders.state holds "9", which `values` of public.orders does not list; it lists "1", "2".']],
    ['writes nothing where both hold it already', {}, difference([OURS], [{ ...THEIRS, state: 'open', touched: '10:00' }]), {}, []],
    ['inserts it where it is missing, and completes it by the monolith\'s', {}, MISSING, { changed: '12:00' },
      [`update monolith ${json({ ...OURS, changed: '12:00' })}`, `insert service ${json({ id: '7', state: 'open', touched: '12:00', note: 'a' })}`]],
  ])('%s', (_promise, options, found, row, expected) => {
    expect(told(holding(row, { difference: found, table: orders(options) }))).toEqual(expected);
  });

  it('guards each repair by its own side alone', () => {
    const decision = holding({ state: '2', changed: '12:00' }, { difference: DIFFERENT, table: orders() });
    expect('repairs' in decision && decision.repairs.map(({ side, alone }) => [side, alone])).toEqual([['monolith', true], ['service', true]]);
  });
});

describe('a difference\'s key', () => {
  it.each<[string, readonly string[], NamedRow | undefined, NamedRow]>([
    ['has the monolith\'s names', ['id'], OURS, { id: '7' }],
    ['is the row without one', [], OURS, OURS],
    ['is empty where not even a row is known', [], undefined, {}],
  ])('%s', (_promise, key, row, expected) => {
    expect(keyRow(orders({ key }), DIFFERENT.identity, row)).toEqual(expected);
  });
});
