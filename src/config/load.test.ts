import * as fc from 'fast-check';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBanyanError } from '../core/errors.ts';
import { loadConfig, parseConfig } from './load.ts';
import { routeConfig, serviceConfig } from './resolve.ts';

const parse = (text: string, env: Record<string, string> = {}) => parseConfig({ file: 'banyan.yaml', env, text });

function refusal(text: string, env: Record<string, string> = {}): string {
  try {
    parse(text, env);
  } catch (error) {
    if (isBanyanError(error, 'BANYAN_CONFIG')) return error.message;
    throw error;
  }
  throw new Error('The configuration was accepted.');
}

const MONOLITH = 'monolith: { url: "postgres://m@h/db" }\n';

test('the least configuration has every default', () => {
  expect(parse(MONOLITH)).toEqual({
    file: 'banyan.yaml',
    monolith: { url: 'postgres://m@h/db' },
    analyze: { keep: [], apart: [] },
    runbook: { contacts: [] },
    check: {},
    services: new Map(),
    sync: {
      mode: 'bidirectional',
      conflicts: { clockSkewToleranceMs: 1000, default: { strategy: 'last-write-wins' }, tables: new Map() },
      batch: { maxRows: 2000 },
      apply: { workers: 2 },
      memory: { transactionRows: 10_000, transactionMb: 16, queueRows: 10_000, queueMb: 32 },
      copy: { workers: 2, chunkRows: 200_000 },
      schemaChanges: { additive: 'service' },
      heartbeatMs: 1000,
      linkTimeoutMs: 20_000,
      lagToleranceMs: 10_000,
      walAlarmMb: 5000,
      slotPrefix: 'banyan',
    },
    validate: { level: 'full', checks: ['schema', 'sequences', 'references'], references: [], referenceGraceMs: 1000, exact: false, tolerance: 0, tables: {}, rules: {}, sampleRows: 1000, maxDifferences: 100, readFrom: { services: {} }, incremental: false, reconcile: { policy: 'review', tables: {}, allowDeletes: [] }, schedules: [], alerts: { below: 1, tables: {}, webhooks: {} }, historyDays: 90 },
    state: { url: 'postgres://m@h/db' },
    metrics: {},
    log: { level: 'info', format: 'auto' },
  });
});

