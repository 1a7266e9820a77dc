import { expect, it } from 'vitest';
import { ORIGIN_OF_TIME } from '../../src/model/position.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { PostgresRowRepairer } from '../../src/postgres/repair/row-repairer.ts';
import { PostgresReconcileStore } from '../../src/state/reconcile-store.ts';
import { Reconciler } from '../../src/validate/reconcile/reconciler.ts';
import { keyTextOf, StreamWay } from '../../src/validate/reconcile/stream-way.ts';
import { describePostgres, testDatabase } from '../support/postgres.ts';
import { instantClock } from './instant-clock.ts';

const SCHEMA = 'CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, g::text FROM generate_series(1, 10) g;';

describePostgres('repairs beside running streams', () => {
  it('leaves a row that was written between two fences, though it is as it was, and one whose absence is not sure', async () => {
    const [monolith, service] = await Promise.all([testDatabase({ schema: SCHEMA, max: 8 }), testDatabase({ schema: SCHEMA, max: 8 })]);
    await service.query("UPDATE public.t SET v = 'other' WHERE id IN (1, 2, 3, 4); INSERT INTO public.t VALUES (20, 'surplus'), (21, 'surplus')");
    // Its commit waits: what it brings may be decoded, and applied over there, before it is seen here.
    const open = await monolith.pool.connect();
    let fences = 0;
    const fence = {
      place: async () => {
        const mine = ++fences;
        // What stands there and back again: both changes are on their way.
        if (mine === 3) await service.query("UPDATE public.t SET v = 'meanwhile' WHERE id = 1; UPDATE public.t SET v = 'other' WHERE id = 1");
        if (mine === 3) await monolith.query("UPDATE public.t SET v = 'meanwhile' WHERE id = 2; UPDATE public.t SET v = '2' WHERE id = 2");
        return ORIGIN_OF_TIME;
      },
      passed: () => Promise.resolve(true),
    };
    const repairers = { monolith: new PostgresRowRepairer({ pool: monolith.pool }), service: new PostgresRowRepairer({ pool: service.pool }) };
    const way = new StreamWay({ repairers, fence: { fence, service: 'x' }, held: () => Promise.resolve(new Set([keyTextOf(['3'])])) });
    const side = (of: 'monolith' | 'service') => ({ checksummer: new PostgresChecksummer({ pool: { monolith, service }[of].pool }), repairer: repairers[of] });
    const reconciler = new Reconciler(side('monolith'), side('service'), { store: new PostgresReconcileStore({ pool: monolith.pool }), scope: 'x', clock: instantClock(), way });
    const options = { by: 'anna', policy: { policy: 'monolith-wins' }, allowDeletes: ['t'], tables: ['t'] } as const;
    try {
      await open.query('BEGIN; SELECT pg_current_xact_id()');
      expect((await reconciler.reconcile(options)).tables[0]).toMatchObject({ updated: 1, deleted: 0, left: 5 });
      expect(await service.query("SELECT id FROM public.t WHERE v IN ('other', 'surplus') ORDER BY id")).toEqual(['1', '2', '3', '20', '21'].map((id) => ({ id })));
    } finally {
      await open.query('ROLLBACK');
      open.release();
    }
    expect((await reconciler.reconcile(options)).tables[0]).toMatchObject({ updated: 2, deleted: 2, left: 1 });
  });
});
