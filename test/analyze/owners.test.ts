import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import { ownersOf } from '../../src/analyze/owners.ts';
import { readOwners } from '../../src/app/owners-file.ts';
import { parseTableName } from '../../src/model/names.ts';
import { SHAPES } from './cases/shapes.ts';
import { readCase } from './support/read-case.ts';
import { scoreAgainst } from './support/score.ts';

const tables = ['invoices', 'invoice_lines', 'billing_runs', 'users', 'shop.orders', 'people'].map(parseTableName);
const owned = (text: string, paths: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(
    ownersOf({ text, paths }, tables).flatMap((owner, i): [string, string][] => (owner === undefined ? [] : [[tables[i]!.replace('public.', ''), owner]])),
  );

describe('owners of tables', () => {
  test.each([
    ['a list of tables, the last line counts', 'invoice*: money\nusers: people\ninvoice_lines: lines\n', [], { invoices: 'money', invoice_lines: 'lines', users: 'people' }],
    ['tables with their schema', 'shop.*: shop', [], { 'shop.orders': 'shop' }],
    ['comments and empty lines', '# all\n\nusers: team # the users\n', [], { users: 'team' }],
    ['a model is about its table', '/app/models/ @all\n/app/models/invoice* @money', ['app/models/invoice.rb', 'app/models/invoice_line.rb', 'app/models/user.rb', 'lib/order.rb'], { invoices: '@money', invoice_lines: '@money', users: '@all' }],
    ['a migration is about its table', 'db/ @dba', ['db/migrate/20240101_create_invoices.rb'], { invoices: '@dba' }],
    ['a folder is about the tables that begin with it', 'billing/ @money', ['billing/models.py'], { billing_runs: '@money' }],
    ['a folder without a listing of files', '/src/billing/ @money', [], { billing_runs: '@money' }],
    ['a file counts before a folder', '/src/invoice/ @folder\n/src/other/invoice.ts @file', ['src/invoice/model.ts', 'src/other/invoice.ts'], { invoices: '@file', invoice_lines: '@folder' }],
    ['what two claim equally nobody owns', 'a/ @a\nb/ @b', ['a/user.ts', 'b/user.ts'], {}],
    ['a path without an owner says nothing', '/app/models/\n', ['app/models/user.rb'], {}],
    ['stars reach as far as in CODEOWNERS', '/app/*/user.rb @one\n/lib/**/order.rb @deep', ['app/a/b/user.rb', 'lib/a/b/order.rb'], { 'shop.orders': '@deep' }],
  ] as const)('%s', (_, text, paths, expected) => {
    expect(owned(text, paths)).toEqual(expected);
  });
});

describe('owners as evidence', () => {
  const planted = SHAPES['generated keys']!(1);
  const lines = (services: Readonly<Record<string, readonly string[]>>): string =>
    Object.entries(services).flatMap(([owner, names]) => names.map((name) => `${name}: ${owner}`)).join('\n');

  test('move tables where they agree with the rest', async () => {
    const input = await readCase({ schema: planted.schema });
    const without = scoreAgainst(planted.truth, analyzeSchema(input).document.services);
    const { document } = analyzeSchema({ ...input, owners: { text: lines(planted.truth) } });
    expect(scoreAgainst(planted.truth, document.services)).toBeGreaterThan(Math.max(0.97, without));
    const [owner, names] = Object.entries(planted.truth)[0]!;
    expect(document.details.owners[owner]).toHaveLength(names.length);
    expect(document.details.signals.find(({ signal }) => signal === 'owners')!.weight).toBe(1);
    const reasons = Object.values(document.details.tables).flatMap((table) => table.reasons);
    expect(reasons.join('\n')).toContain(`both are owned by ${owner}`);
  });

  test('count for next to nothing where they are arbitrary', async () => {
    const input = await readCase({ schema: planted.schema });
    const names = Object.values(planted.truth).flat();
    const dealt = Object.fromEntries([0, 1, 2, 3].map((team) => [`team${team}`, names.filter((_, i) => i % 4 === team)]));
    const { document } = analyzeSchema({ ...input, owners: { text: lines(dealt) } });
    expect(document.details.signals.find(({ signal }) => signal === 'owners')!.weight).toBeLessThan(0.2);
    expect(scoreAgainst(planted.truth, document.services)).toBeGreaterThan(0.7);
  });
});

describe('the file of owners', () => {
  const root = mkdtempSync(join(tmpdir(), 'owners-'));
  afterAll(() => rmSync(root, { recursive: true }));
  const write = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '* @all\n');
    return join(root, path);
  };

  test('brings the files of its repository, without what was installed', async () => {
    for (const path of ['app/user.rb', 'node_modules/x/user.js', '.git/config']) write(path);
    expect((await readOwners(write('.github/CODEOWNERS'))).paths).toEqual(['.github/CODEOWNERS', 'app/user.rb']);
    expect((await readOwners(write('owners.yaml'))).paths).toBeUndefined();
  });
});
