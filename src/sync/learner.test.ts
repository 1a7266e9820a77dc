import { expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import type { Change, Relation, SpooledChanges } from '../model/change.ts';
import { tableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import { Knowledge } from './knowledge.ts';
import { Learner } from './learner.ts';
import { Mapping } from './mapping.ts';

const ITEMS = tableName('public', 'items');
const KEY = 'public.items 1';
const at = (position: number): Position => BigInt(position) as Position;

const COLUMNS = ['service', 'table_name', 'key', 'decided', 'decision', 'standing', 'standing_at'];
const CONFLICT: Relation = {
  table: tableName('banyan', 'conflict'), replicaIdentity: 'default', columns: COLUMNS.map((name) => ({ name, identity: false, typeId: 25 })),
};

const decided = (winner: 'monolith' | 'service'): Change => ({ kind: 'insert', relation: CONFLICT, row: ['shop', ITEMS, '{"id":"1"}', 't', null, winner, '50'] });

/** Changes that do not stand in memory; `between` runs after the first part. */
function spooled(parts: readonly Change[], between: () => void): SpooledChanges {
  return {
    count: parts.length,
    async *parts() {
      for (const [i, change] of parts.entries()) {
        yield await Promise.resolve([change]);
        if (i === 0) between();
      }
    },
    discard: () => Promise.resolve(),
  };
}

function reader(): { readonly knowledge: Knowledge; readonly learner: Learner } {
  const knowledge = new Knowledge({ clock: systemClock });
  const mapping = new Mapping({
    pairs: [{ monolith: ITEMS, service: ITEMS }], direction: 'monolith-to-service',
    targets: new Map([[ITEMS, { name: ITEMS, columns: ['id'], key: [0] }]]),
  });
  const learner = new Learner({
    service: 'shop', sourceKnowledge: knowledge, echoOrigin: 'echo', mapping: () => mapping, gate: undefined,
    ownTables: { mark: 'banyan.mark', conflict: 'banyan.conflict', request: 'banyan.request' },
  });
  return { knowledge, learner };
}

it('of two decisions of one large transaction about a row, the first never stands for the last, however slowly they are read', async () => {
  const { knowledge, learner } = reader();
  // This worker made them.
  knowledge.recordDecision(KEY, { position: undefined, batch: at(20), winner: 'service', committedAt: 50n });
  let meanwhile: string | undefined;
  const changes = spooled([decided('monolith'), decided('service')], () => (meanwhile = knowledge.decision(KEY)?.winner));
  await learner.learnSpooled([{ position: at(100), xid: 1, committedAt: 60n, origin: { name: 'echo', position: at(20) }, changes }], at(100));
  expect(meanwhile).toBe('service');
  expect(knowledge.decision(KEY)).toMatchObject({ winner: 'service', position: at(100) });
});

const REQUEST: Relation = {
  table: tableName('banyan', 'request'), replicaIdentity: 'default',
  columns: ['service', 'table_name', 'key', 'even_if_gone'].map((name) => ({ name, identity: false, typeId: 25 })),
};
const OTHERS: Relation = { table: tableName('public', 'others'), replicaIdentity: 'default', columns: [{ name: 'id', identity: true, typeId: 25 }] };
const ECHO = { name: 'echo', position: at(20) };
const standing = (...row: readonly (string | null)[]): Change => ({ kind: 'insert', relation: CONFLICT, row });
const requested = (...row: readonly (string | null)[]): Change => ({ kind: 'insert', relation: REQUEST, row });

it.each<[string, Change, readonly unknown[]]>([
  ['a decision that removes a row', standing('shop', ITEMS, '{"id":"1"}', 't', null, 'service', '50'), [{ kind: 'decided', keyText: KEY, row: null }]],
  ['a decision that keeps one', standing('shop', ITEMS, '{"id":"1"}', 't', '{"id":"1"}', 'merged', '50'), [{ kind: 'decided', keyText: KEY, row: ['1'] }]],
  ['another service\'s decision', standing('other', ITEMS, '{"id":"1"}', 't', null, 'service', '50'), []],
  ['what is not decided yet', standing('shop', ITEMS, '{"id":"1"}', 'f', null, 'service', '50'), []],
  ['a decision about a table that is synchronised no more', standing('shop', OTHERS.table, '{"id":"1"}', 't', null, 'service', '50'), []],
  ['a record that is marked as seen by somebody', { kind: 'update', relation: CONFLICT, row: ['shop', ITEMS, '{"id":"1"}', 't', null, 'service', '50'] }, []],
  ['a record that is cleared away', { kind: 'delete', relation: CONFLICT, old: ['shop', ITEMS, '{"id":"1"}', 't', null, 'service', '50'], oldIsKey: false }, []],
  ['a request for a row', requested('shop', ITEMS, '{"id":"1"}', 't'), [{ kind: 'requested', keyText: KEY, evenIfGone: true }]],
  ['another service\'s request', requested('other', ITEMS, '{"id":"1"}', 't'), []],
  ['a request for a row of a table that is synchronised no more', requested('shop', OTHERS.table, '{"id":"1"}', 'f'), []],
  ['a request that is cleared away', { kind: 'delete', relation: REQUEST, old: ['shop', ITEMS, '{"id":"1"}', 't'], oldIsKey: false }, []],
])('of an echo only what this service decided and asks for is done again: %s', (_, change, expected) => {
  const { learner } = reader();
  const { steps, counts } = learner.learn([{ position: at(100), xid: 1, committedAt: 60n, origin: ECHO, changes: [change] }], at(100));
  expect(steps).toMatchObject(expected);
  expect(steps).toHaveLength(expected.length);
  expect(counts).toBe(false);
});

it('an echo\'s rows do not go back to where they came from', () => {
  const change: Change = { kind: 'insert', relation: { ...OTHERS, table: ITEMS }, row: ['1'] };
  const { learner } = reader();
  expect(learner.learn([{ position: at(100), xid: 1, committedAt: 60n, origin: ECHO, changes: [change] }], at(100)).steps).toEqual([]);
  expect(learner.learn([{ position: at(110), xid: 2, committedAt: 60n, changes: [change] }], at(110)).steps).toMatchObject([{ kind: 'insert', keyText: KEY }]);
});

it('of emptied tables only those that are synchronised are emptied on the other side', () => {
  const emptied = (...relations: readonly Relation[]): Change => ({ kind: 'truncate', relations, cascade: false, restartIdentity: true });
  const { learner } = reader();
  const learn = (change: Change) => learner.learn([{ position: at(100), xid: 1, committedAt: 60n, changes: [change] }], at(100)).steps;
  expect(learn(emptied(OTHERS))).toEqual([]);
  expect(learn(emptied())).toEqual([]);
  expect(learn(emptied(OTHERS, { ...OTHERS, table: ITEMS }))).toMatchObject([{ kind: 'truncate', tables: [{ name: ITEMS }], restartIdentity: true }]);
});

it('a unit without any transaction moves the position and does nothing', async () => {
  const { learner } = reader();
  expect(learner.learn([], at(100))).toMatchObject({ position: at(100), steps: [], urgent: false, counts: false });
  expect(await learner.learnSpooled([], at(110))).toMatchObject({ position: at(110), urgent: false, counts: false, steps: { count: 0 } });
});
