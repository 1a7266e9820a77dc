import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { RunningHaproxy } from '../../src/dataplane/haproxy/running-haproxy.ts';
import { freePort } from '../../src/embedded/free-port.ts';
import { bucketOf, homeOf } from '../../src/route/decide.ts';
import { haproxy, haproxyRun } from '../dataplane/haproxy-process.ts';
import { testApplication } from '../support/application.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';
import { describeRequiring } from '../support/requires.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function upstream(side: string): Promise<string> {
  const server = createServer((request, response) => void response.end(JSON.stringify({ side, through: request.headers['x-request-id'] === undefined ? 'nobody' : 'the router' })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const USERS = Array.from({ length: 40 }, (_, n) => `user-${n}`);

describePostgres('a running HAProxy of a configuration', () => {
  describeRequiring(haproxy.absence, 'which is there', () => {
    it('moves users with the router, goes back without one, and is put right when it was left behind', async () => {
      const [monolith, service] = [await upstream('monolith'), await upstream('service')];
      const [listen, admin, front] = [await freePort(), await freePort(), await freePort()];
      const app = await testApplication({
        services: () => `  accounts:\n    url: \${ACCOUNTS_URL}\n    tables: [users, sessions]\n    upstream: ${service}\n    match: [{ path: /api/users/** }]\n`,
        sections: `route:\n  listen: 127.0.0.1:${listen}\n  admin: 127.0.0.1:${admin}\n  monolith: ${monolith}\n  key: [{ cookie: uid }]\n  fence: { timeoutMs: 2000 }\n  rollback: { triggers: [] }\n  planes: [{ kind: haproxy, socket: run.sock, map: plane/banyan.map }]\n`,
      });
      const { application } = app;
      const folder = join(app.folder, 'plane');
      const exported = await application.routeExport({ format: 'haproxy', outDir: folder, direct: false, listen: `127.0.0.1:${front}` });
      expect(exported.files).toHaveLength(2);
      const { command, start, stop } = haproxyRun({ config: join(folder, 'haproxy.cfg'), socket: join(app.folder, 'run.sock') });
      await start();
      closing.push(stop);
      const plane = new RunningHaproxy({ name: 'haproxy', command, mapFile: join(folder, 'banyan.map'), clock: systemClock });
      const ask = async (user: string, method = 'GET'): Promise<{ readonly side: string; readonly through: string }> => {
        const response = await fetch(`http://127.0.0.1:${front}/api/users/1`, { method, headers: { cookie: `uid=${user}` } });
        return (await response.json()) as { side: string; through: string };
      };

      await expect(application.routeSet({ service: 'accounts', percent: 50 })).rejects.toMatchObject({ code: 'BANYAN_PLANE_APPLY', message: expect.stringContaining('No router runs') as string });
      expect((await application.routeStatus()).routes).toMatchObject([{ percent: 0, version: 0 }]);

      const sync = await app.startSync();
      const router = app.start((other) => other.routeServe());
      const ready = until(() => fetch(`http://127.0.0.1:${admin}/readyz`).then((response) => response.ok, () => false), { what: 'the router is ready', timeoutMs: 60_000 });
      await Promise.race([ready, router.result.then(() => Promise.reject(new Error('the router ended')))]);
      await application.routeSet({ service: 'accounts', percent: 50 });
      expect(await plane.read()).toEqual([{ service: 'accounts', percent: 50 }]);
      for (const user of USERS) expect(await ask(user)).toEqual({ side: homeOf(bucketOf(user), 50), through: 'nobody' });

      // While sync stands still nobody is moved, and those who should be wait with the router.
      await sync.stop();
      await app.monolith.query("UPDATE public.users SET name = 'unseen' WHERE id = 1");
      await expect(application.routeSet({ service: 'accounts', percent: 100 })).rejects.toMatchObject({ code: 'BANYAN_ROUTE_PENDING' });
      expect(await plane.read()).toEqual([{ service: 'accounts', percent: 50, movingUpTo: 100 }]);
      for (const user of USERS) expect(await ask(user)).toEqual(homeOf(bucketOf(user), 50) === 'service' ? { side: 'service', through: 'nobody' } : { side: 'monolith', through: 'the router' });
      // When it goes on, the router moves them and puts the proxy right by itself.
      await app.startSync();
      await until(async () => (await plane.read())[0]?.movingUpTo === undefined);
      expect(await plane.read()).toEqual([{ service: 'accounts', percent: 100 }]);
      expect(await ask('user-1')).toEqual({ side: 'service', through: 'nobody' });

      await router.stop();
      await application.routeRollback({ service: 'accounts' });
      expect(await plane.read()).toEqual([{ service: 'accounts', percent: 0 }]);
      await stop();
      await start();
      expect(await plane.read()).toEqual([{ service: 'accounts', percent: 0 }]);
      expect((await ask('user-1')).side).toBe('monolith');
    });
  });
});
