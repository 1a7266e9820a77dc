import { beforeAll, describe, expect, test } from 'vitest';
import { isBanyanError } from '../core/errors.ts';
import { parseTableName, type TableName } from '../model/names.ts';
import type { Column, ForeignKey, Schema, Table } from '../model/schema.ts';
import type { WorkloadTransaction } from '../model/workload.ts';
import { analyzeSchema, ServiceBoundaryAnalyzer, type Boundaries } from './analyzer.ts';
import type { AnalyzeOptions } from './options.ts';
import { reportFiles } from './report/files.ts';
import { renderText } from './report/text.ts';

const n = (name: string): TableName => parseTableName(name);

/** `child: parent! parent? parent` as a table: `!` in the primary key, `?` nullable, `*` cascading. */
function table(line: string): Table {
  const [name = '', parents = ''] = line.split(':').map((part) => part.trim());
  const columns: Column[] = [{ name: 'id', type: 'bigint', nullable: false }];
  const key: string[] = [];
  const foreignKeys = parents.split(' ').filter(Boolean).map((text): ForeignKey => {
    const parent = text.replace(/[!?*]$/, '');
    const column = `${parent.split('.').at(-1)}_id`;
    columns.push({ name: column, type: 'bigint', nullable: text.endsWith('?') });
    if (text.endsWith('!')) key.push(column);
    return {
      name: `${name}_${column}_fkey`, columns: [column], references: n(parent), referencedColumns: ['id'],
      onDelete: text.endsWith('*') ? 'cascade' : 'no action', onUpdate: 'no action', definition: '',
    };
  });
  return {
    name: n(name), kind: 'table', columns, uniques: [], foreignKeys, checks: [], indexes: [], triggers: [],
    primaryKey: { name: `${name}_pkey`, columns: [...key, 'id'], definition: '', deferrable: false, nullsNotDistinct: false },
    replicaIdentity: 'default', unlogged: false, rowSecurity: false, estimatedRows: 10, bytes: 1000,
  };
}

function schemaOf(lines: string): Schema {
  return {
    dialect: 'postgresql', tables: lines.trim().split('\n').map(table), enums: [], domains: [], sequences: [], views: [], extensions: [],
  };
}

const writes = (calls: number, ...tables: string[]): WorkloadTransaction => ({
  calls, reads: [], writes: tables.map(n), joins: [],
});

const SHOP = schemaOf(`
  users:
  sessions: users*
  profiles: users!
  passwords: users!
  country:
  products: 
  product_images: products*
  product_prices: products!
  product_tags: products!
  stock: products
  orders: users country?
  order_items: orders! products
  order_notes: orders*
  order_taxes: orders! country
  invoices: orders
  refunds: invoices!
  audit_log: users?
`);
const WORKLOAD = [
  writes(50, 'sessions', 'users'),
  writes(40, 'orders', 'order_items', 'order_notes'),
  writes(5, 'orders', 'order_items', 'stock'),
  writes(9, 'products', 'product_prices'),
  { calls: 7, reads: [n('orders'), n('users')], writes: [], joins: [[n('orders'), n('users')]] },
  { calls: 3, reads: [n('orders'), n('country')], writes: [], joins: [[n('country'), n('orders')]] },
  { calls: 1, reads: [n('nowhere')], writes: [], joins: [] },
];
const analyze = (options?: AnalyzeOptions): Boundaries =>
  analyzeSchema({ schema: SHOP, workload: { transactions: WORKLOAD } }, options);
const serviceOf = (result: Boundaries, name: string): string | undefined =>
  result.find((boundary) => boundary.tables.includes(n(name)))?.name;

