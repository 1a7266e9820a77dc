import { describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import type { BoundaryDocument, HierarchyNode } from '../../src/analyze/document.ts';
import { readInput } from '../../src/analyze/input.ts';
import { decompose } from '../../src/analyze/partition.ts';
import { gatherEvidence } from '../../src/analyze/signals.ts';
import { SHAPES } from './cases/shapes.ts';
import { readCase } from './support/read-case.ts';
import { shopCase } from './support/shop-case.ts';

type Services = BoundaryDocument['services'];

const NAMES = ['no convention', 'tenants', 'entity names'] as const;

/** Whether each service of the finer division lies inside one of the coarser. */
function nested(finer: Services, coarser: Services): boolean {
  const home = new Map(Object.entries(coarser).flatMap(([name, tables]) => tables.map((table) => [table, name] as const)));
  return Object.values(finer).every((tables) => new Set(tables.map((table) => home.get(table))).size === 1);
}

function tablesUnder(node: HierarchyNode): string[] {
  return [...(node.members ?? []), ...(node.parts ?? []).flatMap(tablesUnder)];
}

describe('levels', () => {
  test.each(NAMES)('of %s never contradict each other, and any number can be had', async (name) => {
    const monolith = readInput(await readCase(SHAPES[name]!(2)));
    const { hierarchy: climb, partition } = decompose(monolith, gatherEvidence(monolith), {}, { quick: true });
    const hierarchy = climb();
    const { least, most } = hierarchy.range;
    expect([least, most]).toEqual([1, [...partition].filter((service) => service >= 0).length]);
    const services = new Set([...partition].filter((service) => service >= 0)).size;
    expect(hierarchy.partitionOf(hierarchy.at(services)!)).toEqual(partition);
    let finer = hierarchy.partitionOf(hierarchy.at(most)!);
    for (let level = most - 1; level >= least; level -= 1) {
      const coarser = hierarchy.partitionOf(hierarchy.at(level)!);
      const homes = new Map<number, Set<number>>();
      finer.forEach((service, table) => homes.set(service, (homes.get(service) ?? new Set()).add(coarser[table]!)));
      expect([...homes.values()].every(({ size }) => size === 1), `${level} services`).toBe(true);
      expect(new Set(coarser).size - (coarser.includes(-1) ? 1 : 0)).toBe(level);
      finer = coarser;
    }
    expect(hierarchy.at(most + 1)).toBeUndefined();
    // The loosest is divided first.
    const divided = hierarchy.at(services)!.filter((group) => !hierarchy.at(services + 1)!.includes(group));
    const loosest = Math.min(...hierarchy.at(services)!.map(({ resolution }) => resolution));
    expect(divided.map(({ resolution }) => resolution)).toEqual([loosest]);
  });

  test('are what the number of services picks', async () => {
    const input = await readCase(shopCase());
    const { document } = analyzeSchema(input);
    for (const { services } of document.details.levels.slice(3, 6)) {
      const level = analyzeSchema(input, { services }).document;
      expect(level.order).toHaveLength(services);
      expect(nested(document.services, level.services)).toBe(true);
    }
    expect(analyzeSchema(input, { services: document.order.length }).document.services).toEqual(document.services);
  });

  test('are told with what each would mean', async () => {
    const input = await readCase(shopCase());
    const { details, metrics, order } = analyzeSchema(input).document;
    const own = details.levels.find(({ services }) => services === order.length)!;
    expect(own).toEqual({ services: order.length, largest: 13, writesKeptWhole: metrics.writesKeptWhole, keysKept: metrics.keysKept });
    const { metrics: four } = analyzeSchema(input, { services: 4 }).document;
    expect(details.levels.find(({ services }) => services === 4)).toMatchObject({ writesKeptWhole: four.writesKeptWhole, keysKept: four.keysKept });
  });

  test('make one tree, with the services of the answer in it', async () => {
    const { details, services } = analyzeSchema(await readCase(shopCase())).document;
    const found = new Map<string, string[]>();
    const visit = (node: HierarchyNode): void => {
      expect(node.tables).toBe(tablesUnder(node).length);
      expect((node.parts ?? []).length === 0).toBe(node.members !== undefined);
      if (node.service !== undefined) found.set(node.service, tablesUnder(node).sort());
      for (const part of node.parts ?? []) {
        // A join further down is never looser than the one above it.
        expect(part.resolution ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual((node.resolution ?? 0) * 0.999);
        visit(part);
      }
    };
    visit(details.hierarchy);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.entries(services).map(([name, tables]) => [name, [...tables].sort()])));
  });

  test('keep apart what is to be apart, to the top', async () => {
    const input = await readCase(shopCase());
    const apart = [['users', 'orders', 'products']];
    expect(analyzeSchema(input, { apart }).document.details.hierarchy.parts).toHaveLength(3);
    expect(() => analyzeSchema(input, { apart, services: 2 })).toThrow(/2 services were asked for; .* allow 3 to \d+\./);
  });
});

