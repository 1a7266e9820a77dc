import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseTableName } from '../../src/model/names.ts';
import { STAGES, type Stage } from '../../src/model/stage.ts';
import { AUDIENCES, type Audience } from '../../src/plan/progress/progress.ts';
import type { ProgressReport, ServiceProgressReport } from '../../src/plan/progress/report-document.ts';
import { PostgresMigrationStore } from '../../src/state/migration-store.ts';
import { PostgresValidationStore } from '../../src/state/validation-store.ts';
import { streamsAre, testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';

/** What no executive should have to ask about. */
const JARGON = /\b(slot|wal|lsn|quarantine|checkpoint|replicat\w*|canary|breaker|gates?|streams?|sync\w*|shadow|p95|lag|fence|monolith|rollback|banyan|route[rd]?|schema|rows?|tables?|database|ms)\b/i;

const SECTIONS = 'route:\n  listen: 127.0.0.1:18080\n  admin: 127.0.0.1:18081\n  monolith: http://127.0.0.1:13000\n  key: [{ cookie: uid }]\n';
const SERVICES = (): string => '  accounts:\n    url: ${ACCOUNTS_URL}\n    tables: [users, sessions]\n    upstream: http://127.0.0.1:14001\n    match: [{ path: /api/users/** }]\n';

describePostgres('banyan migrate report', () => {
  it('tells each audience of the real state: before it began, while users move, and when it stands still', async () => {
    const app = await testApplication({ services: SERVICES, sections: SECTIONS });
    const { application, monolith, folder } = app;
    const report = async (audience: Audience): Promise<ServiceProgressReport & { readonly printed: string }> => {
      const made = await application.migrateReport({ audience, format: 'text' });
      return { ...(made.report.services[0] ?? expect.unreachable()), printed: made.printed };
    };
    const number = (of: ServiceProgressReport, name: RegExp): unknown => of.numbers.find((each) => name.test(each.name))?.value;

    for (const audience of AUDIENCES) expect(await report(audience)).toMatchObject({ status: 'on track', stage: 'planned', stage_number: 1, percent_complete: 0, since: null, since_last_stage: [], waiting: [], way_back: { open: true }, next: { stage: 'prepared' } });

    // A journey, as `banyan migrate` records it, beside streams that really run.
    await app.startSync();
    const store = new PostgresMigrationStore({ pool: monolith.pool });
    await store.install();
    const go = async (from: Stage, to: Stage, why = 'migrate'): Promise<void> => store.record({ service: 'accounts', from, to, why, gates: to === 'half' ? [{ name: 'equal', passed: true, evidence: '40 rows compared' }] : [] });
    for (const to of STAGES.slice(1, STAGES.indexOf('half') + 1)) await go(STAGES[STAGES.indexOf(to) - 1] ?? 'planned', to);
    await application.routeSet({ service: 'accounts', percent: 50 });
    const validation = new PostgresValidationStore({ pool: monolith.pool });
    await validation.install();
    const found = (run: string, missing: number, at: number) => ({ run, at: new Date(at).toISOString(), service: 'accounts', table: parseTableName('users'), level: 'full', consistent: missing === 0, source: 20, target: 20 - missing, missing, extra: 0, different: 0, unsettled: 0, score: 1 - missing / 20, seconds: 1 });
    await validation.record([found('one', 0, Date.now() + 1000)], 0);

    const technical = await report('technical');
    expect(technical).toMatchObject({ stage: 'half', stage_number: 8, stages: 9, percent_complete: 88, next: { stage: 'live', needs: ['following', 'served', 'equal'], command: 'banyan migrate accounts --to live' }, way_back: { open: true, command: 'banyan migrate rollback accounts' } });
    expect([number(technical, /route share/), number(technical, /rows last compared/), number(technical, /rows that differed/), number(technical, /in quarantine/)]).toEqual([50, 20, 0, 0]);
    expect(technical.streams?.map(({ direction, state }) => [direction, state])).toEqual([['monolith-to-service', 'running'], ['service-to-monolith', 'running']]);
    expect(technical.since_last_stage).toEqual([expect.stringMatching(/: canary to half \(migrate\)$/), 'equal: 40 rows compared', '1 tables compared since, 0 with differences', expect.stringMatching(/^route at 50 % since .*, by anna/)]);
    expect(technical.history).toHaveLength(7);
    const executive = await report('executive');
    expect(executive.headline).toMatch(/^Half of the customers use the new service/);
    expect(number(executive, /customers served/)).toBe(50);
    expect(executive.since_last_stage).toContain('Compared again since, without a difference');
    expect(executive.way_back).toEqual({ open: true, how: 'Everybody can be moved back to the old system at once; nothing that was entered is lost' });
    expect(await report('stakeholders')).toMatchObject({ next: { what: 'Everybody is served by the new service', needs: ['the new service is up to date', 'the new service answers and is well', 'every record was compared and is the same'] } });

    // Standing still: somebody paused it, and a comparison found rows that are missing.
    await application.syncPause({ service: 'accounts' });
    await streamsAre(application, 'paused');
    await validation.record([found('two', 3, Date.now() + 2000)], 0);
    const stopped = await report('technical');
    expect(stopped).toMatchObject({ status: 'stopped', way_back: { open: false, how: expect.stringContaining('service-to-monolith is paused') as string } });
    expect(stopped.waiting).toContainEqual({ what: 'monolith-to-service is paused', action: 'banyan sync resume accounts' });
    expect(stopped.waiting).toContainEqual({ what: expect.stringMatching(/^public.users differed at .*: 3 rows \(full\)$/) as string, action: 'banyan validate --tables public.users, then banyan reconcile --tables public.users' });
    const told = await report('executive');
    expect(told).toMatchObject({ status: 'stopped', way_back: { open: false } });
    expect(told.waiting.map(({ what }) => what)).toContain('3 records differ between old system and new service');
    // Both directions are paused; one who is not to know of directions hears of it once.
    expect(told.waiting.filter(({ what }) => what.includes('not kept up to date'))).toHaveLength(1);
    for (const { printed } of [executive, told]) expect(printed.replaceAll('ACCOUNTS', '')).not.toMatch(JARGON);
    expect(stopped.printed).toMatch(JARGON);

    // Back, and in the other forms.
    await go('half', 'validated', 'rollback');
    expect((await report('stakeholders')).since_last_stage[0]).toMatch(/^The move went back a part of its way on \d{4}-\d\d-\d\d: Every record was compared/);
    const output = join(folder, 'report.json');
    const written = await application.migrateReport({ service: 'accounts', audience: 'executive', format: 'json', output });
    expect(JSON.parse(await readFile(output, 'utf8')) as ProgressReport).toEqual(written.report);
    expect((await application.migrateReport({ audience: 'executive', format: 'markdown' })).printed).toMatch(/^# Status of the move\n[^]*## accounts\n[^]*### The way back\n/);
  });

  it('is made as well while a side can not be asked, and says what it does not know', async () => {
    const { application } = await testApplication({ services: SERVICES, sections: '', env: { ACCOUNTS_URL: 'postgres://u:hidden@127.0.0.1:1/none' } });
    const { report, printed } = await application.migrateReport({ audience: 'technical', format: 'text' });
    expect(report.services[0]?.not_known).toContainEqual(expect.stringMatching(/^how far both sides are: .*could not be reached/));
    expect(printed).not.toContain('hidden');
    await expect(application.migrateReport({ service: 'nobody', audience: 'technical', format: 'text' })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
  });
});
