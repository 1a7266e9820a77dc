import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { testApplication } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';

interface Post {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

const servers = new Set<ReturnType<typeof createServer>>();
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
});

/** A receiver of webhooks that answers each path's first post with 503. */
async function receiver(): Promise<{ readonly url: string; readonly posts: Post[] }> {
  const posts: Post[] = [];
  const seen = new Set<string>();
  const read = async (request: IncomingMessage): Promise<string> => (await request.toArray()).map(String).join('');
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    void read(request).then((text) => {
      const first = !seen.has(path);
      seen.add(path);
      if (!first) posts.push({ path, body: JSON.parse(text) as Record<string, unknown> });
      response.writeHead(first ? 503 : 202).end('{}');
    });
  });
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posts };
}

describePostgres('validate watch', () => {
  it('compares by schedule, records, measures and alerts each receiver in its form', async () => {
    const { url, posts } = await receiver();
    const app = await testApplication({
      sections: [
        'sync: { mode: monolith-to-service }',
        'validate:',
        '  schedules: [{ cron: "* * * * * *", level: checksum }, { cron: "* * * * * *", level: count, tables: [users] }]',
        '  alerts:',
        '    webhooks:',
        `      own: { url: "${url}/own?token=very-secret" }`,
        `      chat: { format: slack, url: "${url}/services/T0/very-secret" }`,
        `      call: { format: pagerduty, url: "${url}/v2/enqueue", routingKey: very-secret, severity: critical }`,
        'metrics: { listen: "127.0.0.1:0" }', '',
      ].join('\n'),
    });
    await app.application.syncRun({ provision: true, untilCaughtUp: true });
    await app.service.query("DELETE FROM public.sessions WHERE id = 's9'");
    await app.service.query("INSERT INTO public.users (id, email) VALUES (77, 'extra@example.org')");
    const worker = app.start((application) => application.validateWatch({}));
    const of = (path: string) => posts.filter((post) => post.path.startsWith(path)).map(({ body }) => body);
    await until(() => of('/own').length >= 2 && of('/services').length >= 2 && of('/v2').length >= 1, { what: 'every receiver was told', everyMs: 50 });

    const byTable = (one: readonly unknown[], other: readonly unknown[]): number => String(one[1]).localeCompare(String(other[1]));
    expect(of('/own').map(({ event, table, severity, counts }) => [event, table, severity, counts]).sort(byTable)).toEqual([
      ['triggered', 'public.sessions', 'critical', { missing: 1, extra: 0, different: 0, unsettled: 0 }],
      ['triggered', 'public.users', 'medium', { missing: 0, extra: 1, different: 0, unsettled: 0 }],
    ]);
    expect(of('/v2')).toMatchObject([
      { routing_key: 'very-secret', event_action: 'trigger', dedup_key: 'banyan/validate/accounts/public.sessions', payload: { severity: 'critical', source: 'accounts', component: 'public.sessions' } },
    ]);
    expect(new Set(of('/services').map(({ text }) => text))).toEqual(new Set([
      'accounts: public.sessions is not the same on both sides: 1 missing rows (checksum)', 'accounts: public.users is not the same on both sides: 1 extra rows (checksum)',
    ]));
    const metrics = await (await fetch(/http:\S+/.exec(app.notes.join('\n'))![0])).text();
    expect(metrics).toContain('data_drift_percentage{table="public.sessions"} 5');
    expect(metrics).toMatch(/reconciliation_inconsistencies_total\{table="public\.sessions",type="missing",severity="critical"\} [1-9]/);
    expect(metrics).toMatch(/reconciliation_duration_seconds_count\{job_type="checksum"\} [1-9]/);
    expect(metrics).toMatch(/banyan_validate_runs_total\{service="accounts",result="different"\} [1-9]/);

    await app.service.query('DELETE FROM public.users WHERE id = 77');
    await app.service.query("INSERT INTO public.sessions SELECT 's9', 9");
    await until(() => of('/v2').length === 2 && of('/own').length === 4, { what: 'it is told that all is well', everyMs: 50 });
    expect(of('/v2')[1]).toEqual({ routing_key: 'very-secret', dedup_key: 'banyan/validate/accounts/public.sessions', event_action: 'resolve' });
    await until(async () => (await app.application.validateHistory({ limit: 50 })).tables.some(({ runs }) => runs.some(({ level }) => level === 'count')), { what: 'each schedule has had its turn', everyMs: 50 });
    expect(await worker.stop()).toEqual({ stopped: 'requested', services: ['accounts'] });
    expect(app.logs.join('\n')).not.toContain('very-secret');

    const { tables } = await app.application.validateHistory({ limit: 50, sinceSeconds: 3600 });
    expect(tables.map(({ service, table, score }) => [service, table, score])).toEqual([['accounts', 'public.sessions', 1], ['accounts', 'public.users', 1]]);
    expect(tables[0]!.runs.some(({ missing, score, level }) => missing === 1 && score === 0.95 && level === 'checksum')).toBe(true);
    expect(new Set(tables[1]!.runs.map(({ level }) => level))).toEqual(new Set(['checksum', 'count']));
    expect((await app.application.validateHistory({ limit: 1, table: 'users' })).tables.map(({ runs }) => runs.length)).toEqual([1]);
  });

  it('does not forget last night over what was counted since', async () => {
    const app = await testApplication({});
    await app.application.validateHistory({ limit: 1 });
    await app.monolith.query(`INSERT INTO banyan.validation_history
      SELECT 'run' || n, now() - n * interval '5 minutes', 'accounts', 'public.users', CASE n WHEN 40 THEN 'full' ELSE 'count' END, n <> 40, 1000, 1000, 0, 0,
        CASE n WHEN 40 THEN 8 ELSE 0 END, 0, CASE n WHEN 40 THEN 0.992 ELSE 1 END, 1 FROM generate_series(1, 40) n`);
    const { tables } = await app.application.validateHistory({ limit: 5 });
    expect(tables).toMatchObject([{ table: 'public.users', level: 'full', consistent: false, score: 0.992, runs: { length: 5 } }]);
  });

  it('refuses what it can not do', async () => {
    const app = await testApplication({ sections: 'validate: { schedules: [{ cron: "0 3 * * *", tables: [users] }] }\n' });
    await expect(app.application.validateWatch({ metrics: 'nowhere' })).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
    await expect(app.application.validateWatch({ services: ['nobody'] })).rejects.toMatchObject({ code: 'BANYAN_SERVICE_UNKNOWN' });
    await app.configure('');
    await expect(app.application.validateWatch({})).rejects.toMatchObject({ code: 'BANYAN_CONFIG', message: expect.stringContaining('validate.schedules') as string });
    expect((await app.application.validateHistory({ limit: 1 })).tables).toEqual([]);
  });
});