test('a full configuration arrives with canonical names, addresses and absolute modules', () => {
  const config = parseConfig({
    file: '/etc/banyan/banyan.yaml',
    env: { MONOLITH_URL: 'mysql://m@h/db', EVERY: '250' },
    text: `
version: 1
monolith:
  url: \${MONOLITH_URL}
services:
  accounts:
    url: postgres://s@h/accounts
    tables:
      - Users
      - { table: '"Odd Schema"."Ta""ble"', as: odd, columns: [id, "Na me"], where: id > 1, transform: ./t.js }
    upstream: http://127.0.0.1:4001
    match: [{ path: /api/users/** }, { path: /login, methods: [POST] }]
    adapt: [{ from: /login, to: /sessions }]
    health: { path: "/up?deep=1", everyMs: "\${EVERY}" }
sync:
  mode: monolith-to-service
  capture: trigger
  conflicts:
    default: custom
    module: some-package/resolver
    tables: { public.users: { strategy: custom, module: ../resolve.ts } }
route:
  listen: "[::1]:0"
  admin: ":9000"
  monolith: https://127.0.0.1:3000
  key: [{ cookie: uid }, { header: X-User-Id }, { jwt: sub }, { query: user }, ip]
  shadow: { percent: 12.5, ignore: [date, $.at], tolerance: [{ path: "$.items[*].price", absolute: 0.01 }], unordered: [$.tags, { path: $.items, key: id }] }
  tls: { cert: ./crt, key: /k }
  upstreamTls: { ca: ca }
  proxyProtocol: { trusted: [10.0.0.0/8] }
  clients: { bodyMs: 1000 }
  bulkhead: { service: 50 }
  planes: [{ kind: haproxy, socket: ./run.sock, map: /etc/banyan.map }]
  rollback: { triggers: [{ metric: error_rate, threshold: 0.05, window_seconds: 10, min_samples: 5, relative: 2 }, { metric: unavailable, duration_seconds: 1.5 }, { metric: latency_p99, test: sequential, relative: 1.5, alone: 900, action: scale_up }], falseAlarmRate: 0.001, webhooks: { pager: { format: pagerduty, routingKey: k } } }
  gradual: { worseBy: { errors: 0.02 } }
  load: { services: { accounts: { url: "http://127.0.0.1:9100/metrics", memory: heap.used } } }
  headerOverride: x-side
state: { url: postgresql://s@h/banyan }
metrics: { listen: "localhost:9464" }
`,
  });
  expect(config.monolith.url).toBe('mysql://m@h/db');
  expect(serviceConfig(config, 'accounts')).toEqual({
    name: 'accounts',
    routing: { strategy: 'percentage', allow: [], deny: [], rules: [], variants: {}, schedule: [] },
    url: 'postgres://s@h/accounts',
    tables: [
      { table: 'public.users', as: 'public.users' },
      { table: '"Odd Schema"."Ta""ble"', as: 'public.odd', columns: [{ monolith: 'id', service: 'id' }, { monolith: 'Na me', service: 'Na me' }], where: 'id > 1', transform: '/etc/banyan/t.js' },
    ],
    upstream: 'http://127.0.0.1:4001',
    match: [{ path: '/api/users/**' }, { path: '/login', methods: ['POST'] }],
    adapt: [{ from: '/login', to: '/sessions' }],
    health: { path: '/up?deep=1', everyMs: 250, timeoutMs: 1000 },
  });
  expect(config.sync.capture).toBe('trigger');
  expect(config.sync.conflicts).toEqual({
    clockSkewToleranceMs: 1000,
    default: { strategy: 'custom', module: 'some-package/resolver' },
    tables: new Map([['public.users', { strategy: 'custom', module: '/etc/resolve.ts' }]]),
  });
  expect(routeConfig(config)).toEqual({
    tenant: [],
    region: [],
    planes: [{ kind: 'haproxy', socket: '/etc/banyan/run.sock', map: '/etc/banyan.map', moves: 'router' }],
    listen: { host: '::1', port: 0 },
    admin: { host: '0.0.0.0', port: 9000 },
    monolith: 'https://127.0.0.1:3000',
    key: [{ cookie: 'uid' }, { header: 'X-User-Id' }, { jwt: 'sub' }, { query: 'user' }, 'ip'],
    shadow: {
      percent: 12.5, ignore: ['date', '$.at'], headers: [], tolerance: [{ path: '$.items[*].price', absolute: 0.01 }], unordered: ['$.tags', { path: '$.items', key: 'id' }],
      sameSidePercent: 10, settleMs: 1100, timeoutMs: 10_000, maxBodyBytes: 65_536, queue: 64, concurrency: 4,
    },
    rollback: {
      triggers: [
        { metric: 'error_rate', threshold: 0.05, windowMs: 10_000, minSamples: 5, relative: 2, action: 'automatic_rollback' },
        { metric: 'unavailable', durationMs: 1500, action: 'automatic_rollback' },
        { metric: 'latency_p99', test: 'sequential', relative: 1.5, alone: 900, action: 'scale_up' },
      ],
      falseAlarmRate: 0.001,
      baselineMs: 604_800_000,
      coolDownMs: 300_000,
      webhooks: { pager: { format: 'pagerduty', routingKey: 'k', actions: ['automatic_rollback', 'alert_team'], timeoutMs: 10_000 } },
    },
    gradual: { worseBy: { errors: 0.02 } },
    load: { services: { accounts: { url: 'http://127.0.0.1:9100/metrics', cpu: 'process_cpu_seconds_total', memory: 'heap.used' } } },
    fence: { timeoutMs: 10_000 },
    timeouts: { connectMs: 2000, headersMs: 30_000, bodyMs: 300_000, continueMs: 1000, idleMs: 4000, drainMs: 10_000 },
    tls: { cert: '/etc/banyan/crt', key: '/k' },
    upstreamTls: { ca: '/etc/banyan/ca', verify: true },
    proxyProtocol: { trusted: ['10.0.0.0/8'] },
    clients: { headersMs: 10_000, requestMs: 300_000, bodyMs: 1000, idleMs: 65_000, maxHeaderBytes: 16_384, connections: 10_000 },
    bulkhead: { service: 50 },
    tracing: false,
    headerOverride: 'x-side',
  });
  expect(config.state.url).toBe('postgresql://s@h/banyan');
  expect(config.metrics).toEqual({ listen: { host: 'localhost', port: 9464 } });
});

test('an empty section is a section of defaults, and anchors may be used', () => {
  const config = parse(`${MONOLITH}sync:\nlog:\nservices:\n  a: { url: &u "postgres://x@h/d", tables: [t] }\n  b: { url: *u, tables: [v] }\n`);
  expect(config.log.level).toBe('info');
  expect(config.services.get('b')?.url).toBe('postgres://x@h/d');
});

