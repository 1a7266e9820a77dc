import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { Position } from '../../../src/model/position.ts';
import type { Fence } from '../../../src/ports/fence.ts';
import { PostgresChecksummer } from '../../../src/postgres/checksum/checksummer.ts';
import { PostgresReferenceFinder } from '../../../src/postgres/structure/find-references.ts';
import { PostgresReferenceReader } from '../../../src/postgres/structure/reference-reader.ts';
import { ConsistencyValidator } from '../../../src/validate/validator.ts';
import { describePostgres, testDatabase } from '../../support/postgres.ts';
import { Dice } from '../dice.ts';

/** Nothing flows between these two: each row is written by its application. */
const still: Fence = { place: () => Promise.resolve(0n as Position), passed: () => Promise.resolve(true) };

describePostgres('references across the cut, under writers', () => {
  it('are not called broken while their ends are written one after the other; an orphan planted meanwhile is', async () => {
    const [monolith, service] = [
      await testDatabase({ schema: 'CREATE TABLE public.users (id int PRIMARY KEY); CREATE TABLE public.orders (id serial PRIMARY KEY, user_id int REFERENCES public.users)', max: 10 }),
      await testDatabase({ schema: 'CREATE TABLE public.orders (id serial PRIMARY KEY, user_id int); CREATE INDEX ON public.orders (user_id)', max: 10 }),
    ];
    const over = new AbortController();
    const seen = { looks: 0, written: 0 };
    /** Users who come and go with their orders; each end a moment after the other, in either order. */
    const writer = async (worker: number): Promise<void> => {
      const dice = new Dice(worker);
      const pause = () => systemClock.sleep(dice.below(25));
      for (let n = 0; !over.signal.aborted; n++) {
        const user = worker * 1000 + (n % 40);
        const [bring, order] = [() => monolith.query(`INSERT INTO public.users VALUES (${user})`), () => service.query(`INSERT INTO public.orders (user_id) VALUES (${user})`)];
        const [first, second] = dice.chance(0.7) ? [order, bring] : [bring, order];
        await first();
        await pause();
        await second();
        if (dice.chance(0.5)) await pause();
        const [leave, cancel] = [() => monolith.query(`DELETE FROM public.users WHERE id = ${user}`), () => service.query(`DELETE FROM public.orders WHERE user_id = ${user}`)];
        const [before, after] = dice.chance(0.7) ? [leave, cancel] : [cancel, leave];
        await before();
        await pause();
        await after();
        seen.written++;
      }
    };
    const writers = [1, 2, 3, 4].map(writer);
    const reader = new PostgresReferenceReader({ pool: service.pool });
    const referrers = reader.referrers.bind(reader);
    reader.referrers = (...asked) => {
      seen.looks += asked[1].length;
      return referrers(...asked);
    };
    const validator = new ConsistencyValidator({ checksummer: new PostgresChecksummer({ pool: monolith.pool }) }, { checksummer: new PostgresChecksummer({ pool: service.pool }) }, {
      fence: { fence: still, service: 'orders' },
      references: new PostgresReferenceFinder({ source: monolith.pool, target: service.pool, readers: { source: new PostgresReferenceReader({ pool: monolith.pool }), target: reader } }),
    });
    // The orders of the two sides are not the same here; only what they refer to is asked.
    const references = async () => (await validator.validate({ tables: [{ table: 'orders', where: 'user_id IS NOT NULL', columns: ['id', 'user_id'] }], referenceGraceMs: 200, rounds: 8 })).tables[0]!.references!;
    try {
      for (let round = 0; round < 3 || seen.looks < 10 || seen.written < 20; round++) expect((await references()).flatMap(({ orphans }) => orphans)).toEqual([]);
      await service.query('INSERT INTO public.orders (user_id) VALUES (-1), (-1)');
      const found = await references();
      expect(found.flatMap(({ orphans }) => orphans)).toEqual([{ key: { user_id: '-1' }, rows: 2 }]);
    } finally {
      over.abort();
      await Promise.all(writers);
    }
  });
});
