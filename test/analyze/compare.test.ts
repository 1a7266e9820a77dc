import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import type { Comparison } from '../../src/analyze/document.ts';
import { readDivision } from '../../src/analyze/given-division.ts';
import { likeness } from '../../src/analyze/likeness.ts';
import { reportFiles } from '../../src/analyze/report/files.ts';
import { seededRandom } from '../../src/core/random.ts';
import { parseTableName } from '../../src/model/names.ts';
import { readCase } from './support/read-case.ts';
import { sharedCase } from './support/shared-cases.ts';

const SCORER = join(import.meta.dirname, '../../../shared/boundaries/score.mjs');

const SCHEMA = `
create table users (id bigint primary key);
create table sessions (id bigint primary key, user_id bigint not null references users on delete cascade);
create table profiles (user_id bigint primary key references users on delete cascade);
create table orders (id bigint primary key, user_id bigint references users);
create table order_lines (order_id bigint references orders, n int, primary key (order_id, n));
create table order_notes (order_id bigint references orders, n int, primary key (order_id, n));
`;

async function against(text: string, options: { readonly schema?: string; readonly file?: string } = {}): Promise<Comparison> {
  const input = await readCase({ schema: options.schema ?? SCHEMA });
  const { document } = analyzeSchema(input, { against: readDivision(text, options.file ?? 'given') });
  return document.details.against!;
}

describe('likeness', () => {
  // truth {abc|def}, found {abc|de|f}: 4 pairs together in both, of 6 in the truth and 4 found.
  test('as computed by hand', () => {
    const found = likeness([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 2]);
    expect(found.ari).toBeCloseTo(2.4 / 3.4, 12);
    expect(found).toMatchObject({ precision: 1, recall: 4 / 6 });
    expect(found.f1).toBeCloseTo(0.8, 12);
    const [h1, h2] = [Math.log(2), (1 / 2) * Math.log(2) + (1 / 3) * Math.log(3) + (1 / 6) * Math.log(6)];
    expect(found.nmi).toBeCloseTo((2 * h1) / (h1 + h2), 12);
  });

  test.each([
    ['the same under other names', [0, 0, 1, 1], [5, 5, 2, 2], { ari: 1, nmi: 1, f1: 1 }],
    ['all in one against all apart', [0, 0, 0], [0, 1, 2], { ari: 0, nmi: 0, f1: 0 }],
    ['independent', [0, 0, 1, 1], [0, 1, 0, 1], { ari: -0.5, nmi: 0, f1: 0 }],
    ['nothing at all', [], [], { ari: 1, nmi: 1, f1: 1 }],
    ['one thing', [0], [3], { ari: 1, nmi: 1, f1: 1 }],
  ])('%s', (_name, truth, found, expected) => {
    for (const [key, value] of Object.entries(expected)) expect(likeness(truth, found)[key as 'ari'], key).toBeCloseTo(value, 12);
  });

  test('is what the published scorer says, for any divisions', async ({ skip }) => {
    skip(!existsSync(SCORER), '../shared/boundaries is not beside this repository');
    const { compare } = (await import(SCORER)) as { compare: (a: readonly string[], b: readonly string[]) => Record<'ari' | 'nmi' | 'pairF1' | 'pairPrecision' | 'pairRecall', number> };
    const random = seededRandom(7);
    for (let round = 0; round < 300; round += 1) {
      const size = Math.floor(random() * 40);
      const groups = (): number[] => Array.from({ length: size }, () => Math.floor(random() * (1 + random() * 8)));
      const [a, b] = [groups(), groups()];
      const [ours, theirs] = [likeness(a, b), compare(a.map(String), b.map(String))];
      expect(ours.ari).toBeCloseTo(theirs.ari, 10);
      expect(ours.nmi).toBeCloseTo(theirs.nmi, 10);
      expect([ours.f1, ours.precision, ours.recall]).toEqual([theirs.pairF1, theirs.pairPrecision, theirs.pairRecall]);
    }
  });
});

