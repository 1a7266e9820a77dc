import { describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import { plant, printSchema, printWorkload, refer, USUAL } from './cases/planted.ts';
import { SHAPES } from './cases/shapes.ts';
import { seededRandom } from '../../src/core/random.ts';
import { readCase } from './support/read-case.ts';
import { scoreAgainst } from './support/score.ts';
import { sharedCase } from './support/shared-cases.ts';
import { shopCase } from './support/shop-case.ts';
import { misled } from './support/variants.ts';

/** What every seed of a shape must reach (ARI); measured values stand in docs/analysis.md. */
const FLOORS: Readonly<Record<string, number>> = {
  star: 0.95,
  layered: 0.85,
  tenants: 0.85,
  'no foreign keys': 0.95,
  'undeclared keys': 0.85,
  'no convention': 0.8,
  'misleading prefixes': 0.85,
  'god table': 0.75,
  'generated keys': 0.8,
  'entity names': 0.75,
  'reference data everywhere': 0.8,
  'audit by triggers': 0.9,
  'tenant in every key': 0.9,
  polymorphic: 0.8,
  'many to many': 0.9,
  'two conventions': 0.8,
  'one name in twenty misleads': 0.8,
  'one hundred tables': 0.95,
};

describe('monoliths made up from known services', () => {
  test.each(Object.keys(SHAPES).flatMap((name) => [1, 2].map((seed) => [name, seed] as const)))(
    '%s, seed %i',
    async (name, seed) => {
      const planted = SHAPES[name]!(seed);
      const { document } = analyzeSchema(await readCase(planted));
      expect(scoreAgainst(planted.truth, document.services)).toBeGreaterThanOrEqual(FLOORS[name]!);
    },
  );

  test('the score can fail: shuffled answers get nothing', async () => {
    const planted = SHAPES['one hundred tables']!(1);
    const tables = Object.values(planted.truth).flat();
    const wrong = Object.fromEntries([...Array(10).keys()].map((i) => [`s${i}`, tables.filter((_, index) => index % 10 === i)]));
    expect(Math.abs(scoreAgainst(planted.truth, wrong))).toBeLessThan(0.1);
    expect(scoreAgainst(planted.truth, {})).toBe(0);
  });

  test('names decide where they carry a convention, structure where they mislead', async () => {
    const methodOf = async (name: string): Promise<boolean> =>
      analyzeSchema(await readCase(SHAPES[name]!(1))).document.details.convention.followed;
    expect(await methodOf('one hundred tables')).toBe(true);
    expect(await methodOf('misleading prefixes')).toBe(false);
  });

  test('a small change in the schema moves few tables', async () => {
    const planted = SHAPES['no convention']!(1);
    const before = analyzeSchema(await readCase(planted)).document;
    const some = Object.values(planted.truth)[2]![1]!;
    const added = `${planted.schema}\ncreate table "newcomer" (id bigint primary key, x bigint references "${some}" (id));`;
    const after = analyzeSchema(await readCase({ schema: added, workload: planted.workload })).document;
    expect(scoreAgainst(before.services, after.services)).toBeGreaterThan(0.9);
  });
});

describe('real monoliths', () => {
  test.for([
    ['adventureworks-public', 0.7],
    ['oscar', 0.95],
  ] as const)('%s reaches %d', async ([name, goal], { skip }) => {
    const found = sharedCase(name);
    skip(found === undefined, '../shared/boundaries is not beside this repository');
    if (!found) return;
    const { document } = analyzeSchema(await readCase(found));
    expect(scoreAgainst(found.truth.services, document.services, found.truth.unscored)).toBeGreaterThanOrEqual(goal);
  });

  test.for([1, 2])('one name of oscar in twenty misleads, seed %i', async (seed, { skip }) => {
    const found = sharedCase('oscar');
    skip(found === undefined, '../shared/boundaries is not beside this repository');
    if (!found) return;
    const { input, nameOf } = misled(await readCase(found), 0.05, seed);
    const truth = Object.fromEntries(Object.entries(found.truth.services).map(([name, tables]) => [name, tables.map(nameOf)]));
    const { document } = analyzeSchema(input);
    expect(scoreAgainst(truth, document.services, found.truth.unscored?.map(nameOf))).toBeGreaterThanOrEqual(0.88);
  });

  test("the sample shop's accounts come out as one service", async () => {
    const shop = shopCase();
    const boundaries = analyzeSchema(await readCase(shop));
    const accounts = boundaries.find((boundary) => boundary.tables.some((table) => table === 'public.users'))!;
    const expected = shop.truth.services['Accounts and sessions']!.map((name) => `public.${name}`);
    expect(accounts.tables).toEqual(expect.arrayContaining(['public.users', 'public.sessions', 'public.addresses']));
    expect(expected.filter((table) => !accounts.tables.some((name) => name === table))).toEqual([]);
    expect(accounts.tables.length).toBeLessThanOrEqual(expected.length + 2);
    expect(scoreAgainst(shop.truth.services, boundaries.document.services)).toBeGreaterThan(0.6);
  });
});

test('time grows little faster than the schema', async () => {
  const grown = async (domains: number): Promise<{ readonly tables: number; readonly seconds: number }> => {
    const random = seededRandom(1);
    const planted = plant({ ...USUAL, domains, sizes: [20, 20] });
    planted.forEach((tables, d) => tables.forEach((table, t) => (table.name = `t${t}x${d}`)));
    for (const table of planted.flat()) {
      for (let i = 0; i < 3; i += 1) refer(table, planted[Math.floor(random() * domains)]![Math.floor(random() * 20)]!, random);
    }
    const input = await readCase({
      schema: printSchema(planted),
      workload: printWorkload(planted, { seed: 1, transactions: domains * 10, crossing: 0.1 }),
    });
    // Processor time: how long it takes on the wall is up to whatever else this machine does.
    const started = process.cpuUsage();
    analyzeSchema(input);
    const { user, system } = process.cpuUsage(started);
    return { tables: input.schema.tables.length, seconds: (user + system) / 1e6 };
  };
  await grown(2);
  const small = await grown(2);
  const large = await grown(16);
  expect(large.tables).toBe(8 * small.tables);
  // Eight times the tables; what compares every three tables would take 512 times as long.
  expect(large.seconds / small.seconds).toBeLessThan(100);
});
