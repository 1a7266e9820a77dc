import { adjustedRandIndex } from './compare.ts';
import { divide, type Division, type DivisionContext } from './division.ts';
import type { Alternative, Level } from './document.ts';
import type { Hierarchy } from './hierarchy.ts';
import { at, count, counted as countedIn } from './lookup.ts';
import type { Partition } from './leiden.ts';
import { round } from './metrics.ts';
import { counted, percent, whole } from './text.ts';
import { writesKeptWhole } from './transactions.ts';

/** Another division is worth a reader's time from this much more of what it is better in. */
const GAIN = { writes: 0.005, keys: 0.03, largest: 0.8 };
/** Closer than this to one already told, it is the same answer again. */
const SAME = 0.97;
/** Nobody wants most of the monolith in one service for the sake of a few transactions. */
const LARGEST_SHARE = 0.5;
/** Finer levels than this many times the services are not looked at. */
const FINEST = 2;

/** Services of so few tables are small enough. */
const SMALL = 6;

interface Sketch {
  readonly partition: Partition;
  readonly services: number;
  readonly largest: number;
  readonly writes: number;
  readonly keys: number;
}

/** What every level of the hierarchy would mean, from the coarsest to twice the services chosen. */
export function describeLevels(context: DivisionContext, hierarchy: Hierarchy, chosen: number): Level[] {
  const { least, most } = hierarchy.range;
  const levels: Level[] = [];
  for (let services = least; services <= Math.min(most, Math.max(FINEST * chosen, 8)); services += 1) {
    const groups = hierarchy.at(services);
    if (!groups) continue;
    const { largest, writes, keys } = sketch(context, hierarchy.partitionOf(groups));
    levels.push({ services, largest, writesKeptWhole: round(writes), keysKept: round(keys) });
  }
  return levels;
}

/**
 * Two or three other divisions, only where the trade is real: better than the chosen one in whole
 * transactions, in whole keys or in the size of the largest service, and worse in another of these.
 */
export function findAlternatives(
  context: DivisionContext,
  options: { readonly chosen: Division; readonly hierarchy: Hierarchy; readonly apart: readonly (readonly number[])[] },
): Alternative[] {
  const { chosen, hierarchy } = options;
  const base = sketch(context, chosen.partition);
  const limit = Math.max(base.largest, context.monolith.tables.length * LARGEST_SHARE);
  const levels = (from: number, to: number): Sketch[] =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => hierarchy.at(from + i)).flatMap((groups) => (groups ? [sketch(context, hierarchy.partitionOf(groups))] : []));
  const coarser = levels(Math.max(2, hierarchy.range.least), base.services - 1).filter(({ largest }) => largest <= limit);
  const finer = base.largest <= SMALL ? [] : levels(base.services + 1, FINEST * base.services);
  const torn = joinedByTransactions(context, { base, apart: options.apart, limit });
  const growth = (item: Sketch): number => Math.max(1, item.largest - base.largest + base.services - item.services);
  const candidates: readonly (readonly [string, readonly Sketch[], (item: Sketch) => number])[] = [
    ['fewer transactions torn', torn.filter(({ writes }) => writes >= base.writes + GAIN.writes), (item) => (item.writes - base.writes) / growth(item) ** 0.5],
    ['fewer, larger services', coarser.filter(({ writes, keys }) => keys >= base.keys + GAIN.keys || writes >= base.writes + GAIN.writes), (item) => (item.writes - base.writes + item.keys - base.keys) / growth(item) ** 0.5],
    ['more, smaller services', finer.filter(({ largest }) => largest <= base.largest * GAIN.largest), (item) => (1 - item.largest / base.largest) / (0.02 + Math.max(0, base.writes - item.writes) + Math.max(0, base.keys - item.keys))],
  ];
  const told: Partition[] = [chosen.partition];
  return candidates.flatMap(([name, sketches, worth]): Alternative[] => {
    const fresh = sketches.filter(({ partition }) => told.every((other) => adjustedRandIndex(partition, other) < SAME));
    const [best] = [...fresh].sort((a, b) => worth(b) - worth(a) || a.services - b.services);
    if (!best) return [];
    told.push(best.partition);
    const division = divide(context, best.partition);
    return [{
      name, services: division.services, order: division.order, metrics: division.metrics, cuts: division.cuts.length,
      distributedCalls: tornCalls(division), largest: best.largest, trades: trade(context, { chosen, base, division, best }),
    }];
  });
}

