import { describe, expect, it } from 'vitest';
import type { NamedRow } from '../../src/model/conflict.ts';
import type { ReconcileRun, ReconcileStore, ReviewCase, StoredRepair } from '../../src/ports/reconcile-store.ts';
import type { RowRepairer } from '../../src/ports/row-repairer.ts';
import type { ReconcilePolicy } from '../../src/validate/reconcile/policy.ts';
import { Reconciler, type ReconcilerSide } from '../../src/validate/reconcile/reconciler.ts';
import type { RepairWay } from '../../src/validate/reconcile/way.ts';
import { instantClock } from './instant-clock.ts';
import { MemoryChecksummer } from './memory-checksummer.ts';

const unasked = (): never => {
  throw new Error('a reconciliation that is refused asks for nothing of this');
};

function side(rows: Readonly<Record<string, string>>): ReconcilerSide {
  const checksummer = new MemoryChecksummer({ table: 't', columns: ['id', 'n'] });
  for (const [id, n] of Object.entries(rows)) checksummer.put(id, n);
  const repairer: RowRepairer = {
    describe: () => Promise.resolve({ columns: ['id', 'n'], references: [] }),
    read: (_selection, identities) => Promise.resolve(identities.map(({ key: [id = ''] }) => {
      const row = checksummer.rows.get(id);
      return row ? { rows: [{ id, n: row.values[1] ?? null }], version: String(row.version) } : { rows: [] };
    })),
    compare: unasked, nextTransaction: unasked, begin: unasked, isBusy: unasked,
  };
  return { checksummer, repairer };
}

/** Keeps one run's repairs and cases. */
function memoryStore(known?: Pick<ReconcileRun, 'id' | 'scope'>) {
  const repairs: StoredRepair[] = [];
  const queued: ReviewCase[] = [];
  const done = () => Promise.resolve();
  const store: ReconcileStore = {
    install: done, end: done, markUndone: unasked, begin: () => Promise.resolve('1'), unblock: () => Promise.resolve(0),
    plan: (_run, planned) => {
      for (const repair of planned) repairs.push({ ...repair, id: String(repairs.length + 1), state: 'planned', at: '2026-01-01T00:00:00Z' });
      return done();
    },
    planned: (_run, { kind, side: of, after, state = 'planned' }) => Promise.resolve(repairs.filter((each) => each.kind === kind && each.side === of && each.state === state && Number(each.id) > Number(after))),
    settle: (outcomes) => {
      for (const { id, state } of outcomes) repairs.splice(Number(id) - 1, 1, { ...repairs[Number(id) - 1]!, state });
      return done();
    },
    count: () => Promise.resolve(repairs.map(({ table, kind, side: of, state }) => ({ table, kind, side: of, state, repairs: 1 }))),
    queue: (_run, _scope, cases) => (queued.push(...cases), Promise.resolve({ rejected: 0 })),
    closeUnseen: () => Promise.resolve(0),
    run: (id) => Promise.resolve(known?.id === id ? { ...known, kind: 'reconcile', by: 'somebody', state: 'done', startedAt: '2026-01-01T00:00:00Z', counts: {} } : undefined),
    runs: unasked, repairs: unasked, cases: unasked, case: unasked, decide: unasked,
  };
  return { store, queued };
}

const refusing: RepairWay = { apply: (_table, _side, repairs) => Promise.resolve(repairs.map(({ id, kind }) => ({ id, state: 'refused', reason: `no ${kind}` }))) };

describe('a repair that the database refuses', () => {
  const row = (id: string, n: string): NamedRow => ({ id, n });

  it.each<[ReconcilePolicy, readonly string[]]>([
    ['monolith-wins', ['missing: no insert', 'extra: no delete', 'different: no update']],
    ['service-wins', ['missing: no delete', 'extra: no insert', 'different: no update']],
  ])('is queued as the difference that it was, with both rows and the reason: %s', async (policy, expected) => {
    const { store, queued } = memoryStore();
    const reconciler = new Reconciler(side({ 1: 'a', 3: 'c', 4: 'same' }), side({ 2: 'b', 3: 'C', 4: 'same' }), { store, scope: 'x', clock: instantClock(), way: refusing });
    const { consistent, tables } = await reconciler.reconcile({ by: 'me', policy: { policy }, allowDeletes: ['t'] });
    const inOrder = queued.toSorted((a, b) => Number(a.identity.key[0]) - Number(b.identity.key[0]));
    expect(inOrder.map(({ type, why }) => `${type}: ${why}`)).toEqual(expected);
    expect(inOrder.map(({ key, monolith, service }) => ({ key, monolith, service }))).toEqual([
      { key: { id: '1' }, monolith: [row('1', 'a')], service: [] },
      { key: { id: '2' }, monolith: [], service: [row('2', 'b')] },
      { key: { id: '3' }, monolith: [row('3', 'c')], service: [row('3', 'C')] },
    ]);
    expect([consistent, tables[0]]).toMatchObject([false, { missing: 1, extra: 1, different: 1, queued: 3, inserted: 0, updated: 0, deleted: 0 }]);
  });

  it('is none where no policy is given: every difference waits for a person', async () => {
    const { store, queued } = memoryStore();
    const reconciler = new Reconciler(side({ 1: 'a' }), side({}), { store, scope: 'x', clock: instantClock(), way: { apply: unasked } });
    expect(await reconciler.reconcile({ by: 'me' })).toMatchObject({ consistent: false, tables: [{ queued: 1 }] });
    expect(queued.map(({ why }) => why)).toEqual(['its policy is review']);
  });
});

describe('an undo', () => {
  it.each([
    ['a run that there never was', { id: '1', scope: 'x' }, '2', 'There is no run 2 of x.'],
    ['a run of other databases', { id: '2', scope: 'y' }, '2', 'There is no run 2 of x; it was of y.'],
  ])('is refused for %s', async (_name, known, of, message) => {
    const { store } = memoryStore(known);
    const reconciler = new Reconciler(side({}), side({}), { store, scope: 'x', clock: instantClock(), way: { apply: unasked } });
    await expect(reconciler.undo(of, { by: 'me' })).rejects.toMatchObject({ code: 'BANYAN_RECONCILE_UNKNOWN', message });
  });
});
