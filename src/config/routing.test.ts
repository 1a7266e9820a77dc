import { describe, expect, it, test } from 'vitest';
import { isBanyanError } from '../core/errors.ts';
import { parseConfig } from './load.ts';
import { serviceConfig } from './resolve.ts';

const file = (routing: string, route = '') =>
  parseConfig({
    file: '/etc/banyan.yaml', env: {},
    text: `monolith: { url: "postgres://h/m" }
services:
  accounts:
    url: postgres://h/a
    tables: [users]
    upstream: http://127.0.0.1:4001
    match: [{ path: /api/**, hosts: ["*.shop.example"], headers: { x-app: "web*" }, query: { v: "2" } }]
    routing:
${routing.replaceAll(/^(?=.)/gm, '      ')}
route:
  monolith: http://127.0.0.1:3000
${route}`,
  });

describe('how a service is routed', () => {
  it('arrives with times in UTC and an absolute provider', () => {
    const config = file(
      `strategy: canary
allow: ["42"]
deny: [anna]
rules: [{ when: { tenant: [acme], methods: [GET] }, percent: 12.5 }]
experiment: prices
variants: { blue: { upstream: http://127.0.0.1:1 }, green: { upstream: http://127.0.0.1:2, weight: 3 } }
schedule:
  - { percent: 1, at: "2026-07-01T09:00", timezone: Europe/Berlin }
  - { percent: 10, at: "2026-07-02T09:00+02:00" }
  - { percent: 100, after: 7d }
`,
      `  key: [{ network: { v4: 16 } }, ip]
  tenant: [{ jwt: tid }, { header: x-tenant }]
  region: [{ header: cf-ipcountry }, { networks: { office: ["192.0.2.0/24"] } }]
`,
    );
    expect(serviceConfig(config, 'accounts')).toMatchObject({
      match: [{ path: '/api/**', hosts: ['*.shop.example'], headers: { 'x-app': 'web*' }, query: { v: '2' } }],
      routing: {
        strategy: 'canary', allow: ['42'], deny: ['anna'], rules: [{ when: { tenant: ['acme'], methods: ['GET'] }, percent: 12.5 }],
        experiment: 'prices', variants: { blue: { upstream: 'http://127.0.0.1:1', weight: 1 }, green: { weight: 3 } },
        schedule: [{ percent: 1, at: '2026-07-01T07:00:00.000Z' }, { percent: 10, at: '2026-07-02T07:00:00.000Z' }, { percent: 100, afterSeconds: 604_800 }],
      },
    });
    expect(config.route).toMatchObject({
      key: [{ network: { v4: 16, v6: 64 } }, 'ip'], tenant: [{ jwt: 'tid' }, { header: 'x-tenant' }],
      region: [{ header: 'cf-ipcountry' }, { networks: { office: ['192.0.2.0/24'] } }],
    });
    const flag = file('strategy: flag\nflag: { provider: ./flags.js, key: accounts }\n');
    expect(serviceConfig(flag, 'accounts').routing.flag).toEqual({ provider: '/etc/flags.js', key: 'accounts', everyMs: 5000 });
  });

  test.each([
    ['strategy: variants', 'found the strategy variants without variants'],
    ['strategy: canary', 'found the strategy canary without a schedule'],
    ['strategy: flag', 'found the strategy flag without a flag'],
    ['flag: { provider: ./f.js, key: a }', 'found a flag for the strategy percentage'],
    ['strategy: flag\nflag: { provider: ./f.js, key: a }\nschedule: [{ percent: 1, after: 1h }]', 'found a schedule for the strategy flag'],
    ['strategy: blue-green\nschedule: [{ percent: 50, after: 1h }]', 'found 50 with the strategy blue-green'],
    ['schedule: [{ percent: 50 }]', 'found a step without a time'],
    ['schedule: [{ percent: 0.001, after: 1h }]', 'expected a percentage in steps of 0.01'],
    ['schedule: [{ percent: 1, after: soon }]', 'expected a span of time'],
    ['schedule: [{ percent: 1, at: "2026-02-30T00:00" }]', 'expected a time such as'],
    ['schedule: [{ percent: 1, at: "2026-01-01T00:00", timezone: Mars/Base }]', 'expected a time zone'],
    ['allow: [a, b]\ndeny: [b]', 'found b, which stands in deny too'],
    ['rules: [{ when: { tenant: [a] }, percent: 1 }]', 'found a rule by tenant; expected route.tenant'],
    ['rules: [{ when: {}, percent: 1 }]', 'routing.rules[0].when'],
    ['rules: [{ when: { hosts: ["shop.example:80"] }, percent: 1 }]', 'expected a host such as'],
    ['variants: { a: { upstream: http://h, weight: 0 } }', 'found no variant with a weight above 0'],
  ])('is refused: %s', (routing, message) => {
    try {
      file(routing);
      expect.unreachable();
    } catch (error) {
      if (!isBanyanError(error, 'BANYAN_CONFIG')) throw error;
      expect(error.message).toContain(message);
    }
  });
});