describe('the environment', () => {
  test.each([
    ['${A}', { A: 'postgres://a@h/d' }, 'postgres://a@h/d'],
    ['postgres://u:${P}@h/d', { P: 'x$y' }, 'postgres://u:x$y@h/d'],
    ['${A:-postgres://d@h/d}', {}, 'postgres://d@h/d'],
    ['${A:-postgres://d@h/d}', { A: '' }, 'postgres://d@h/d'],
    ['${A:-postgres://d@h/d}', { A: 'postgres://a@h/d' }, 'postgres://a@h/d'],
    ['postgres://u:$${P}@h/d', {}, 'postgres://u:${P}@h/d'],
    ['postgres://u:${P}@h/d', { P: '${Q}', Q: 'no' }, 'postgres://u:${Q}@h/d'],
  ])('%s', (written, env, expected) => {
    expect(parse(`monolith:\n  url: ${written}\n`, env as Record<string, string>).monolith.url).toBe(expected);
  });

  test('a variable that is not set is named with its key', () => {
    expect(refusal('monolith:\n  url: ${MONOLITH_URL}\n')).toBe(
      'banyan.yaml:2:8: monolith.url: found the environment variable MONOLITH_URL, which is not set; expected a URL such as postgres://user:password@host:5432/database or mysql://…; set MONOLITH_URL, or write ${MONOLITH_URL:-default}.',
    );
  });

  test('a name that only Object has is not set', () => {
    expect(refusal('monolith:\n  url: ${constructor}\n')).toContain('constructor, which is not set');
  });

  test.each(['${}', '${1A}', '${A', '${A:default}'])('%s is refused', (written) => {
    expect(refusal(`monolith:\n  url: '${written}'\n`)).toBe(
      `banyan.yaml:2:8: monolith.url: found "${written}"; expected \${NAME} or \${NAME:-default} ($\${ for a literal \${).`,
    );
  });

  test('the spool directory is relative to the file', () => {
    expect(parse(`${MONOLITH}sync: { memory: { spoolDirectory: spool } }`).sync.memory.spoolDirectory).toBe(resolve('spool'));
    expect(refusal(`${MONOLITH}sync: { memory: { spoolDirectory: "" } }`)).toContain('sync.memory.spoolDirectory: found an empty text; expected the path of a directory.');
  });

  test('a value from the environment is never shown', () => {
    const message = refusal(`monolith:\n  url: \${U}\nlog: { level: "\${L}" }\nsync: { heartbeatMs: "\${H}" }\n`, {
      U: 'hunter2',
      L: 'hunter2',
      H: 'hunter2',
    });
    expect(message).toContain('log.level: found the value of "${L}"; expected one of debug, info, warn, error.');
    expect(message).not.toContain('hunter2');
  });
});

const table = (rest: string) => `${MONOLITH}services:\n  a:\n    url: "postgres://s@h/d"\n${rest}`;

