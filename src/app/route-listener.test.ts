import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { routeConfig } from '../config/resolve.ts';
import { listenerOptions } from './route-listener.ts';

const options = (route: string): ReturnType<typeof listenerOptions> =>
  listenerOptions(routeConfig(parseConfig({ file: '/nowhere/banyan.yaml', env: {}, text: `monolith: { url: postgres://m@h/d }\nroute:\n  monolith: http://127.0.0.1:3000\n${route}` })));

it('gives the router what is configured, and nothing that is not', async () => {
  expect(Object.keys(await options('')).toSorted()).toEqual(['limits', 'timeouts']);
  expect(await options('  tls: { cert: /c.pem, key: /k.pem }\n  proxyProtocol: { trusted: [10.0.0.0/8] }\n  bulkhead: { service: 7 }')).toMatchObject({
    listenTls: { cert: '/c.pem', key: '/k.pem' }, secureCookie: true, proxyProtocol: ['10.0.0.0/8'], bulkhead: { service: 7 },
  });
  const strict = await options('  tls: { cert: /c.pem, key: /k.pem, clientCa: /ca.pem }\n  bulkhead: { monolith: 3 }');
  expect(strict).toMatchObject({ listenTls: { clientCa: '/ca.pem' } });
  expect(strict.bulkhead).toEqual({ monolith: 3 });
});

it("reads the sides' certificates, and names the file that can not be read", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-listener-'));
  try {
    await writeFile(join(folder, 'ca.pem'), 'the authority');
    const { upstreamTls } = await options(`  upstreamTls: { ca: ${join(folder, 'ca.pem')}, serverName: inner }`);
    expect(upstreamTls).toMatchObject({ ca: 'the authority', servername: 'inner', rejectUnauthorized: true });
    await expect(options(`  upstreamTls: { ca: ${join(folder, 'none.pem')} }`)).rejects.toMatchObject({
      code: 'BANYAN_ROUTE_TLS', message: expect.stringMatching(/^route\.upstreamTls: .*none\.pem could not be read: ENOENT/),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
