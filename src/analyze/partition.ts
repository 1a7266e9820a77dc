import { BanyanError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { parseTableName } from '../model/names.ts';
import { findConsensus, type Atoms, type Resolution } from './consensus.ts';
import { findConvention, type Convention } from './convention.ts';
import { combine, type PairWeights } from './graph.ts';
import { Hierarchy } from './hierarchy.ts';
import type { Monolith } from './input.ts';
import { renumber, type Partition } from './leiden.ts';
import type { AnalyzeOptions } from './options.ts';
import { Placement } from './placement.ts';
import type { Evidence } from './signals.ts';
import { at, count, increase, itemAt } from './lookup.ts';

export interface Decomposition {
  /** The service of each table, numbered from 0; -1: nothing says where it belongs. */
  readonly partition: Partition;
  readonly convention: Convention;
  /** The resolutions scanned, coarse to fine: a hierarchy to climb. Empty where names decided. */
  readonly scan: readonly Resolution[];
  readonly method: 'names' | 'structure';
  /** The levels above and below it, made when they are asked for. */
  readonly hierarchy: () => Hierarchy;
  readonly apart: readonly (readonly number[])[];
}

/** How thoroughly tables are divided. Default: in full. */
export interface Effort {
  /** One start on the evidence as measured, without variants of it. */
  readonly quick?: boolean;
  /** As if names followed no convention. */
  readonly ignoreNames?: boolean;
}

/**
 * Divides the tables. Where the owners' own names divide them and the structure agrees, their
 * groups are kept whole; otherwise the communities of the evidence decide, at the resolution that
 * is most stable. Then sizes, pins and the asked number are made true.
 */
export function decompose(monolith: Monolith, evidence: Evidence, options: AnalyzeOptions, effort: Effort = {}): Decomposition {
  const size = monolith.tables.length;
  const names = monolith.tables.map((table) => table.name);
  const structure = combine(size, evidence.signals.filter((signal) => signal.id !== 'names'));
  const found = findConvention(names, structure);
  const convention = effort.ignoreNames === true ? { ...found, followed: false } : found;
  const pins = readPins(monolith, options);
  const seed = options.seed ?? 1;
  const degree = degrees(evidence.pairs, size);

  let partition: Partition;
  let scan: readonly Resolution[] = [];
  if (convention.followed) {
    partition = joinAtoms(correctStrays(byLabel(convention.labels), structure), pins.atoms);
  } else {
    const families = nameFamilies({ evidence, structure, pins, size });
    const consensus = findConsensus({ size, signals: evidence.signals, atoms: families, seed, quick: effort.quick ?? false });
    scan = consensus.scan;
    partition = consensus.agreedBy(MAJORITY);
  }
  const placement = new Placement({ pairs: evidence.pairs, partition, atoms: pins.atoms, apart: pins.apart });
  if (!convention.followed) {
    placement.settle();
    placement.joinSatellites();
  }
  // From here on nothing joins what a pin keeps apart.
  placement.separate();
  const isolated = (table: number): boolean => at(degree, table) === 0;
  placement.setAside((table) => isolated(table) && placement.sizeOf(table) === 1);
  placement.joinSmall(options.minTables ?? 2);
  if (options.maxTables !== undefined) placement.splitLarge(options.maxTables, seed);
  partition = placement.partition();
  const settled = partition;
  let made: Hierarchy | undefined;
  const hierarchy = (): Hierarchy => (made ??= new Hierarchy({ pairs: evidence.pairs, partition: settled, atoms: pins.atoms, apart: pins.apart }));
  if (options.services !== undefined) partition = levelOf(hierarchy(), options.services);
  return {
    partition,
    convention,
    scan,
    method: convention.followed ? 'names' : 'structure',
    hierarchy,
    apart: pins.apart,
  };
}

/** Two groups are one service if most variants at most resolutions say so. */
const MAJORITY = 0.5;

/**
 * Tables with the same first word that the structure links directly (`product`, `product_image`)
 * move as one, unless names were found to say nothing here.
 */
function nameFamilies(options: {
  readonly evidence: Evidence;
  readonly structure: PairWeights;
  readonly pins: Pins;
  readonly size: number;
}): Atoms {
  const { evidence, structure, pins, size } = options;
  const names = evidence.signals.find((signal) => signal.id === 'names');
  if (!names || names.factor <= names.weight / 2) return pins.atoms;
  const group = Int32Array.from(pins.atoms.of);
  const root = (atom: number): number => {
    let top = atom;
    while (at(parent, top) !== top) top = at(parent, top);
    return top;
  };
  const parent = Int32Array.from({ length: pins.atoms.count }, (_, i) => i);
  const divided = new Set(pins.apart.flat().map((table) => at(pins.atoms.of, table)));
  for (const [a, b] of structure.entries()) {
    if (itemAt(evidence.words, a)[0] !== itemAt(evidence.words, b)[0]) continue;
    const x = root(at(group, a));
    const y = root(at(group, b));
    // A table that a pin keeps apart stays free to move.
    if (divided.has(at(group, a)) || divided.has(at(group, b))) continue;
    parent[Math.max(x, y)] = Math.min(x, y);
  }
  for (let table = 0; table < size; table += 1) group[table] = root(at(group, table));
  return { of: group, count: renumber(group) };
}

/** An exact number that tables or pins do not allow is refused rather than quietly missed. */
function levelOf(hierarchy: Hierarchy, asked: number): Partition {
  const groups = hierarchy.at(asked);
  if (groups) return hierarchy.partitionOf(groups);
  const { least, most } = hierarchy.range;
  throw new BanyanError('BANYAN_ANALYZE_PINS', {
    message: `${asked} services were asked for; the tables that are bound to others, and the pins, allow ${least === most ? least : `${least} to ${most}`}.`,
  });
}

interface Pins {
  readonly atoms: Atoms;
  readonly apart: readonly (readonly number[])[];
}

function readPins(monolith: Monolith, options: AnalyzeOptions): Pins {
  const index = (text: string): number => {
    const name = parseTableName(text);
    const found = monolith.indexOf.get(monolith.partitions.get(name) ?? name);
    if (found === undefined) {
      const close = nearest(name, monolith.indexOf.keys());
      throw new BanyanError('BANYAN_TABLE_UNKNOWN', {
        message: `keep or apart names ${name}; expected one of the schema's ${monolith.tables.length} tables.${close === undefined ? '' : ` Did you mean ${close}?`}`,
      });
    }
    return found;
  };
  const group = Int32Array.from({ length: monolith.tables.length }, (_, i) => i);
  for (const names of options.keep ?? []) {
    const members = names.map(index);
    const merged = new Set(members.map((member) => group[member]));
    const into = Math.min(...members.map((member) => at(group, member)));
    for (let i = 0; i < group.length; i += 1) if (merged.has(group[i])) group[i] = into;
  }
  const apart = (options.apart ?? []).map((names) => names.map(index));
  for (const members of apart) {
    if (new Set(members.map((member) => group[member])).size < members.length) {
      const names = members.map((member) => monolith.tables[member]?.name).join(', ');
      throw new BanyanError('BANYAN_ANALYZE_PINS', { message: `${names} are to be kept together and apart at once.` });
    }
  }
  return { atoms: { of: group, count: renumber(group) }, apart };
}

function byLabel(labels: readonly string[]): Partition {
  const numbers = new Map<string, number>();
  return Int32Array.from(labels, (label) => {
    const number = numbers.get(label) ?? numbers.size;
    numbers.set(label, number);
    return number;
  });
}

/** A table that its name misplaced has this share of its ties with one other service, */
const STRAY = 0.6;
/** to at least so many of its tables. */
const STRAY_TIES = 2;

/**
 * Moves single tables whose names mislead: nothing ties them to the service that their name says, and
 * several tables of one other service do.
 */
function correctStrays(labels: Partition, structure: PairWeights): Partition {
  const links = Array.from(labels, () => new Map<number, { weight: number; tables: number }>());
  const add = (table: number, other: number, weight: number): void => {
    const row = itemAt(links, table);
    const link = row.get(at(labels, other)) ?? { weight: 0, tables: 0 };
    row.set(at(labels, other), { weight: link.weight + weight, tables: link.tables + 1 });
  };
  for (const [a, b, weight] of structure.entries()) {
    add(a, b, weight);
    add(b, a, weight);
  }
  return labels.map((own, table): number => {
    const row = itemAt(links, table);
    const total = [...row.values()].reduce((sum, link) => sum + link.weight, 0);
    const [best] = [...row].sort((x, y) => y[1].weight - x[1].weight || x[0] - y[0]);
    if (!best || best[0] === own) return own;
    const stray = !row.has(own) && best[1].weight >= total * STRAY && best[1].tables >= STRAY_TIES;
    return stray ? best[0] : own;
  });
}

/** Puts every atom where most of its tables are. */
function joinAtoms(partition: Partition, atoms: Atoms): Partition {
  const votes = Array.from({ length: atoms.count }, () => new Map<number, number>());
  partition.forEach((service, table) => {
    count(itemAt(votes, at(atoms.of, table)), service);
  });
  const winners = votes.map((row) => itemAt([...row].sort((a, b) => b[1] - a[1] || a[0] - b[0]), 0)[0]);
  return Int32Array.from(atoms.of, (atom) => at(winners, atom));
}

export function degrees(pairs: PairWeights, size: number): Float64Array {
  const degree = new Float64Array(size);
  for (const [a, b, weight] of pairs.entries()) {
    increase(degree, a, weight);
    increase(degree, b, weight);
  }
  return degree;
}
