import type { Atoms } from './consensus.ts';
import { PairWeights } from './graph.ts';
import { leiden, type Partition } from './leiden.ts';
import { seededRandom } from '../core/random.ts';
import { append, at, count, counted, increase, itemAt } from './lookup.ts';

const ASIDE = -1;
/** A satellite sends more than this share of what leaves it to one service, */
const MOSTLY = 0.5;
/** and that is more than this share of what it holds inside. */
const PULL = 0.3;

/** A division of the tables that can be changed atom by atom and stays within the pins. */
export class Placement {
  readonly #service: Int32Array;
  readonly #atoms: readonly (readonly number[])[];
  readonly #atomOf: Int32Array;
  readonly #neighbours: readonly (readonly (readonly [other: number, weight: number])[])[];
  readonly #degree: Float64Array;
  readonly #apart: readonly (readonly number[])[];

  constructor(options: {
    readonly pairs: PairWeights;
    readonly partition: Partition;
    readonly atoms: Atoms;
    readonly apart: readonly (readonly number[])[];
  }) {
    this.#service = Int32Array.from(options.partition);
    this.#atomOf = options.atoms.of;
    this.#apart = options.apart;
    const atoms: number[][] = Array.from({ length: options.atoms.count }, () => []);
    options.atoms.of.forEach((atom, table) => itemAt(atoms, atom).push(table));
    this.#atoms = atoms;
    const neighbours: [number, number][][] = Array.from(this.#service, () => []);
    this.#degree = new Float64Array(this.#service.length);
    for (const [a, b, weight] of options.pairs.entries()) {
      itemAt(neighbours, a).push([b, weight]);
      itemAt(neighbours, b).push([a, weight]);
      increase(this.#degree, a, weight);
      increase(this.#degree, b, weight);
    }
    this.#neighbours = neighbours;
  }

  /** The service of each table, numbered in order of its first table; -1: set aside. */
  partition(): Partition {
    const numbers = new Map<number, number>();
    return this.#service.map((service) => {
      if (service === ASIDE) return ASIDE;
      const number = numbers.get(service) ?? numbers.size;
      numbers.set(service, number);
      return number;
    });
  }

  sizeOf(table: number): number {
    return this.#count(at(this.#service, table));
  }

  setAside(isIsolated: (table: number) => boolean): void {
    const aside = [...this.#service.keys()].filter(isIsolated);
    for (const table of aside) this.#service[table] = ASIDE;
  }

  /**
   * Moves tables one by one to the service they are bound to most, as long as that helps: a last
   * pass over whole evidence, which also undoes what agreeing on several variants blurred.
   */
  settle(): void {
    const mass = this.#masses();
    const total = this.#degree.reduce((sum, value) => sum + value, 0);
    if (total === 0) return;
    for (let round = 0; round < 10; round += 1) {
      let moved = 0;
      for (const tables of this.#atoms) {
        const own = at(this.#service, at(tables, 0));
        const links = this.#linksOf(tables);
        let degree = 0;
        for (const table of tables) degree += at(this.#degree, table);
        const gain = (service: number): number => {
          const rest = counted(mass, service) - (service === own ? degree : 0);
          return counted(links, service) - (degree * rest) / total;
        };
        let best = own;
        for (const service of [...links.keys()].sort((a, b) => a - b)) {
          // A margin keeps tables that two services want equally from wandering.
          if (gain(service) > gain(best) + 0.05 * degree && this.#mayJoin(tables, service)) best = service;
        }
        if (best === own) continue;
        this.#move(tables, best);
        mass.set(own, counted(mass, own) - degree);
        count(mass, best, degree);
        moved += 1;
      }
      if (moved === 0) return;
    }
  }

  /** Joins services with fewer than `least` tables to the one they are bound to most. */
  joinSmall(least: number): void {
    for (;;) {
      const members = this.#members();
      const small = [...members].filter(([, tables]) => tables.length < least).sort((a, b) => a[1].length - b[1].length);
      let joined = false;
      for (const [service, tables] of small) {
        const target = this.#closest(service, tables);
        if (target === undefined) continue;
        this.#move(tables, target);
        joined = true;
        break;
      }
      if (!joined) return;
    }
  }

  /**
   * Joins satellites: services of which most that leaves goes to one larger service, and that is a
   * good part of what holds them together. Cut apart they would mostly talk to that one.
   */
  joinSatellites(): void {
    for (let left = this.#members().size; left > 2; left -= 1) {
      const members = this.#members();
      let strongest: { readonly tables: readonly number[]; readonly target: number; readonly pull: number } | undefined;
      for (const [service, tables] of members) {
        const links = [...this.#linksOf(tables)].filter(([target]) => target !== service);
        links.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
        const [target, most] = links[0] ?? [service, 0];
        const leaving = links.reduce((sum, [, weight]) => sum + weight, 0);
        const inside = this.#insideOf(tables, service);
        const larger = this.#count(target) > tables.length;
        if (!larger || most <= leaving * MOSTLY || most < inside * PULL || !this.#mayJoin(tables, target)) continue;
        const pull = most / inside;
        if (!strongest || pull > strongest.pull) strongest = { tables, target, pull };
      }
      if (!strongest) return;
      this.#move(strongest.tables, strongest.target);
    }
  }

  /** Splits services with more than `most` tables. */
  splitLarge(most: number, seed: number): void {
    for (let round = 0; round < this.#service.length; round += 1) {
      const large = [...this.#members()].find(([, tables]) => tables.length > most && this.#divisible(tables));
      if (!large) return;
      this.#split(large[1], seed, Math.ceil(large[1].length / most));
    }
  }

  /** Makes the `apart` pins true: of two that may not share a service, the looser one leaves. */
  separate(): void {
    for (const group of this.#apart) {
      const seen = new Map<number, number>();
      for (const table of group) {
        const service = at(this.#service, table);
        const first = seen.get(service);
        if (first === undefined) {
          seen.set(service, table);
          continue;
        }
        const bound = (candidate: number): number => counted(this.#linksOf(this.#atomFor(candidate)), service);
        const leaver = bound(table) <= bound(first) ? table : first;
        seen.set(service, leaver === table ? first : table);
        const tables = this.#atomFor(leaver);
        const links = [...this.#linksOf(tables)].filter(
          ([target]) => target !== service && this.#mayJoin(tables, target),
        );
        const [best] = links.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
        const target = best?.[0] ?? this.#unused();
        this.#move(tables, target);
        seen.set(target, leaver);
      }
    }
  }

  #atomFor(table: number): readonly number[] {
    return itemAt(this.#atoms, at(this.#atomOf, table));
  }

  /** How many tables a service has. */
  #count(service: number): number {
    return this.#service.reduce((sum, own) => sum + (own === service ? 1 : 0), 0);
  }

  #members(): Map<number, number[]> {
    const members = new Map<number, number[]>();
    this.#service.forEach((service, table) => {
      if (service === ASIDE) return;
      append(members, service, table);
    });
    return members;
  }

  #masses(): Map<number, number> {
    const mass = new Map<number, number>();
    this.#service.forEach((service, table) => {
      count(mass, service, at(this.#degree, table));
    });
    return mass;
  }

  /** Weight of the links of some tables to each service, what lies among themselves left out. */
  #linksOf(tables: readonly number[]): Map<number, number> {
    const own = new Set(tables);
    const links = new Map<number, number>();
    for (const table of tables) {
      for (const [other, weight] of itemAt(this.#neighbours, table)) {
        const service = at(this.#service, other);
        if (own.has(other) || service === ASIDE) continue;
        count(links, service, weight);
      }
    }
    return links;
  }

  /** Twice the weight of the links among the tables of one service. */
  #insideOf(tables: readonly number[], service: number): number {
    let inside = 0;
    for (const table of tables) {
      for (const [other, weight] of itemAt(this.#neighbours, table)) {
        if (this.#service[other] === service) inside += weight;
      }
    }
    return inside;
  }

  #closest(service: number, tables: readonly number[]): number | undefined {
    const ranked = [...this.#linksOf(tables)]
      .filter(([target]) => target !== service && this.#mayJoin(tables, target))
      .map(([target, weight]) => ({ target, weight: weight / Math.sqrt(this.#count(target)) }))
      .sort((a, b) => b.weight - a.weight || a.target - b.target);
    return ranked[0]?.target;
  }

  #divisible(tables: readonly number[]): boolean {
    return new Set(tables.map((table) => this.#atomOf[table])).size > 1;
  }

  /** Cuts a service in at least two, by communities where it has any, else in halves. */
  #split(tables: readonly number[], seed: number, parts: number): void {
    const atoms = [...new Set(tables.map((table) => at(this.#atomOf, table)))];
    const local = new Map(atoms.map((atom, index) => [atom, index]));
    const inner = new PairWeights(atoms.length);
    for (const table of tables) {
      const a = counted(local, at(this.#atomOf, table));
      for (const [other, weight] of itemAt(this.#neighbours, table)) {
        const b = local.get(at(this.#atomOf, other));
        if (b !== undefined && other > table && tables.includes(other)) inner.add(a, b, weight);
      }
    }
    let found: Partition = new Int32Array(atoms.length);
    let count = 1;
    for (let resolution = 0.5; count < Math.min(parts, atoms.length) && resolution < 100; resolution *= 1.3) {
      found = leiden(inner.toGraph(), { resolution, random: seededRandom(seed) });
      count = new Set(found).size;
    }
    const targets = new Map<number, number>([[0, at(this.#service, at(tables, 0))]]);
    for (const [atom, index] of local) {
      const part = count === 1 ? index % 2 : Math.min(at(found, index), parts - 1);
      let target = targets.get(part);
      if (target === undefined) {
        target = this.#unused();
        targets.set(part, target);
      }
      this.#move(itemAt(this.#atoms, atom), target);
    }
  }

  #unused(): number {
    return Math.max(ASIDE, ...this.#service) + 1;
  }

  #mayJoin(tables: readonly number[], service: number): boolean {
    return this.#apart.every((group) => {
      const joining = tables.some((table) => group.includes(table));
      const there = group.some((table) => this.#service[table] === service && !tables.includes(table));
      return !(joining && there);
    });
  }

  #move(tables: readonly number[], service: number): void {
    for (const table of tables) this.#service[table] = service;
  }
}