describe('analyze', () => {
  let result: Boundaries;
  beforeAll(() => {
    result = analyze();
  });

  test('puts together what belongs together and names it', () => {
    for (const [a, b] of [['users', 'sessions'], ['users', 'passwords'], ['orders', 'refunds'], ['products', 'product_tags']] as const) {
      expect(serviceOf(result, a), `${a} and ${b}`).toBe(serviceOf(result, b));
    }
    expect(new Set(['users', 'orders', 'products'].map((name) => serviceOf(result, name))).size).toBe(3);
    expect(serviceOf(result, 'sessions')).toBe('users');
    expect(result[0]!.reasons.length).toBeGreaterThan(0);
    expect(result.map((boundary) => boundary.name)).toEqual(result.document.order);
    expect(Object.keys(result.document.services)).toEqual(result.document.order);
  });

  test('every table is in exactly one place', () => {
    const placed = [...Object.values(result.document.services).flat(), ...result.document.details.unplaced];
    expect([...placed].sort()).toEqual(SHOP.tables.map((item) => item.name).sort());
  });

  test('finds reference data and logs, still owned by somebody', () => {
    expect(result.document.details.shared.map(({ table: name, kind }) => [name, kind])).toEqual([
      ['public.audit_log', 'log'],
    ]);
    const divided = analyze({ apart: [['country', 'orders']] });
    expect(divided.document.shared).toContain('public.country');
    expect(serviceOf(divided, 'country')).toBeDefined();
  });

  test('lists every key that crosses, with a remedy, and no other', () => {
    const crossing = SHOP.tables.flatMap((item) =>
      item.foreignKeys.filter((key) => serviceOf(result, item.name) !== serviceOf(result, key.references)).map((key) => key.name),
    );
    expect(result.document.cuts.map((cut) => cut.constraint).sort()).toEqual(crossing.sort());
    expect(result.document.cuts.find((cut) => cut.from === 'public.orders' && cut.to === 'public.users')).toMatchObject({
      fromService: 'orders', toService: 'users', remedy: expect.stringMatching(/^id: /),
    });
  });

  test('finds the transactions and joins that are torn apart', () => {
    const { transactions, metrics, details } = result.document;
    expect(transactions).toMatchObject({ total: 7, calls: 115, writing: 4 });
    expect(transactions.distributed).toHaveLength(1);
    expect(transactions.distributed[0]).toMatchObject({ calls: 5, services: ['products', 'orders'] });
    expect(transactions.distributed[0]!.steps).toHaveLength(2);
    expect(transactions.crossingReads[0]).toMatchObject({ calls: 7, services: ['orders', 'users'] });
    expect(metrics.writesKeptWhole).toBeCloseTo(99 / 104, 3);
    expect(details.unknownTables).toEqual(['public.nowhere']);
  });

  test('the order of the input changes nothing', () => {
    const turned: Schema = {
      ...SHOP,
      tables: [...SHOP.tables].reverse().map((item) => ({ ...item, foreignKeys: [...item.foreignKeys].reverse() })),
    };
    const other = analyzeSchema({ schema: turned, workload: { transactions: [...WORKLOAD].reverse() } });
    expect(other.document.services).toEqual(result.document.services);
    expect(analyze({ seed: 1 }).document).toEqual(result.document);
  });

  test('explains each table, and says how sure it is', () => {
    const { tables } = result.document.details;
    expect(tables['public.passwords']).toMatchObject({ service: 'users', confidence: 1 });
    expect(tables['public.orders']).toMatchObject({ service: 'orders', runnerUp: expect.any(String) });
    expect(tables['public.passwords']!.reasons[0]).toBe('passwords is part of users (users_id is inside its primary key)');
  });
});