describe('what is wrong is named with line, key, found and expected', () => {
  test.each<[string, string, string]>([
    ['no file', '', '1:1: found nothing; expected a mapping of version, monolith, services, sync, validate, route, analyze, runbook, check, state, metrics, log.'],
    ['a list', '- 1', '1:1: found a list; expected a mapping of version, monolith, services, sync, validate, route, analyze, runbook, check, state, metrics, log.'],
    ['no monolith', 'version: 1', '1:1: monolith: found nothing; expected a mapping of url.'],
    ['version', `version: 2\n${MONOLITH}`, '1:10: version: found the number 2; expected a whole number, 1.'],
    ['a key almost right', `${MONOLITH}sevices: {}`, '2:1: sevices: found the unknown key "sevices"; expected one of version, monolith, services, sync, validate, route, analyze, runbook, check, state, metrics, log. Did you mean "services"?'],
    ['a key far off', `${MONOLITH}log: { zebra: 1 }`, '2:8: log.zebra: found the unknown key "zebra"; expected one of level, format.'],
    ['a key of Object', `${MONOLITH}log: { constructor: 1 }`, '2:8: log.constructor: found the unknown key "constructor"; expected one of level, format.'],
    ['a number as a key', `${MONOLITH}1: 2`, '2:1: 1: found the unknown key "1"; expected one of version, monolith, services, sync, validate, route, analyze, runbook, check, state, metrics, log.'],
    ['a list as a key', `${MONOLITH}? [a]\n: 1`, '2:3: found a list as a key; expected a text as a key.'],
    ['an anchor as a key', `${MONOLITH}log: { level: &a info, *a : 1 }`, '2:24: log.info: found the unknown key "info"; expected one of level, format.'],
    ['a choice almost right', `${MONOLITH}sync: { mode: bidirectonal }`, '2:15: sync.mode: found "bidirectonal"; expected one of monolith-to-service, service-to-monolith, bidirectional. Did you mean "bidirectional"?'],
    ['a number for a choice', `${MONOLITH}log: { level: 3 }`, '2:15: log.level: found the number 3; expected one of debug, info, warn, error.'],
    ['a text for a number', `${MONOLITH}sync: { heartbeatMs: fast }`, '2:22: sync.heartbeatMs: found "fast"; expected a whole number, at least 50.'],
    ['a fraction', `${MONOLITH}sync: { heartbeatMs: 99.5 }`, '2:22: sync.heartbeatMs: found the number 99.5; expected a whole number, at least 50.'],
    ['too small', `${MONOLITH}sync: { heartbeatMs: 49 }`, '2:22: sync.heartbeatMs: found the number 49; expected a whole number, at least 50.'],
    ['infinite', `${MONOLITH}validate: { tolerance: .inf }`, '2:24: validate.tolerance: found the number Infinity; expected a number from 0 to 1.'],
    ['too large for a double', `${MONOLITH}sync: { heartbeatMs: 12345678901234567890 }`, '2:22: sync.heartbeatMs: found the number 12345678901234567000; expected a whole number, at least 50.'],
    ['a truth value for a text', 'monolith: { url: true }', '1:18: monolith.url: found true; expected a URL such as postgres://user:password@host:5432/database or mysql://….'],
    ['false for a text', 'monolith: { url: false }', '1:18: monolith.url: found false; expected a URL such as postgres://user:password@host:5432/database or mysql://….'],
    ['an empty text', 'monolith: { url: "" }', '1:18: monolith.url: found text that is no URL; expected a URL such as postgres://user:password@host:5432/database or mysql://….'],
    ['nothing', 'monolith: { url: }', '1:18: monolith.url: found nothing; expected a URL such as postgres://user:password@host:5432/database or mysql://….'],
    ['another scheme', 'monolith: { url: "oracle://h/d" }', '1:18: monolith.url: found a URL that begins with oracle://; expected a URL such as postgres://user:password@host:5432/database or mysql://….'],
    ['an unreadable URL', 'monolith: { url: "postgres://u:a/b@h:x/d" }', '1:18: monolith.url: found a URL that cannot be read (characters such as / or @ in a password are written as %2F, %40); expected a URL such as postgres://user:password@host:5432/database or mysql://….'],
    ['a text for a section', 'monolith: postgres://u:secret@h/d', '1:11: monolith: found "postgres://***@h/d"; expected a mapping of url.'],
    ['a text for a record', `${MONOLITH}services: accounts`, '2:11: services: found "accounts"; expected a mapping.'],
    ['a service name', `${MONOLITH}services: { Accounts: {} }`, '2:13: services.Accounts: found the key "Accounts"; expected a name of at most 40 lower-case letters, digits, - and _, that begins with a letter.'],
    ['a service without tables', table(''), '4:5: services.a.tables: found nothing; expected a list with at least one entry.'],
    ['a service with no table', table('    tables: []\n'), '5:13: services.a.tables: found an empty list; expected a list with at least one entry.'],
    ['a text for a list', table('    tables: users\n'), '5:13: services.a.tables: found "users"; expected a list with at least one entry.'],
    ['a list for a table', table('    tables: [[users]]\n'), '5:14: services.a.tables[0]: found a list; expected table or schema.table, quoted as in psql where needed, or a mapping of table, as, columns, where, transform.'],
    ['a table name', table('    tables: [a.b.c]\n'), '5:14: services.a.tables[0]: found "a.b.c"; expected table or schema.table, quoted as in psql where needed.'],
    ['a number for a table', table('    tables: [7]\n'), '5:14: services.a.tables[0]: found the number 7; expected table or schema.table, quoted as in psql where needed.'],
    ['a table object', table('    tables: [{ as: b }]\n'), '5:14: services.a.tables[0].table: found nothing; expected table or schema.table, quoted as in psql where needed.'],
    ['a list that contains itself', table('    tables: &t [*t]\n'), '5:17: services.a.tables[0]: found a list; expected table or schema.table, quoted as in psql where needed, or a mapping of table, as, columns, where, transform.'],
    ['a path', table('    tables: [t]\n    match: [{ path: api }]\n'), '6:21: services.a.match[0].path: found "api"; expected a path that begins with /, such as /api/users/**.'],
    ['a method', table('    tables: [t]\n    match: [{ path: /a, methods: [get] }]\n'), '6:35: services.a.match[0].methods[0]: found "get"; expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS. Did you mean "GET"?'],
    ['an address', `${MONOLITH}metrics: { listen: localhost }`, '2:20: metrics.listen: found "localhost"; expected host:port such as 127.0.0.1:8080, with a port from 0 to 65535.'],
    ['a schedule', `${MONOLITH}validate: { schedules: [{ cron: "61 * * * *" }] }`, '2:33: validate.schedules[0].cron: found "61 * * * *"; expected a cron expression of five or six fields such as "*/5 * * * *" or "0 3 * * mon-fri".'],
    ['a date as a schedule', `${MONOLITH}validate: { schedules: [{ cron: "2026-01-01T00:00:00" }] }`, '2:33: validate.schedules[0].cron: found "2026-01-01T00:00:00"; expected a cron expression of five or six fields such as "*/5 * * * *" or "0 3 * * mon-fri".'],
    ['a day that never comes', `${MONOLITH}validate: { schedules: [{ cron: "0 0 30 2 *" }] }`, '2:33: validate.schedules[0].cron: found "0 0 30 2 *"; expected a cron expression of five or six fields such as "*/5 * * * *" or "0 3 * * mon-fri".'],
    ['a time zone', `${MONOLITH}validate: { schedules: [{ cron: "0 0 * * *", timezone: Mars/Olympus }] }`, '2:56: validate.schedules[0].timezone: found "Mars/Olympus"; expected a time zone such as UTC or Europe/Berlin.'],
    ['a port', `${MONOLITH}metrics: { listen: "h:65536" }`, '2:20: metrics.listen: found "h:65536"; expected host:port such as 127.0.0.1:8080, with a port from 0 to 65535.'],
    ['two keys in one', `${MONOLITH}route: { monolith: "http://h", key: [{ cookie: a, jwt: b }] }`, '2:38: route.key[0]: found 2 keys; expected a mapping with one of cookie, header, jwt, query, network.'],
    ['no key in one', `${MONOLITH}route: { monolith: "http://h", key: [{}] }`, '2:38: route.key[0]: found no key; expected a mapping with one of cookie, header, jwt, query, network.'],
    ['a route without the monolith', `${MONOLITH}route: {}`, '2:8: route.monolith: found nothing; expected a URL such as http://127.0.0.1:3000.'],
    ['a group of one table', `${MONOLITH}analyze: { keep: [[users]] }`, '2:19: analyze.keep[0]: found a list of 1; expected a list with at least 2 entries.'],
    ['a word as a number of services', `${MONOLITH}analyze: { services: many }`, '2:22: analyze.services: found "many"; expected a whole number from 1 to 1000.'],
    ['a contact without a role', `${MONOLITH}runbook: { contacts: [{ name: Ada, phone: "1" }] }`, '2:23: runbook.contacts[0].role: found nothing; expected a text that is not empty.'],
    ['a number as a phone', `${MONOLITH}runbook: { contacts: [{ role: lead, name: Ada, phone: +49123 }] }`, '2:55: runbook.contacts[0].phone: found the number 49123; expected a text that is not empty.'],
    ['an address without @', `${MONOLITH}runbook: { contacts: [{ role: lead, name: Ada, email: ada }] }`, '2:55: runbook.contacts[0].email: found "ada"; expected an address such as ada@example.org.'],
    ['a contact nobody can reach', `${MONOLITH}runbook: { contacts: [{ role: lead, name: Ada }] }`, '2:23: runbook.contacts[0]: found a contact that can not be reached; expected `phone`, `email` or `channel` beside its name.'],
    ['a key of a contact almost right', `${MONOLITH}runbook: { contacts: [{ role: lead, name: Ada, phon: "1" }] }`, '2:48: runbook.contacts[0].phon: found the unknown key "phon"; expected one of role, name, phone, email, channel, backup. Did you mean "phone"?'],
    ['one key twice', `${MONOLITH}${MONOLITH}`, '2:1: found a key that stands here twice; expected each key once.'],
    ['an unknown tag', 'monolith: !!secret 1', '1:11: found text that is no YAML (Unresolved tag: tag:yaml.org,2002:secret); expected one YAML document.'],
    ['an unknown anchor', 'monolith: *no', '1:11: monolith: found the alias *no without its anchor; expected a mapping of url.'],
    ['an unknown anchor for what has a default', `${MONOLITH}sync: *no`, '2:7: sync: found the alias *no without its anchor; expected a mapping of mode, capture, conflicts, batch, apply, memory, copy, schemaChanges, heartbeatMs, linkTimeoutMs, lagToleranceMs, walAlarmMb, throttle, slotPrefix.'],
    ['two documents', `${MONOLITH}---\n${MONOLITH}`, '2:1: found text that is no YAML (Source contains multiple documents; please use YAML.parseAllDocuments()); expected one YAML document.'],
  ])('%s', (_name, text, message) => {
    expect(refusal(text)).toBe(`banyan.yaml:${message}`);
  });

  test('an unquoted variable inside braces is explained', () => {
    expect(refusal('monolith: { url: ${URL} }\n').split('\n')[0]).toContain('Inside { } and [ ], ${NAME} needs quotes: "${NAME}".');
  });

  test('every issue is reported, by line, with details for machines', () => {
    try {
      parse(`${MONOLITH}log: { level: loud, format: pretty }\nversion: two\n`);
      expect.unreachable();
    } catch (error) {
      expect(isBanyanError(error, 'BANYAN_CONFIG') && error.details).toMatchObject({
        file: 'banyan.yaml',
        issues: [
          { line: 2, path: 'log.level' },
          { line: 2, path: 'log.format' },
          { line: 3, path: 'version' },
        ],
      });
    }
  });

  test('a long list of issues is cut', () => {
    const lines = refusal(`${MONOLITH}log: {${Array.from({ length: 25 }, (_, i) => `x${i}: 1`).join(', ')}}`).split('\n');
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('and 5 more');
  });
});

