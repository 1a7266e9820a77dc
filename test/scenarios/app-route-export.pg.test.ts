import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';

const ROUTE = 'route: { monolith: "http://monolith.shop:3000", key: [{ cookie: uid }], shadow: { percent: 1 } }\n';
const services = (): string => '  accounts:\n    url: ${ACCOUNTS_URL}\n    tables: [users, sessions]\n    upstream: http://accounts.shop:4001\n    match: [{ path: /api/users/** }]\n';

describePostgres('route export', () => {
  it('writes the routes with the share that was decided, for every format', async () => {
    const app = await testApplication({ services, sections: ROUTE });
    const folder = await mkdtemp(join(tmpdir(), 'banyan-export-'));
    try {
      await app.application.routeSet({ service: 'accounts', percent: 12.5 });
      const expected = {
        haproxy: ['haproxy.cfg', 'banyan.map'], nginx: ['nginx.conf', 'banyan.conf'], envoy: ['envoy.yaml', 'routes.yaml'],
        istio: ['virtual-service.yaml', 'envoy-filter.yaml'], 'gateway-api': ['http-routes.yaml'],
      } as const;
      for (const format of Object.keys(expected) as (keyof typeof expected)[]) {
        const outDir = join(folder, format);
        const result = await app.application.routeExport({ format, outDir, direct: false, router: 'http://banyan.shop:8080', listen: '0.0.0.0:80' });
        expect(result.files).toEqual(expected[format].map((file) => join(outDir, file)));
        expect(result.notes.join(' ')).toMatch(/fence/);
      }
      expect(await readFile(join(folder, 'haproxy/banyan.map'), 'utf8')).toBe('accounts 1250\n');
      expect(await readFile(join(folder, 'haproxy/haproxy.cfg'), 'utf8')).toContain('bind 0.0.0.0:80\n');
      expect(await readFile(join(folder, 'nginx/banyan.conf'), 'utf8')).toContain('12.50% service;');

      const direct = await app.application.routeExport({ format: 'haproxy', outDir: folder, direct: true });
      expect(direct.files).toHaveLength(2);
      expect(await readFile(join(folder, 'haproxy.cfg'), 'utf8')).not.toContain('banyan_router');
      await expect(app.application.routeExport({ format: 'haproxy', outDir: folder, direct: true, listen: 'nowhere' })).rejects.toMatchObject({ code: 'BANYAN_USAGE' });
      await expect(app.application.routeExport({ format: 'haproxy', outDir: join(folder, 'haproxy.cfg'), direct: true })).rejects.toMatchObject({ code: 'BANYAN_FILE' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
