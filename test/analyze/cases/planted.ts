import { seededRandom, type Random } from '../../../src/core/random.ts';

/** A monolith made up from known services, as SQL, with the truth. */
export interface PlantedCase {
  readonly name: string;
  readonly schema: string;
  readonly workload: string;
  /** Service of each table, by its name in `public`. */
  readonly truth: Readonly<Record<string, readonly string[]>>;
}

export interface PlantedTable {
  readonly domain: string;
  name: string;
  /** Key columns besides `id`, for composition. */
  composite: boolean;
  readonly references: { to: PlantedTable; column: string; nullable: boolean; cascade: boolean; identifying: boolean }[];
}

const DOMAINS = [
  'account', 'catalog', 'order', 'payment', 'stock', 'shipping', 'support', 'campaign', 'payroll', 'fleet', 'booking',
  'insurance', 'claim', 'library', 'ticketing', 'forum',
] as const;
const ENTITIES = [
  'entry', 'batch', 'item', 'note', 'event', 'plan', 'rule', 'document', 'contact', 'quota', 'rating', 'label',
  'member', 'limit', 'slot', 'version', 'attachment', 'reminder', 'schedule', 'variant', 'approval', 'transfer',
] as const;

export interface Plan {
  readonly seed: number;
  readonly domains: number;
  /** Tables of each domain, from … to. */
  readonly sizes: readonly [number, number];
  /** Share of tables that also refer to another domain's root. */
  readonly crossing: number;
  /** Share of tables that also refer to the first domain's root, a hub. */
  readonly hub: number;
  /** Which domains one may refer to: any, or only those before it. */
  readonly layered: boolean;
  /** Share of child keys that are part of the primary key. */
  readonly composition: number;
}

export const USUAL: Plan = {
  seed: 1, domains: 8, sizes: [6, 14], crossing: 0.3, hub: 0.25, layered: false, composition: 0.25,
};

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!;

/** Tables in domains: a root, children that refer to it or to each other, and keys into other domains. */
export function plant(plan: Plan): PlantedTable[][] {
  const random = seededRandom(plan.seed);
  const domains: PlantedTable[][] = [];
  for (let d = 0; d < plan.domains; d += 1) {
    const domain = DOMAINS[d % DOMAINS.length]!;
    const size = plan.sizes[0] + Math.floor(random() * (plan.sizes[1] - plan.sizes[0] + 1));
    const tables: PlantedTable[] = [{ domain, name: `${domain}_root`, composite: false, references: [] }];
    for (let t = 1; t < size; t += 1) {
      const parent = random() < 0.65 ? tables[0]! : pick(tables, random);
      const identifying = random() < plan.composition;
      const table: PlantedTable = {
        domain,
        name: `${domain}_${ENTITIES[(t + d * 3) % ENTITIES.length]!}${t >= ENTITIES.length ? t : ''}`,
        composite: identifying,
        references: [],
      };
      table.references.push({
        to: parent,
        column: `${parent.name}_id`,
        nullable: !identifying && random() < 0.2,
        cascade: identifying || random() < 0.2,
        identifying,
      });
      if (random() < 0.3) refer(table, pick(tables, random), random);
      tables.push(table);
    }
    domains.push(tables);
  }
  domains.forEach((tables, d) => {
    for (const table of tables) {
      if (d > 0 && random() < plan.hub) refer(table, domains[0]![0]!, random);
      const others = domains.filter((_, other) => (plan.layered ? other === d - 1 : other !== d));
      if (others.length > 0 && random() < plan.crossing) refer(table, pick(others, random)[0]!, random);
    }
  });
  return domains;
}

export function refer(from: PlantedTable, to: PlantedTable, random: Random): void {
  if (from === to || from.references.some((reference) => reference.to === to)) return;
  from.references.push({ to, column: `${to.name}_id`, nullable: random() < 0.4, cascade: false, identifying: false });
}

/** Renames every table; the columns that refer to it follow. */
export function rename(domains: readonly PlantedTable[][], name: (table: PlantedTable, index: number) => string): void {
  domains.flat().forEach((table, index) => {
    table.name = name(table, index);
  });
  for (const table of domains.flat()) for (const reference of table.references) reference.column = `${reference.to.name}_id`;
}

export interface Printing {
  /** Leave the constraints out, keep the columns. */
  readonly undeclared?: boolean;
  readonly keyType?: string;
  /** Columns every table has besides. */
  readonly extra?: readonly string[];
  readonly schemaOf?: (table: PlantedTable) => string;
  /** Every primary key begins with tenant_id, and every key carries it. */
  readonly tenantKeys?: boolean;
}

export function printSchema(domains: readonly PlantedTable[][], printing: Printing = {}): string {
  const type = printing.keyType ?? 'bigint';
  const full = (table: PlantedTable): string => `"${printing.schemaOf?.(table) ?? 'public'}"."${table.name}"`;
  const creates: string[] = [];
  const alters: string[] = [];
  for (const table of domains.flat()) {
    const identifying = table.references.filter((reference) => reference.identifying);
    const tenant = printing.tenantKeys ? 'tenant_id, ' : '';
    const columns = [...(printing.tenantKeys ? ['tenant_id bigint not null'] : []), `id ${type} not null`];
    for (const reference of table.references) {
      columns.push(`"${reference.column}" ${type}${reference.nullable ? '' : ' not null'}`);
      if (!printing.undeclared) {
        alters.push(
          `alter table ${full(table)} add foreign key (${tenant}"${reference.column}") references ${full(reference.to)} (${tenant}id)${reference.cascade ? ' on delete cascade' : ''};`,
        );
      }
    }
    const key = table.composite && !printing.undeclared ? [...identifying.map((item) => `"${item.column}"`), 'id'] : ['id'];
    columns.push(...(printing.extra ?? []), `primary key (${tenant}${key.join(', ')})`);
    if (key.length > 1) columns.push(`unique (${tenant}id)`);
    creates.push(`create table ${full(table)} (${columns.join(', ')});`);
  }
  return [...creates, ...alters].join('\n');
}

export interface Traffic {
  readonly seed: number;
  readonly transactions: number;
  /** Share of transactions that write in a second domain too. */
  readonly crossing: number;
  /** Tables that nearly every transaction writes. */
  readonly everywhere?: readonly PlantedTable[];
}

export function printWorkload(domains: readonly PlantedTable[][], traffic: Traffic): string {
  const random = seededRandom(traffic.seed);
  const blocks: string[] = [];
  for (let i = 0; i < traffic.transactions; i += 1) {
    const tables = pick(domains, random);
    const written = new Set<PlantedTable>();
    for (let k = 0; k < 1 + Math.floor(random() * 4); k += 1) written.add(pick(tables, random));
    if (random() < traffic.crossing) written.add(pick(pick(domains, random), random));
    for (const table of traffic.everywhere ?? []) if (random() < 0.7) written.add(table);
    const read = pick(tables, random);
    const joined = [read, ...read.references.map((reference) => reference.to)].slice(0, 3);
    blocks.push(
      [
        `-- calls: ${1 + Math.floor(random() * 200)}`,
        'BEGIN;',
        `SELECT 1 FROM ${joined.map((table) => `"${table.name}"`).join(', ')};`,
        ...[...written].map((table) => `UPDATE "${table.name}" SET id = id WHERE id = $1;`),
        'COMMIT;',
      ].join('\n'),
    );
  }
  return blocks.join('\n\n');
}

export function truthOf(domains: readonly PlantedTable[][]): Record<string, string[]> {
  return Object.fromEntries(domains.map((tables) => [tables[0]!.domain, tables.map((table) => table.name)]));
}