const two = (rest: string) => `${MONOLITH}services:\n  a: { url: "postgres://s@h/a", tables: [users] }\n  b: { url: "postgres://s@h/b", tables: [orders] }\n${rest}`;

describe('what fits alone must fit together', () => {
  test.each<[string, string, string]>([
    ['one table in two services', `${MONOLITH}services:\n  a: { url: "postgres://h/a", tables: [users] }\n  b: { url: "postgres://h/b", tables: [orders, public.Users] }`, '4:48: services.b.tables[1]: found public.users, which belongs to a; expected each table once.'],
    ['one table twice', table('    tables: [t, public.t]\n'), '5:17: services.a.tables[1]: found public.t, which stands here twice; expected each table once.'],
    ['two tables into one', table('    tables: [t, { table: v, as: t }]\n'), '5:17: services.a.tables[1]: found a second table that becomes public.t; expected another `as`, or sync.mode monolith-to-service: a table that is made of several has no way back.'],
    ['a conflict of a strange table', two('sync: { conflicts: { tables: { userz: { strategy: prefer-service } } } }'), '5:39: sync.conflicts.tables.userz: found public.userz, which belongs to no service; expected a table of one of the services. Did you mean public.users?'],
    ['a conflict of an unknown table', two('sync: { conflicts: { tables: { zebra.stripes: { strategy: prefer-service } } } }'), '5:47: sync.conflicts.tables["zebra.stripes"]: found zebra.stripes, which belongs to no service; expected a table of one of the services.'],
    ['one conflict twice', two('sync: { conflicts: { tables: { users: { strategy: prefer-service }, public.users: { strategy: prefer-service } } } }'), '5:83: sync.conflicts.tables["public.users"]: found public.users for the second time; expected each table once.'],
    ['a reference of one column to two', two("validate: { references: [{ from: users.id, to: 'far (a, b)' }] }"), '5:26: validate.references[0]: found 1 column that refers to 2 columns; expected as many on either end.'],
    ['a reference between strange tables', two('validate: { references: [{ from: userz.id, to: far.id }] }'), '5:26: validate.references[0]: found public.userz and public.far, which belong to no service; expected a table of one of the services on one end. Did you mean public.users?'],
    ['a reference without a column', two('validate: { references: [{ from: users, to: users.id }] }'), '5:34: validate.references[0].from: found "users"; expected table.column, schema.table.column or schema.table (column, column), quoted as in psql where needed.'],
    ['custom without a module', two('sync: { conflicts: { default: custom } }'), '5:20: sync.conflicts: found the strategy custom without a module; expected `module: ./resolve.js` beside it.'],
    ['add-up without columns', two('sync: { conflicts: { tables: { users: { strategy: add-up } } } }'), '5:39: sync.conflicts.tables.users: found the strategy add-up without columns; expected `columns: [quantity]` beside it.'],
    ['columns without add-up', two('sync: { conflicts: { tables: { users: { strategy: merge-columns, columns: [n] } } } }'), '5:75: sync.conflicts.tables.users.columns: found columns for the strategy merge-columns; expected it only with the strategy add-up.'],
    ['latest-by-column without its column', two('sync: { conflicts: { tables: { users: { strategy: latest-by-column } } } }'), '5:39: sync.conflicts.tables.users: found the strategy latest-by-column without column; expected `column: updated_at` beside it.'],
    ['a module without custom', two('sync: { conflicts: { tables: { users: { strategy: prefer-service, module: ./a.js } } } }'), '5:75: sync.conflicts.tables.users.module: found a module for the strategy prefer-service; expected it only with the strategy custom.'],
    ['binlog on PostgreSQL', `${MONOLITH}sync: { capture: binlog }`, '2:18: sync.capture: found binlog, while monolith.url is PostgreSQL; expected wal or trigger.'],
    ['wal on MySQL', 'monolith: { url: "mysql://h/d" }\nsync: { capture: wal }', '2:18: sync.capture: found wal, while monolith.url is MySQL or MariaDB; expected binlog or trigger.'],
    ['one address twice', `${MONOLITH}route: { monolith: "http://h", listen: "h:1", admin: "h:1" }`, '2:54: route.admin: found h:1, which route.listen uses too; expected an address of its own.'],
    ['a trigger without a threshold', `${MONOLITH}route: { monolith: "http://h", rollback: { triggers: [{ metric: error_rate }] } }`, '2:55: route.rollback.triggers[0]: found error_rate without a threshold; expected `threshold: …` beside it.'],
    ['a threshold for nothing', `${MONOLITH}route: { monolith: "http://h", rollback: { triggers: [{ metric: unavailable, threshold: 1 }] } }`, '2:55: route.rollback.triggers[0]: found unavailable with a threshold; expected none: it is or it is not.'],
    ['a schedule for a strange table', two('validate: { schedules: [{ cron: "0 3 * * *", tables: [users, ordrs] }] }'), '5:62: validate.schedules[0].tables[1]: found public.ordrs, which belongs to no service; expected a table of one of the services. Did you mean public.orders?'],
    ['a threshold for a strange table', two('validate: { alerts: { tables: { user: 0.9 } } }'), '5:39: validate.alerts.tables.user: found public.user, which belongs to no service; expected a table of one of the services. Did you mean public.users?'],
    ['a webhook without an address', two('validate: { alerts: { webhooks: { chat: { format: slack } } } }'), '5:41: validate.alerts.webhooks.chat: found the format slack without url; expected `url: ${WEBHOOK_URL}` beside it.'],
    ['a pager without its key', two('validate: { alerts: { webhooks: { call: { format: pagerduty } } } }'), '5:41: validate.alerts.webhooks.call: found the format pagerduty without routingKey; expected `routingKey: ${PAGERDUTY_KEY}` beside it.'],
    ['a sequential test of what is no count', `${MONOLITH}route: { monolith: "http://h", rollback: { triggers: [{ metric: cpu, test: sequential, threshold: 1 }] } }`, '2:55: route.rollback.triggers[0]: found cpu with the test sequential; expected the test threshold: it is no count of independent requests.'],
    ['a pager for triggers without a key', `${MONOLITH}route: { monolith: "http://h", rollback: { webhooks: { w: { format: pagerduty } } } }`, '2:59: route.rollback.webhooks.w: found the format pagerduty without routingKey; expected `routingKey: ${PAGERDUTY_KEY}` beside it.'],
    ['the load of nobody', `${MONOLITH}route: { monolith: "http://h", load: { services: { x: { url: "http://h" } } } }`, '2:55: route.load.services.x: found the service x, which there is not; expected one of the services.'],
    ['a key for no pager', two('validate: { alerts: { webhooks: { chat: { url: "http://h", routingKey: k } } } }'), '5:72: validate.alerts.webhooks.chat.routingKey: found a routingKey for the format generic; expected it only with the format pagerduty.'],
    ['a service named as a command', `${MONOLITH}services: { status: { url: "postgres://h/a", tables: [t] } }`, '2:21: services.status: found a service named status; expected another name: `banyan migrate status` is a command.'],
  ])('%s', (_name, text, message) => {
    expect(refusal(text)).toBe(`banyan.yaml:${message}`);
  });
});

