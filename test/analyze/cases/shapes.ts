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
  'reference data everywhere': (seed) => {
    const domains = plant({ ...USUAL, seed });
    const random = seededRandom(seed);
    meaningless(domains, seed);
    const lookups = ['country', 'currency', 'language', 'status', 'unit', 'category', 'tax_code', 'region', 'priority', 'channel'];
    const shared = lookups.map((name): PlantedTable => ({ domain: 'reference', name, composite: false, references: [] }));
    for (const table of domains.flat()) {
      for (const lookup of shared) if (random() < 0.25) refer(table, lookup, random);
    }
    return {
      name: 'reference data everywhere',
      schema: printSchema([...domains, shared]),
      workload: printWorkload(domains, { seed, transactions: 60, crossing: 0.2 }),
      truth: truthOf(domains),
    };
  },
  'audit by triggers': (seed) => {
    const domains = plant({ ...USUAL, seed, sizes: [4, 8] });
    meaningless(domains, seed);
    const audits = domains.flat().map((table, index) => ({ table, audit: `trail_${index}` }));
    const logging = audits.map(
      ({ table, audit }) => `create table "${audit}" (at timestamptz, old_id bigint, doc jsonb);
create function "write_${audit}"() returns trigger language plpgsql as $$
begin
  insert into "${audit}" values (now(), old.id, to_jsonb(old));
  insert into event_store (at, doc) values (now(), to_jsonb(old));
  return old;
end $$;
create trigger "${audit}" after update on "${table.name}" for each row execute function "write_${audit}"();`,
    );
    const truth = Object.fromEntries(
      Object.entries(truthOf(domains)).map(([domain, tables]) => [
        domain,
        [...tables, ...audits.filter(({ table }) => tables.includes(table.name)).map(({ audit }) => audit)],
      ]),
    );
    return {
      name: 'audit by triggers',
      schema: [printSchema(domains), 'create table event_store (at timestamptz, doc jsonb);', ...logging].join('\n'),
      workload: printWorkload(domains, { seed, transactions: 60, crossing: 0.2 }),
      truth,
    };
  },
  'tenant in every key': (seed) => {
    const domains = plant({ ...USUAL, seed, hub: 0 });
    meaningless(domains, seed);
    const tenant: PlantedTable = { domain: 'tenant', name: 'tenant', composite: false, references: [] };
    const schema = printSchema(domains, { tenantKeys: true });
    const keys = domains.flat().map((table) => `alter table "${table.name}" add foreign key (tenant_id) references tenant (id);`);
    return {
      name: 'tenant in every key',
      schema: [printSchema([[tenant]]), schema, ...keys].join('\n'),
      workload: printWorkload(domains, { seed, transactions: 60, crossing: 0.2 }),
      truth: truthOf(domains),
    };
  },
  polymorphic: (seed) => {
    const domains = plant({ ...USUAL, seed });
    meaningless(domains, seed);
    const children = ['comment', 'attachment', 'tagging', 'activity'];
    // One of the tables is called what the polymorphic columns are called, and has nothing to do with them.
    domains[1]![1]!.name = 'subject';
    const notes = [
      'create table note (id bigint primary key, body text);',
      ...children.map(
        (name) => `create table ${name} (id bigint primary key, subject_type text not null, subject_id bigint not null,
          note_id bigint not null references note (id), position int);`,
      ),
    ];
    return {
      name: 'polymorphic',
      schema: [printSchema(domains), ...notes].join('\n'),
      workload: printWorkload(domains, { seed, transactions: 60, crossing: 0.2 }),
      truth: { ...truthOf(domains), notes: ['note', ...children] },
    };
  },
  'many to many': (seed) => {
    const domains = plant({ ...USUAL, seed, sizes: [4, 8] });
    const random = seededRandom(seed);
    domains.forEach((tables, d) => {
      const roots = tables.slice(0, 4);
      const foreign = domains[(d + 1) % domains.length]![0]!;
      for (const [index, from] of roots.entries()) {
        const to = random() < 0.75 ? roots[(index + 1) % roots.length]! : foreign;
        const link: PlantedTable = { domain: from.domain, name: `${from.name}_${to.name}`, composite: true, references: [] };
        for (const side of [from, to]) {
          link.references.push({ to: side, column: `${side.name}_id`, nullable: false, cascade: true, identifying: true });
        }
        tables.push(link);
      }
    });
    meaningless(domains, seed);
    return finish('many to many', domains, { seed, transactions: 60, crossing: 0.2 });
  },
  'two conventions': (seed) => {
    const domains = plant({ ...USUAL, seed, crossing: 0.5 });
    const spare = shuffled(WORDS.length ** 2, seededRandom(seed));
    // What was written first has prefixes; what came later has names in one word.
    rename(domains, (table, index) =>
      domains.findIndex((tables) => tables.includes(table)) < domains.length / 2
        ? table.name
        : `${WORDS[spare[index]! % WORDS.length]!}${WORDS[Math.floor(spare[index]! / WORDS.length)]!}`,
    );
    return finish('two conventions', domains, { seed, transactions: 60, crossing: 0.3 });
  },
  'one name in twenty misleads': (seed) => {
    const domains = plant({ ...USUAL, seed, crossing: 0.5 });
    const tables = domains.flat();
    const random = seededRandom(seed);
    rename(domains, (table, index) => {
      if (random() >= 0.05) return table.name;
      const donor = tables[Math.floor(random() * tables.length)]!;
      return `${donor.domain}_${table.name.split('_').slice(1).join('_')}${index}`;
    });
    return finish('one name in twenty misleads', domains, { seed, transactions: 60, crossing: 0.3 });
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