describe('what the asker wants', () => {
  test.each([1, 2, 3, 5, 8, 17])('exactly %i services', (services) => {
    expect(analyze({ services })).toHaveLength(services);
  });

  test('no service smaller or larger than asked', () => {
    for (const boundary of analyze({ minTables: 3 })) expect(boundary.tables.length).toBeGreaterThanOrEqual(3);
    for (const boundary of analyze({ maxTables: 4, minTables: 1 })) expect(boundary.tables.length).toBeLessThanOrEqual(4);
  });

  test('kept together and apart', () => {
    const kept = analyze({ keep: [['users', 'refunds', 'stock']] });
    expect(new Set(['users', 'refunds', 'stock'].map((name) => serviceOf(kept, name))).size).toBe(1);
    const apart = analyze({ apart: [['users', 'sessions', 'orders']] });
    expect(new Set(['users', 'sessions', 'orders'].map((name) => serviceOf(apart, name))).size).toBe(3);
    const both = analyze({ keep: [['users', 'sessions']], apart: [['users', 'profiles']], services: 2 });
    expect(serviceOf(both, 'users')).toBe(serviceOf(both, 'sessions'));
    expect(serviceOf(both, 'users')).not.toBe(serviceOf(both, 'profiles'));
  });

  test.each([
    [{ keep: [['users', 'sessions']], apart: [['users', 'sessions']] }, 'BANYAN_ANALYZE_PINS'],
    [{ services: 0 }, 'BANYAN_ANALYZE_PINS'],
    [{ services: 18 }, 'BANYAN_ANALYZE_PINS'],
    [{ services: 2, apart: [['users', 'orders', 'products']] }, 'BANYAN_ANALYZE_PINS'],
    [{ minTables: 1.5 }, 'BANYAN_ANALYZE_PINS'],
    [{ minTables: 5, maxTables: 4 }, 'BANYAN_ANALYZE_PINS'],
    [{ keep: [['users', 'nobody']] }, 'BANYAN_TABLE_UNKNOWN'],
  ] as const)('refuses %j', (options, code) => {
    expect(() => analyze(options)).toThrow(expect.objectContaining({ code }));
  });

  test('refuses a schema without tables', async () => {
    const empty = new ServiceBoundaryAnalyzer({ schema: { ...SHOP, tables: [] } });
    await expect(empty.analyze()).rejects.toSatisfy((error) => isBanyanError(error, 'BANYAN_ANALYZE_EMPTY'));
  });
});

describe('shapes', () => {
  test('reads a live structure when it starts', async () => {
    const analyzer = new ServiceBoundaryAnalyzer({ schema: { readSchema: async () => SHOP }, routines: [] });
    const boundaries = await analyzer.analyze();
    expect(boundaries[0]!.tables.length).toBeGreaterThan(0);
  });

  test('circles between services are found, with the cheapest way out', () => {
    const schema = schemaOf(`
      a: b?
      a1: a!
      a2: a!
      a3: a! b
      b:
      b1: b!
      b2: b!
      b3: b! 
      b4: b! a
      b5: b! a`);
    const { cycles, details } = analyzeSchema({ schema }, { services: 2 }).document;
    expect(cycles).toHaveLength(1);
    expect(cycles[0]).toHaveLength(2);
    expect(details.cycles[0]!.cheapest.fromService).toBeDefined();
    expect(analyzeSchema({ schema: schemaOf('a:\na1: a!\nb:\nb1: b!') }).document.cycles).toEqual([]);
  });

  test('one table, tables without any bond, and partitions', () => {
    const single = analyzeSchema({ schema: schemaOf('only:') }, { minTables: 1 });
    expect(single.document.details.unplaced).toEqual(['public.only']);
    const parent: Table = { ...table('events: users'), kind: 'partitioned', partitionBy: 'RANGE (id)' };
    const part: Table = { ...table('events_1: users'), kind: 'partition', partitionOf: { parent: n('events'), bound: 'DEFAULT' } };
    const schema = { ...schemaOf('users:\nsessions: users'), tables: [...schemaOf('users:\nsessions: users').tables, parent, part] };
    const { document } = analyzeSchema({ schema, workload: { transactions: [writes(1, 'events_1', 'users')] } });
    expect(document.details.partitions).toEqual({ 'public.events_1': 'public.events' });
    expect(Object.values(document.services).flat()).not.toContain('public.events_1');
    expect(document.transactions.writing).toBe(1);
  });

  test('views, functions and triggers bind what they touch', () => {
    const base = schemaOf('alpha:\nbeta:\ngamma:\ndelta:');
    const tables = base.tables.map((item) =>
      item.name === 'public.gamma' ? { ...item, triggers: [{ name: 't', definition: '', calls: 'f' }] } : item,
    );
    const views = [
      { name: n('v'), materialized: false, columns: [], definition: '', reads: [n('alpha'), n('w')] },
      { name: n('w'), materialized: false, columns: [], definition: '', reads: [n('beta')] },
    ];
    const routines = [{ name: n('f'), reads: [], writes: [n('delta')], joins: [], complete: true }];
    const result = analyzeSchema({ schema: { ...base, tables, views }, routines });
    expect(result.map((boundary) => [...boundary.tables])).toEqual(
      expect.arrayContaining([['public.alpha', 'public.beta'], ['public.delta', 'public.gamma']]),
    );
  });

  test('keys that nobody declared are found by name and type', () => {
    const bare = schemaOf('customer:\ncustomer_card:\ninvoice:\ninvoice_line:');
    const add = (name: string, column: string, type = 'bigint'): void => {
      const item = bare.tables.find((candidate) => candidate.name === n(name))!;
      (item.columns as Column[]).push({ name: column, type, nullable: false });
    };
    add('invoice', 'customer_id');
    add('invoice_line', 'invoice_id', 'integer');
    add('customer_card', 'invoice_id', 'text');
    const { cuts, details } = analyzeSchema({ schema: bare }, { services: 2 }).document;
    expect(details.signals.find((signal) => signal.signal === 'inferred')!.pairs).toBe(2);
    for (const cut of cuts) expect(cut).toMatchObject({ declared: false });
  });
});

