import { expect, it } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import { configText } from './config-text.ts';

it('the demo\'s configuration is one that a user could have written', () => {
  const text = configText({
    service: 'accounts', tables: ['public.users', 'public.sessions'], paths: ['/login', '/api/users/**'],
    addresses: { listen: '127.0.0.1:18080', admin: '127.0.0.1:18081', metrics: '127.0.0.1:18082', monolith: 'http://127.0.0.1:3000', upstream: 'http://127.0.0.1:4000' },
  });
  const env = { MONOLITH_URL: 'postgres://127.0.0.1/shop', ACCOUNTS_URL: 'postgres://127.0.0.1:5433/accounts' };
  const config = parseConfig({ file: 'banyan.yaml', env, text });
  const accounts = config.services.get('accounts');
  expect(accounts).toMatchObject({ url: env.ACCOUNTS_URL, upstream: 'http://127.0.0.1:4000', match: [{ path: '/login' }, { path: '/api/users/**' }] });
  expect(accounts?.tables.map(({ table }) => table)).toEqual(['public.users', 'public.sessions']);
  expect(config.route).toMatchObject({ listen: { host: '127.0.0.1', port: 18080 }, admin: { port: 18081 }, monolith: 'http://127.0.0.1:3000', key: [{ cookie: 'vid' }] });
  expect(config.metrics.listen).toEqual({ host: '127.0.0.1', port: 18082 });
  expect(config.monolith.url).toBe(env.MONOLITH_URL);
  expect(text).not.toContain('postgres://');
});