describe('alternatives', () => {
  test('are whole divisions, each better in something and worse in something else', async () => {
    for (const planted of [shopCase(), SHAPES['no convention']!(1)]) {
      const { details, services, metrics, cuts } = analyzeSchema(await readCase(planted)).document;
      const all = Object.values(services).flat().sort();
      const largest = Math.max(...Object.values(services).map(({ length }) => length));
      expect(details.alternatives.length).toBeGreaterThan(0);
      expect(details.alternatives.length).toBeLessThanOrEqual(3);
      for (const item of details.alternatives) {
        expect(Object.values(item.services).flat().sort()).toEqual(all);
        expect(item.metrics.services).toBe(Object.keys(item.services).length);
        const better = [item.metrics.writesKeptWhole > metrics.writesKeptWhole, item.cuts < cuts.length, item.largest < largest];
        const worse = [item.metrics.writesKeptWhole < metrics.writesKeptWhole, item.cuts > cuts.length, item.largest > largest, item.metrics.services < metrics.services];
        expect(better, item.name).toContain(true);
        expect(worse, item.name).toContain(true);
        expect(item.trades).toMatch(/\d.*; for it .*\d/);
      }
    }
  });

  test('are none where nothing is to be gained', async () => {
    const input = await readCase({ schema: 'create table a (id int primary key); create table b (id int primary key references a);' });
    expect(analyzeSchema(input).document.details.alternatives).toEqual([]);
  });
});

describe('sensitivity', () => {
  test('names the tables that one signal alone holds where they are', async () => {
    const input = await readCase({
      schema: ['a', 'b'].flatMap((x) => [`create table ${x} (id bigint primary key);`, ...[1, 2, 3].map((i) => `create table ${x}${i}x (id bigint primary key, p bigint not null references ${x});`)]).join('\n')
        + 'create table torn (id bigint primary key, note text);',
      workload: '-- calls: 50\nbegin; insert into torn values (1); insert into a values (1); commit;',
    });
    const { details, services } = analyzeSchema(input).document;
    const home = Object.values(services).find((tables) => tables.some((table) => table === 'public.torn'))!;
    const writes = details.signals.find(({ signal }) => signal === 'writes')!;
    expect(writes.weight).toBeGreaterThan(0);
    const whole = analyzeSchema({ ...input, workload: { transactions: [] } }).document;
    expect(Object.values(whole.services).flat()).not.toContain('public.torn');
    expect(home).toContain('public.a');
    const shop = analyzeSchema(await readCase(shopCase())).document;
    for (const { moves, sensitivity } of shop.details.signals) {
      expect(sensitivity).toBeCloseTo(moves.length / shop.metrics.tables, 4);
      for (const { table, from, to } of moves) {
        if (from !== undefined) expect(shop.services[from] ?? []).toContain(table);
        expect(to === undefined || to in shop.services).toBe(true);
        expect(from).not.toBe(to);
      }
    }
    expect(shop.details.signals.find(({ signal }) => signal === 'keys')!.moves.length).toBeGreaterThan(0);
  });
});
