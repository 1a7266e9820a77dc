import { shuffled } from '../../../src/analyze/random.ts';
import { seededRandom } from '../../../src/core/random.ts';
import {
  plant,
  printSchema,
  printWorkload,
  refer,
  rename,
  truthOf,
  USUAL,
  type PlantedCase,
  type PlantedTable,
} from './planted.ts';

const WORDS = [
  'alpha', 'brook', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'heath', 'inlet', 'jetty', 'knoll', 'larch', 'marsh',
  'north', 'ocean', 'pearl', 'quartz', 'ridge', 'stone', 'thorn', 'umber', 'vale', 'willow', 'yarrow',
] as const;

/** Names that tell nothing of domains: two words of nature each. */
function meaningless(domains: readonly PlantedTable[][], seed: number): void {
  const order = shuffled(WORDS.length ** 2, seededRandom(seed));
  rename(domains, (_, index) => {
    const code = order[index]!;
    return `${WORDS[Math.floor(code / WORDS.length)]!}${WORDS[code % WORDS.length]!}`;
  });
}

function scramblePrefixes(domains: readonly PlantedTable[][], seed: number): void {
  const tables = domains.flat();
  const order = shuffled(tables.length, seededRandom(seed));
  const names = tables.map((table, index) => `${tables[order[index]!]!.domain}_${table.name.split('_')[1]!}${index}`);
  rename(domains, (_, index) => names[index]!);
}

/** A shape of monolith, in as many variants as there are seeds. */
export type Shape = (seed: number) => PlantedCase;

export const SHAPES: Readonly<Record<string, Shape>> = {
  star: (seed) => {
    const domains = plant({ ...USUAL, seed, crossing: 0.1, hub: 0.6 });
    meaningless(domains, seed);
    return finish('star', domains, { seed, transactions: 80, crossing: 0.1 });
  },
  layered: (seed) => {
    const domains = plant({ ...USUAL, seed, layered: true, hub: 0, crossing: 0.5 });
    meaningless(domains, seed);
    return finish('layered', domains, { seed, transactions: 80, crossing: 0.15 });
  },
  tenants: (seed) => {
    const domains = plant({ ...USUAL, seed, hub: 0, crossing: 0.2 });
    const random = seededRandom(seed);
    const tenant = domains[0]![0]!;
    meaningless(domains, seed);
    tenant.name = 'tenant';
    for (const table of domains.flat()) refer(table, tenant, random);
    return finish('tenants', domains, { seed, transactions: 80, crossing: 0.1 });
  },
  'no foreign keys': (seed) => {
    const domains = plant({ ...USUAL, seed });
    return {
      name: 'no foreign keys',
      schema: printSchema(domains, { undeclared: true }).replaceAll(/"\w+_id" bigint(?: not null)?, /g, ''),
      workload: printWorkload(domains, { seed, transactions: 120, crossing: 0.15 }),
      truth: truthOf(domains),
    };
  },
  'undeclared keys': (seed) => {
    const domains = plant({ ...USUAL, seed });
    meaningless(domains, seed);
    return {
      name: 'undeclared keys',
      schema: printSchema(domains, { undeclared: true }),
      workload: printWorkload(domains, { seed, transactions: 60, crossing: 0.15 }),
      truth: truthOf(domains),
    };
  },
  'no convention': (seed) => {
    const domains = plant({ ...USUAL, seed, sizes: [3, 22] });
    meaningless(domains, seed);
    return finish('no convention', domains, { seed, transactions: 60, crossing: 0.25 });
  },
  'misleading prefixes': (seed) => {
    const domains = plant({ ...USUAL, seed });
    scramblePrefixes(domains, seed);
    return finish('misleading prefixes', domains, { seed, transactions: 60, crossing: 0.2 });
  },
  'god table': (seed) => {
    const domains = plant({ ...USUAL, seed, hub: 0.1 });
    const random = seededRandom(seed + 1);
    const god = domains[1]![0]!;
    domains.flat().forEach((table, index) => {
      if (table.domain === god.domain) return;
      if (index % 2 === 0) refer(table, god, random);
      else if (index % 5 === 0) refer(god, table, random);
    });
    meaningless(domains, seed);
    return finish('god table', domains, { seed, transactions: 80, crossing: 0.15, everywhere: [god] });
  },
  'generated keys': (seed) => {
    const domains = plant({ ...USUAL, seed, composition: 0 });
    for (const table of domains.flat()) for (const key of table.references) key.nullable = true;
    meaningless(domains, seed);
    return {
      name: 'generated keys',
      schema: printSchema(domains, {
        keyType: 'uuid',
        extra: ['stamp text generated always as (id::text) stored'],
      }),
      workload: printWorkload(domains, { seed, transactions: 60, crossing: 0.15 }),
      truth: truthOf(domains),
    };
  },
  'entity names': (seed) => {
    const domains = plant({ ...USUAL, seed });
    // Half of the tables carry their domain's word, the others any.
    const random = seededRandom(seed);
    const spare = shuffled(WORDS.length ** 2, random);
    rename(domains, (table, index) =>
      random() < 0.5 || table.name.endsWith('_root')
        ? table.name.replace('_root', 's')
        : `${WORDS[spare[index]! % WORDS.length]!}_${WORDS[Math.floor(spare[index]! / WORDS.length)]!}`,
    );
    return finish('entity names', domains, { seed, transactions: 60, crossing: 0.2 });
  },
  'one hundred tables': (seed) => {
    const domains = plant({ ...USUAL, seed, domains: 10, sizes: [10, 10], crossing: 0.5 });
    rename(domains, (table) => `erp_${table.name}`);
    return finish('one hundred tables', domains, { seed, transactions: 150, crossing: 0.3 });
  },
};

function finish(
  name: string,
  domains: readonly PlantedTable[][],
  traffic: Parameters<typeof printWorkload>[1],
): PlantedCase {
  return { name, schema: printSchema(domains), workload: printWorkload(domains, traffic), truth: truthOf(domains) };
}