function sketch({ monolith, evidence }: DivisionContext, partition: Partition): Sketch {
  const sizes = new Map<number, number>();
  for (const service of partition) if (service >= 0) count(sizes, service);
  const kept = evidence.references.filter(({ child, parent }) => at(partition, child) === at(partition, parent)).length;
  return {
    partition, services: sizes.size, largest: Math.max(0, ...sizes.values()),
    writes: writesKeptWhole(monolith, (table) => partition[table]),
    keys: evidence.references.length === 0 ? 1 : kept / evidence.references.length,
  };
}

/** Joins, again and again, the two services between which most calls are torn, as far as size and pins allow. */
function joinedByTransactions(
  context: DivisionContext,
  { base, apart, limit }: { readonly base: Sketch; readonly apart: readonly (readonly number[])[]; readonly limit: number },
): Sketch[] {
  const found: Sketch[] = [];
  let current = base;
  while (current.services > 2) {
    const { partition } = current;
    const torn = new Map<string, number>();
    for (const { calls, writes } of context.monolith.transactions) {
      const services = [...new Set(writes.map((table) => at(partition, table)))].filter((service) => service >= 0).sort((a, b) => a - b);
      // Joining two of many does not make a transaction whole, but is a step to it.
      services.forEach((a, i) => services.slice(i + 1).forEach((b) => count(torn, `${a} ${b}`, calls / (services.length - 1))));
    }
    const sizes = new Map<number, number>();
    for (const service of partition) count(sizes, service);
    const allowed = (a: number, b: number): boolean =>
      countedIn(sizes, a) + countedIn(sizes, b) <= limit &&
      apart.every((group) => !(group.some((table) => partition[table] === a) && group.some((table) => partition[table] === b)));
    const pairs = [...torn].map(([key, calls]) => ({ pair: key.split(' ').map(Number), calls })).filter(({ pair: [a = -1, b = -1] }) => allowed(a, b));
    const [heaviest] = pairs.sort((x, y) => y.calls - x.calls || at(x.pair, 0) - at(y.pair, 0) || at(x.pair, 1) - at(y.pair, 1));
    if (!heaviest) break;
    const [into, from] = [at(heaviest.pair, 0), at(heaviest.pair, 1)];
    current = sketch(context, numbered(partition.map((service) => (service === from ? into : service))));
    found.push(current);
  }
  return found;
}

function numbered(partition: Partition): Partition {
  const numbers = new Map<number, number>();
  return partition.map((service) => {
    if (service < 0) return service;
    const number = numbers.get(service) ?? numbers.size;
    numbers.set(service, number);
    return number;
  });
}

function tornCalls(division: Division): number {
  return division.transactions.distributed.reduce((sum, { calls }) => sum + calls, 0);
}

function trade(
  context: DivisionContext,
  { chosen, base, division, best }: { readonly chosen: Division; readonly base: Sketch; readonly division: Division; readonly best: Sketch },
): string {
  const { usage } = context;
  const workload = context.monolith.transactions.some(({ writes }) => writes.length > 0);
  const calls = tornCalls(division) - tornCalls(chosen);
  const said = (better: boolean): string[] => [
    ...(!workload || calls === 0 || calls < 0 !== better ? [] : [`${usage.says(Math.abs(calls))} of transactions ${better ? 'fewer' : 'more'} are torn (${percent(best.writes)} of writing ones stay whole, not ${percent(base.writes)})`]),
    ...(division.cuts.length === chosen.cuts.length || division.cuts.length < chosen.cuts.length !== better ? [] : [`${counted(division.cuts.length, 'key')} ${division.cuts.length === 1 ? 'is' : 'are'} cut, not ${whole(chosen.cuts.length)}`]),
    ...(best.largest === base.largest || best.largest < base.largest !== better ? [] : [`the largest service has ${counted(best.largest, 'table')}, not ${whole(base.largest)}`]),
    ...(best.services === base.services || best.services > base.services !== better ? [] : [`there are ${counted(best.services, 'service')}, not ${whole(base.services)}`]),
  ];
  const [gains, costs] = [said(true), said(false)];
  return `${gains.join(', ')}${costs.length === 0 ? '' : `; for it ${costs.join(', ')}`}`;
}

