import type { Atoms } from './consensus.ts';
import type { PairWeights } from './graph.ts';
import { append, at, count, counted, increase, itemAt } from './lookup.ts';
import type { Partition } from './leiden.ts';

/** A group of tables, and the two it is made of. */
export interface Group {
  readonly tables: readonly number[];
  /**
   * Below this resolution of the modularity the two are better as one: their bond over what chance
   * would give. 0: nothing binds them; infinite: they are bound by name alone.
   */
  readonly resolution: number;
  readonly parts: readonly [Group, Group] | readonly [];
}

/**
 * All resolutions of one division, from one table each to as few groups as pins allow: services are
 * joined upwards, and tables within each service, always the two of the highest resolution first
 * (T. Bonald et al., "Hierarchical Graph Clustering using Node Pair Sampling", 2018). Every level is
 * made of the level below it, so that no two contradict each other.
 */
export class Hierarchy {
  /** The groups at the top; more than one only where pins keep them apart. */
  readonly roots: readonly Group[];
  readonly #services: readonly Group[];
  /** Levels with fewer groups than there are services, each one fewer than the last. */
  readonly #coarser: readonly (readonly Group[])[];
  readonly #size: number;

  constructor(options: {
    readonly pairs: PairWeights;
    readonly partition: Partition;
    readonly atoms: Atoms;
    readonly apart: readonly (readonly number[])[];
  }) {
    const { partition, atoms, apart } = options;
    this.#size = partition.length;
    const bonds = new Bonds(options.pairs, partition);
    const byService = new Map<number, Map<number, number[]>>();
    partition.forEach((service, table) => {
      if (service < 0) return;
      const groups = byService.get(service) ?? new Map<number, number[]>();
      append(groups, at(atoms.of, table), table);
      byService.set(service, groups);
    });
    this.#services = [...byService.values()].map((groups) => joinWithin([...groups.values()].map(leaf), bonds));
    const mayJoin = (a: Group, b: Group): boolean =>
      apart.every((group) => !(group.some((table) => a.tables.includes(table)) && group.some((table) => b.tables.includes(table))));
    const coarser: (readonly Group[])[] = [];
    this.roots = agglomerate(this.#services, bonds, { mayJoin, onJoin: (left) => coarser.push(left) });
    this.#coarser = coarser;
  }

  /** The fewest and the most groups there can be. */
  get range(): { readonly least: number; readonly most: number } {
    const leaves = (group: Group): number => group.parts.reduce((sum, part) => sum + leaves(part), group.parts.length === 0 ? 1 : 0);
    return { least: this.roots.length, most: this.#services.reduce((sum, group) => sum + leaves(group), 0) };
  }

  /** The level with so many groups; undefined: there is none. */
  at(services: number): readonly Group[] | undefined {
    const fewer = this.#services.length - services;
    if (fewer > 0) return this.#coarser[fewer - 1];
    const groups = [...this.#services];
    while (groups.length < services) {
      const [loosest] = [...groups].filter(({ parts }) => parts.length > 0).sort((a, b) => a.resolution - b.resolution || b.tables.length - a.tables.length || at(a.tables, 0) - at(b.tables, 0));
      if (!loosest) return undefined;
      groups.splice(groups.indexOf(loosest), 1, ...loosest.parts);
    }
    return groups;
  }

  /** The service of each table at a level, numbered in order of its first table; -1: in none. */
  partitionOf(groups: readonly Group[]): Partition {
    const partition = new Int32Array(this.#size).fill(-1);
    [...groups].sort((a, b) => Math.min(...a.tables) - Math.min(...b.tables)).forEach(({ tables }, service) => {
      for (const table of tables) partition[table] = service;
    });
    return partition;
  }
}

function leaf(tables: readonly number[]): Group {
  return { tables, resolution: Number.POSITIVE_INFINITY, parts: [] };
}

/** The weights between tables that are in a service. */
class Bonds {
  readonly #neighbours: readonly (readonly (readonly [other: number, weight: number])[])[];
  readonly #degree: Float64Array;
  readonly total: number;

  constructor(pairs: PairWeights, partition: Partition) {
    const neighbours: [number, number][][] = Array.from(partition, () => []);
    this.#degree = new Float64Array(partition.length);
    for (const [a, b, weight] of pairs.entries()) {
      if (at(partition, a) < 0 || at(partition, b) < 0) continue;
      itemAt(neighbours, a).push([b, weight]);
      itemAt(neighbours, b).push([a, weight]);
      increase(this.#degree, a, weight);
      increase(this.#degree, b, weight);
    }
    this.#neighbours = neighbours;
    this.total = this.#degree.reduce((sum, value) => sum + value, 0);
  }

  degree(tables: readonly number[]): number {
    return tables.reduce((sum, table) => sum + at(this.#degree, table), 0);
  }

  /** The weight from some tables to each of the groups that `groupOf` numbers. */
  links(tables: readonly number[], groupOf: ReadonlyMap<number, number>): Map<number, number> {
    const links = new Map<number, number>();
    for (const table of tables) {
      for (const [other, weight] of itemAt(this.#neighbours, table)) {
        const group = groupOf.get(other);
        if (group !== undefined) count(links, group, weight);
      }
    }
    return links;
  }
}

/** One service of its tables. What only a name binds is joined to the centre first, so that it is parted last. */
function joinWithin(groups: readonly Group[], bonds: Bonds): Group {
  const ranked = [...groups].sort((a, b) => bonds.degree(b.tables) - bonds.degree(a.tables) || at(a.tables, 0) - at(b.tables, 0));
  const bound = ranked.filter(({ tables }) => bonds.degree(tables) > 0);
  const [centre, ...others] = bound.length > 0 ? bound : ranked;
  const loose = bound.length > 0 ? ranked.slice(bound.length) : [];
  const withLoose = loose.reduce((group, other) => join(group, other, Number.POSITIVE_INFINITY), itemAt([centre ?? leaf([])], 0));
  return itemAt(agglomerate([withLoose, ...others], bonds, { mayJoin: () => true, onJoin: () => {} }), 0);
}

function join(a: Group, b: Group, resolution: number): Group {
  const [first, second] = at(a.tables, 0) < at(b.tables, 0) ? [a, b] : [b, a];
  return { tables: [...first.tables, ...second.tables].sort((x, y) => x - y), resolution, parts: [first, second] };
}

function agglomerate(
  groups: readonly Group[],
  bonds: Bonds,
  options: { readonly mayJoin: (a: Group, b: Group) => boolean; readonly onJoin: (left: readonly Group[]) => void },
): readonly Group[] {
  const alive = new Map(groups.map((group, index) => [index, group]));
  const groupOf = new Map(groups.flatMap(({ tables }, index) => tables.map((table): [number, number] => [table, index])));
  const links = new Map(groups.map(({ tables }, index) => [index, bonds.links(tables, groupOf)]));
  const degree = groups.map(({ tables }) => bonds.degree(tables));
  for (;;) {
    const next = closest(alive, { links, degree, total: bonds.total, mayJoin: options.mayJoin });
    if (!next) return [...alive.values()];
    const { a, b, resolution } = next;
    alive.set(a, join(itemAt([alive.get(a) ?? leaf([])], 0), itemAt([alive.get(b) ?? leaf([])], 0), resolution));
    alive.delete(b);
    degree[a] = at(degree, a) + at(degree, b);
    const [own, other] = [links.get(a), links.get(b)];
    for (const [to, weight] of other ?? []) {
      if (to === b) continue;
      if (own) count(own, to, weight);
      const back = links.get(to);
      if (back && to !== a) {
        count(back, a, counted(back, b));
        back.delete(b);
      }
    }
    own?.delete(b);
    links.delete(b);
    options.onJoin([...alive.values()]);
  }
}

/** The two of the highest resolution; where nothing binds any two, the two smallest. */
function closest(
  alive: ReadonlyMap<number, Group>,
  context: {
    readonly links: ReadonlyMap<number, ReadonlyMap<number, number>>;
    readonly degree: readonly number[];
    readonly total: number;
    readonly mayJoin: (a: Group, b: Group) => boolean;
  },
): { readonly a: number; readonly b: number; readonly resolution: number } | undefined {
  let best: { readonly a: number; readonly b: number; readonly resolution: number } | undefined;
  for (const [a, group] of alive) {
    for (const [b, weight] of context.links.get(a) ?? []) {
      const other = alive.get(b);
      if (b <= a || !other) continue;
      const resolution = (weight * context.total) / (at(context.degree, a) * at(context.degree, b));
      const better = !best || resolution > best.resolution || (resolution === best.resolution && (a < best.a || (a === best.a && b < best.b)));
      if (better && context.mayJoin(group, other)) best = { a, b, resolution };
    }
  }
  if (best) return best;
  const bySize = [...alive].sort((x, y) => x[1].tables.length - y[1].tables.length || x[0] - y[0]);
  for (const [i, [a, group]] of bySize.entries()) {
    for (const [b, other] of bySize.slice(i + 1)) {
      if (context.mayJoin(group, other)) return { a: Math.min(a, b), b: Math.max(a, b), resolution: 0 };
    }
  }
  return undefined;
}
