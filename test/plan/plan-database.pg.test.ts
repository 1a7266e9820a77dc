import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createApplication } from '../../src/app/create-application.ts';
import type { PlanOptions } from '../../src/app/plan-types.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { MigrationPlan } from '../../src/plan/plan-document.ts';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';
import { workingClock } from '../support/working-clock.ts';

describePostgres('banyan plan, with a database in reach', () => {
  it('measures the configured monolith, a named database, or none; and without one the plan is what it was', async () => {
    const { monolith, folder, context, notes } = await testApplication();
    const input = join(folder, 'spec.json');
    await writeFile(input, JSON.stringify({ type: 'service', source: 'shop', target: 'Accounts', service: 'accounts', constraints: { compliance_requirements: ['GDPR'] } }));
    const plan = async (options: Partial<PlanOptions> = {}, change: Partial<typeof context> = {}): Promise<MigrationPlan> =>
      (await createApplication({ ...context, clock: { ...workingClock(), now: () => 0 }, ...change }).plan({ input, format: 'json', ...options })).plan;

    const bare = await plan({ measure: false });
    expect(bare).not.toHaveProperty('measured');
    const alone = { configFile: join(folder, 'none.yaml') };
    expect(await plan({}, alone)).toEqual(bare);
    expect(notes).toEqual([]);

    const { measured, risks, checklist, ...rest } = await plan();
    // The service's tables, of the configuration: what the specification does not name.
    expect(measured?.tables.map(({ table, rows }) => [table, rows])).toEqual([['public.sessions', 20], ['public.users', 20]]);
    expect(risks.map(({ description }) => description)).toContainEqual(expect.stringContaining('public.users.email'));
    expect(checklist[0]?.items[0]).toContain('public.users.email');
    // Everything else is as without.
    const { risks: _risks, checklist: _checklist, ...before } = bare;
    expect(rest).toEqual(before);
    expect(risks.filter(({ description }) => bare.risks.some((each) => each.description === description))).toHaveLength(bare.risks.length);

    expect((await plan({ database: monolith.url }, alone)).measured?.tables.map(({ table }) => table)).toEqual(['public.order_lines', 'public.orders', 'public.sessions', 'public.users']);
    const printed = (await createApplication({ ...context, clock: workingClock() }).plan({ input, format: 'markdown' })).printed;
    expect(printed).toContain('| public.users | 20 | counted |');
    expect(printed).not.toContain(monolith.url);

    await expect(plan({ database: monolith.url.replace(/[^/]+$/, 'no_such_database') })).rejects.toThrow('no_such_database');
    const locker = await monolith.pool.connect();
    try {
      await locker.query('BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE');
      // Somebody changes a table: the plan does not wait for it, and nobody waits behind the plan.
      expect(await plan()).toEqual(bare);
      expect(notes.at(-1)).toMatch(/^Nothing was measured: .*lock timeout/);
    } finally {
      await locker.query('ROLLBACK');
      locker.release();
    }
    const unreachable = { env: { ...context.env, MONOLITH_URL: 'postgres://127.0.0.1:1/none' }, clock: { ...systemClock, now: () => 0 } };
    expect(await plan({}, unreachable)).toEqual(bare);
    expect(notes.at(-1)).toMatch(/^Nothing was measured: .*could not be reached/);
  });
});
