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

it('of two decisions of one large transaction about a row, the first never stands for the last, however slowly they are read', async () => {
  const knowledge = new Knowledge({ clock: systemClock });
  const mapping = new Mapping({
    pairs: [{ monolith: ITEMS, service: ITEMS }], direction: 'monolith-to-service',
    targets: new Map([[ITEMS, { name: ITEMS, columns: ['id'], key: [0] }]]),
  });
  const learner = new Learner({
    service: 'shop', sourceKnowledge: knowledge, echoOrigin: 'echo', mapping: () => mapping, gate: undefined,
    ownTables: { mark: 'banyan.mark', conflict: 'banyan.conflict', request: 'banyan.request' },
  });
  // This worker made them.
  knowledge.recordDecision(KEY, { position: undefined, batch: at(20), winner: 'service', committedAt: 50n });
  let meanwhile: string | undefined;
  const changes = spooled([decided('monolith'), decided('service')], () => (meanwhile = knowledge.decision(KEY)?.winner));
  await learner.learnSpooled([{ position: at(100), xid: 1, committedAt: 60n, origin: { name: 'echo', position: at(20) }, changes }], at(100));
  expect(meanwhile).toBe('service');
  expect(knowledge.decision(KEY)).toMatchObject({ winner: 'service', position: at(100) });
});