test('an unknown service is refused with those there are', () => {
  const config = parse(two(''));
  expect(() => serviceConfig(config, 'aa')).toThrow('banyan.yaml has no service "aa"; it has a, b. Did you mean "a"?');
  expect(() => serviceConfig(parse(MONOLITH), 'x')).toThrow('banyan.yaml has no service "x"; it has none.');
  expect(() => routeConfig(config)).toThrow('banyan.yaml: found no route;');
  const { rollback } = routeConfig(parse(`${MONOLITH}route: { monolith: "http://h" }`));
  expect(rollback).toEqual({ falseAlarmRate: 0.01, baselineMs: 604_800_000, coolDownMs: 300_000, webhooks: {} });
});

describe('loadConfig', () => {
  test('reads through the given reader', async () => {
    const config = await loadConfig({ file: 'x.yaml', env: {}, readFile: () => Promise.resolve(MONOLITH) });
    expect(config.file).toBe('x.yaml');
  });

  test('a file that does not exist', async () => {
    await expect(loadConfig({ file: '/nowhere/banyan.yaml', env: {} })).rejects.toMatchObject({ code: 'BANYAN_CONFIG_NOT_FOUND' });
  });
});

describe('whatever is written', () => {
  const accepted = (text: string, env: Record<string, string> = {}) => {
    try {
      parse(text, env);
      return true;
    } catch (error) {
      if (!isBanyanError(error, 'BANYAN_CONFIG')) throw error;
      return false;
    }
  };

  test('any text is either read or refused with BANYAN_CONFIG', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => typeof accepted(text) === 'boolean'), { numRuns: 300 });
  });

  test('any change of a good file is either read or refused with BANYAN_CONFIG', () => {
    const good = two('route: { monolith: "http://h", key: [ip, { jwt: sub }] }\nsync: { conflicts: { tables: { users: { strategy: prefer-service } } } }\n');
    const change = fc.tuple(fc.nat(good.length), fc.nat(6), fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('${A}', '&a ', '*a', '[', '{', '\n', ': ', '!!x ', '"', '__proto__')));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const text = changes.reduce((all, [at, cut, put]) => all.slice(0, at) + put + all.slice(at + cut), good);
        return typeof accepted(text, { A: 'x' }) === 'boolean';
      }),
      { numRuns: 500 },
    );
  });

  test('a tree of any values is either read or refused with BANYAN_CONFIG', () => {
    const keys = fc.constantFrom('version', 'monolith', 'url', 'services', 'a', 'tables', 'sync', 'mode', 'log', 'level', '__proto__', 'constructor', 'toString');
    const tree = fc.letrec((tie) => ({
      node: fc.oneof({ maxDepth: 4 }, fc.constantFrom(1, true, null, 'postgres://h/d', 'info', 't'), fc.array(tie('node'), { maxLength: 2 }), fc.dictionary(keys, tie('node'), { maxKeys: 4 })),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(keys, tree), (value) => typeof accepted(JSON.stringify({ monolith: { url: 'postgres://h/d' }, ...value })) === 'boolean'),
      { numRuns: 300 },
    );
  });

  test('no secret of a URL is ever in a message', () => {
    const secret = 's3cr3t/p@ss';
    for (const text of [`postgres://u:${secret}@h`, `monolith: postgres://u:${secret}@h/d`, `monolith: { url: "postgres://u:${secret}@h:bad/d" }`, `monolith: { urll: "postgres://u:${secret}@h/d" }`, `postgres://u:${secret}@h: 1`, `monolith: { url: "host=h password=${secret}" }`, `monolith: "host=h password=${secret}"`, `monolith: {"a": "postgres://u:${secret}@h/d"`, `log: { level: "postgres://u:${secret}@h/d" }`, `"postgres://u:${secret}@h/d": { x: 1 }`]) {
      const message = refusal(text);
      expect(message, text).not.toContain('s3cr3t');
      expect(message, text).not.toContain('p@ss');
    }
  });
});