describe('reports', () => {
  const files = reportFiles(analyze().document);

  test('all files are there, and the JSON is the document', () => {
    expect(Object.keys(files).sort()).toEqual([
      'boundaries.dot', 'boundaries.json', 'boundaries.mmd', 'boundaries.svg', 'report.md', 'services.yaml',
    ]);
    expect(JSON.parse(files['boundaries.json']!)).toEqual(analyze().document);
  });

  test('every table and every cut is drawn', () => {
    for (const item of SHOP.tables) {
      for (const file of ['boundaries.svg', 'boundaries.mmd', 'boundaries.dot', 'report.md']) {
        expect(files[file], `${item.name} in ${file}`).toContain(item.name.replace('public.', ''));
      }
    }
    const { cuts } = analyze().document;
    expect(files['boundaries.svg']!.match(/class="cut"/g)).toHaveLength(cuts.length);
    expect(files['boundaries.mmd']!.match(/==>/g)).toHaveLength(cuts.length);
    expect(files['boundaries.dot']!.match(/penwidth=2/g)).toHaveLength(cuts.length);
  });

  test('the picture is well-formed and its boxes do not overlap', () => {
    const svg = files['boundaries.svg']!;
    const opened = svg.match(/<(?:g|svg|defs|marker|title|text)\b/g)!.length;
    expect(svg.match(/<\/(?:g|svg|defs|marker|title|text)>/g)!.length).toBe(opened);
    const boxes = [...svg.matchAll(/<g class="service"><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
      (match) => match.slice(1).map(Number) as [number, number, number, number],
    );
    boxes.forEach(([x, y, w, h], i) => {
      for (const [x2, y2, w2, h2] of boxes.slice(i + 1)) {
        expect(x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y).toBe(true);
      }
    });
  });

  test('a large monolith is drawn service by service', () => {
    const lines = Array.from({ length: 70 }, (_, i) => (i % 10 === 0 ? `r${i}:` : `r${i}: r${i - (i % 10)}!${i % 10 === 1 && i > 10 ? ` r${i - 11}` : ''}`));
    const result = analyzeSchema({ schema: schemaOf(lines.join('\n')) });
    const large = reportFiles(result.document);
    expect(large['boundaries.mmd']).toMatch(/<br\/>10 tables/);
    for (const { name } of result) expect(large[`boundaries-${name}.mmd`]).toContain('subgraph');
  });

  test('the report says what is shared, left aside, circular, doubtful and alternative', () => {
    const lines = ['lonely:', 'country:', 'unit:', 'a: b? country', 'b: a? country', ...Array.from({ length: 60 }, (_, i) => `x${i}: ${i % 2 ? 'a!' : 'b!'} ${i % 3 ? 'b' : 'a'} country unit`)];
    const schema = schemaOf(lines.join('\n'));
    const result = analyzeSchema(
      { schema: { ...schema, tables: schema.tables.map((item) => ({ ...item, columns: [...item.columns, { name: 'email', type: 'text', nullable: true }], estimatedRows: -1 })) } },
      { services: 2 },
    );
    const report = reportFiles(result.document)['report.md']!;
    for (const part of ['## Shared tables', '| country | reference |', '## Left aside', 'lonely', '## Circular dependencies', '## Coarser and finer cuts', 'No workload was given', ' more in boundaries.json', 'Personal data', ' …', 'follow no convention']) {
      expect(report).toContain(part);
    }
    expect(report).not.toContain('rows,');
    const text = renderText(result.document);
    expect(text).toMatch(/left aside: lonely/);
    expect(text).toMatch(/circle: /);
    const uncut = reportFiles(analyzeSchema({ schema: schemaOf('a:\nb: a!\nc: a!') }).document)['report.md']!;
    expect(uncut).toContain('## Cut foreign keys\n\nNone.');
  });

  test('a doubtful table is worth a second look', () => {
    const schema = schemaOf(['a:', ...[1, 2, 3, 4].map((i) => `a${i}x: a!`), 'b:', ...[1, 2, 3, 4].map((i) => `b${i}x: b!`), 'torn: a b'].join('\n'));
    const { document } = analyzeSchema({ schema }, { services: 2 });
    expect(document.details.tables['public.torn']!.confidence).toBeLessThan(0.6);
    expect(reportFiles(document)['report.md']).toMatch(/## Worth a second look[^]*\| torn \|/);
  });

  test('followed names are said to be', () => {
    const lines = ['x', 'y', 'z'].flatMap((module) => [`${module}_head:`, ...['one', 'two', 'three'].map((name) => `${module}_${name}: ${module}_head`)]);
    const { document } = analyzeSchema({ schema: schemaOf(lines.join('\n')) });
    expect(document.details.method).toBe("the owners' prefixes, confirmed by the structure");
    expect(Object.keys(document.services).sort()).toEqual(['x', 'y', 'z']);
    expect(reportFiles(document)['report.md']).toContain('The names follow a convention (prefixes, 100 % of tables)');
  });

  test('many distributed transactions are summed up in the terminal', () => {
    const schema = schemaOf(['a:', 'a1: a!', 'a2: a!', 'b:', 'b1: b!', 'b2: b!'].join('\n'));
    const transactions = ['a b', 'a b1', 'a1 b', 'a2 b2', 'a2 b1'].map((names) => writes(1, ...names.split(' ')));
    const { document } = analyzeSchema({ schema, workload: { transactions } }, { services: 2, keep: [['a', 'a1', 'a2'], ['b', 'b1', 'b2']], apart: [['a', 'b']] });
    expect(renderText(document)).toContain('and 2 more distributed transactions');
    expect(reportFiles(document)['report.md']).toContain('## Transactions that become distributed');
  });

  test('the terminal text fits its width', () => {
    const text = renderText(analyze().document, { width: 60 });
    for (const line of text.split('\n').slice(1, 20)) if (!/^(?:distributed|shared|circle|left)/.test(line)) expect(line.length).toBeLessThanOrEqual(60);
    expect(text).toContain('95.2 % of writing transactions kept whole');
    expect(renderText(analyzeSchema({ schema: schemaOf('a:\nb: a') }).document)).toContain('2 tables, 1 service, 0 foreign keys cut');
  });
});