describe('a division that is given', () => {
  const tables = ['users', 'orders', 'order_lines', 'catalogue_product', 'audit.events', '"Odd: name"'].map(parseTableName);
  const read = (text: string): Record<string, string> => Object.fromEntries(readDivision(text, 'f').servicesOf(tables));

  test.each([
    ['boundaries.json', '{"services": {"a": ["public.users", "orders"], "b": ["\\"Odd: name\\""]}}'],
    ['banyan.yaml', 'version: 1\nmonolith: { url: "${URL}" }\nservices:\n  a: { url: x, tables: [users, { table: public.orders, as: o }] }\n  b: { tables: [\'"Odd: name"\'] }\n'],
    ['table: owner', '# who owns what\nusers: a\npublic.orders: a # both\n"Odd: name": b\n\n'],
  ])('is read from %s', (_form, text) => {
    expect(read(text)).toEqual({ 'public.users': 'a', 'public.orders': 'a', 'public."Odd: name"': 'b' });
  });

  test('is read from CODEOWNERS by what the paths are named for; the closest, then the last, wins', () => {
    expect(read(`
*                            @org/all
/app/models/user.rb          @org/accounts
/app/models/order*           @org/sales @org/finance
/src/catalogue/              @org/catalogue
/db/migrations/order_lines/* lines@example.org
/audit/**                    @org/security
`)).toEqual({
      'public.users': '@org/accounts', 'public.orders': '@org/sales, @org/finance', 'public.order_lines': 'lines@example.org',
      'public.catalogue_product': '@org/catalogue', 'audit.events': '@org/security', 'public."Odd: name"': '@org/all',
    });
    expect(read('/models/users.py @a\n/models/users.py\n')).toEqual({});
  });

  test.each([
    ['', 'f: found nothing'],
    ['what is this', 'f: line 1: found "what is this"'],
    ['{"a": 1}', 'f: found no mapping `services`'],
    ['{oops', 'f: found text that cannot be read'],
    ['services: [a]', 'f: found no mapping `services`'],
    ['services: { a: 3 }', 'f: services.a: found no list of tables'],
    ['services: { a: [{}] }', "f: services.a: found {} where a table's name should be"],
  ])('%j is refused with what was found and expected', (text, message) => {
    expect(() => readDivision(text, 'f')).toThrow(expect.objectContaining({ code: 'BANYAN_ANALYZE_AGAINST', message: expect.stringContaining(message) }));
    expect(() => readDivision(text, 'f')).toThrow(/expected a boundaries\.json .* CODEOWNERS file/);
  });
});

describe('a comparison', () => {
  test('says which tables would move and why, and what it does not know', async () => {
    const found = await against('users: a\nprofiles: a\nsessions: sales\norders: sales\norder_lines: sales\nghost: sales\norders: a\n');
    expect(found).toMatchObject({ unknown: ['public.ghost'], unassigned: ['public.order_notes'], twice: ['public.orders'], tables: 6 });
    expect(found.moved.map(({ table, theirs, ours }) => [table, theirs, ours])).toEqual([['public.sessions', 'sales', 'users']]);
    expect(found.moved[0]!.why).toContain('sessions is deleted with users');
    expect(found.metrics.theirs.keysKept).toBeLessThan(found.metrics.ours.keysKept);
    expect(found.cuts.theirs).toBeGreaterThan(found.cuts.ours);
  });

  test('with itself is perfect', async () => {
    const input = await readCase({ schema: SCHEMA });
    const files = reportFiles(analyzeSchema(input).document);
    for (const name of ['boundaries.json', 'services.yaml']) {
      const itself = await against(files[name]!);
      expect(itself, name).toMatchObject({ ari: 1, nmi: 1, f1: 1, moved: [], unassigned: [] });
      expect(itself.metrics.theirs).toEqual(itself.metrics.ours);
    }
    expect(reportFiles(analyzeSchema(input, { against: readDivision('users: me', 'OWNERS') }).document)['report.md']).toContain('## Against OWNERS');
  });

  test.for(['oscar', 'adventureworks-public'])('%s scores what the published scorer says', async (name, { skip }) => {
    const shared = sharedCase(name);
    skip(!shared || !existsSync(SCORER), '../shared/boundaries is not beside this repository');
    if (!shared) return;
    const { score } = (await import(SCORER)) as { score: (truth: object, result: object) => object };
    const { document } = analyzeSchema(await readCase(shared), { against: readDivision(JSON.stringify(shared.truth), 'truth.json') });
    const { ari, nmi, precision, recall, f1, tables } = document.details.against!;
    expect(score(shared.truth, { services: document.services })).toMatchObject({
      ari: expect.closeTo(ari, 4), nmi: expect.closeTo(nmi, 4), pairPrecision: expect.closeTo(precision, 4), pairRecall: expect.closeTo(recall, 4), pairF1: expect.closeTo(f1, 4), tables,
    });
  });
});