const USERS = `${MONOLITH}services: { accounts: { url: "postgres://s@h/a", tables: [users] } }\n`;

test.each([
  ['validate: { tables: { userz: { level: count } } }', 'validate.tables.userz: found public.userz, which belongs to no service; expected a table of one of the services. Did you mean public.users?'],
  ['validate: { tables: { users: { exact: true }, public.users: { level: count } } }', 'validate.tables["public.users"]: found public.users for the second time; expected each table once.'],
  ['validate: { tables: { users: {} } }', 'validate.tables.users: found no key; expected a mapping of '],
  ['validate: { tables: { users: { serviceWhere: id > 1 } } }', 'validate.tables.users.serviceWhere: found `serviceWhere` without `where`; expected '],
  ['validate: { exact: 1 }', 'validate.exact: found the number 1; expected true or false.'],
  ['validate: { tolerance: { floats: { relative: 2 } } }', 'validate.tolerance.floats.relative: found the number 2; expected a number from 0 to 1.'],
  ['validate: { tolerance: { whole: { absolute: 1 } } }', 'validate.tolerance.whole: found the unknown key "whole"; expected '],
  ['validate: { rules: { a: { monolith: SELECT 1 } } }', 'validate.rules.a: found neither a pair of queries nor one; expected '],
  ['validate: { rules: { a: { monolith: SELECT 1, service: SELECT 1, sql: SELECT 1 } } }', 'found neither a pair of queries nor one'],
  ['validate: { rules: { a: { monolith: SELECT 1, service: SELECT 1, expect: 1 } } }', 'found `on` or `expect` beside a pair of queries'],
  ['validate: { rules: { a: { sql: SELECT 1, group: [b] } } }', 'validate.rules.a.group: found `group` beside one query'],
  ['validate: { readFrom: { services: { acounts: "postgres://h/a" } } }', 'validate.readFrom.services.acounts: found the service acounts, which there is not; expected one of the services. Did you mean accounts?'],
  ['validate: { rules: { a: { sql: SELECT 1, of: acounts } } }', 'validate.rules.a.of: found the service acounts, which there is not; expected one of the services. Did you mean accounts?'],
  ['validate: { tables: { users: { temporal: { ordered: [{ earlier: a }] } } } }', 'validate.tables.users.temporal.ordered[0].later: found nothing; expected '],
])('refuses %s', (text, message) => {
  expect(refusal(USERS + text)).toContain(message);
});

test('settings of single tables arrive as they are', () => {
  const validate = 'validate: { tolerance: { decimals: { absolute: 0.01 } }, tables: { users: { level: checksum, where: id > 1, exclude: [seen], tolerance: { columns: { total: { absolute: 0.05 } } } } } }';
  expect(parse(USERS + validate).validate).toMatchObject({
    tolerance: { decimals: { absolute: 0.01 } },
    tables: { users: { level: 'checksum', where: 'id > 1', exclude: ['seen'], tolerance: { columns: { total: { absolute: 0.05 } } } } },
  });
});

test('a rule of several services has to say which', () => {
  const two = `${MONOLITH}services: { a: { url: "postgres://s@h/a", tables: [a] }, b: { url: "postgres://s@h/b", tables: [b] } }\n`;
  expect(refusal(`${two}validate: { rules: { r: { sql: SELECT 1 } } }`)).toContain('validate.rules.r: found a rule without `of`, and 2 services');
  expect(parse(`${two}validate: { rules: { r: { sql: SELECT 1, of: b, expect: 12.50 } } }`).validate.rules).toEqual({ r: { sql: 'SELECT 1', of: 'b', expect: 12.5 } });
});
