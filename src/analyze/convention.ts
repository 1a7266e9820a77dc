import { splitTableName } from '../model/names.ts';
import type { PairWeights } from './graph.ts';
import { visibleWords } from './words.ts';
import { count, counted } from './lookup.ts';

/** A naming convention: which group each table's name puts it in, and whether to believe it. */
export interface Convention {
  /** The label of each table; tables of one label claim to belong together. */
  readonly labels: readonly string[];
  /** What the labels are taken from. */
  readonly source: 'schemas' | 'prefixes' | 'none';
  /** Share of tables whose label at least two tables have. */
  readonly coverage: number;
  /** Share of structural weight inside labels against chance: 0 no better than chance. */
  readonly agreement: number;
  /** Whether the labels name modules, so that their groups are kept together. */
  readonly followed: boolean;
}

const MOST = 0.8;
const AGREES = 0.15;

/**
 * Looks for the owners' own modules in the names: database schemas, or a first word that tables
 * share (`order_line`, `order_note`), without one that nearly all have (`shop_`). A first word that
 * is itself a table (`orders`, `order_items`) names an entity rather than a module. A convention is
 * followed if it covers most tables in groups of some size and the structure agrees with it.
 */
export function findConvention(names: readonly string[], structure: PairWeights): Convention {
  const parts = names.map(splitTableNameText);
  const schemas = new Set(parts.map((part) => part.schema));
  const candidates: { readonly source: 'schemas' | 'prefixes'; readonly labels: string[]; readonly bare: number }[] = [];
  const largest = Math.max(...[...schemas].map((schema) => parts.filter((part) => part.schema === schema).length), 0);
  if (schemas.size > 2 || (schemas.size === 2 && largest <= names.length * 0.7)) {
    if (largest <= names.length * 0.7) {
      candidates.push({ source: 'schemas', labels: parts.map((part) => part.schema), bare: 0 });
    }
  }
  candidates.push(prefixLabels(parts));
  const judged = candidates.map((candidate) => judge(candidate, structure));
  return (
    judged.find((convention) => convention.followed) ??
    judged.at(-1) ?? { labels: [], source: 'none', coverage: 0, agreement: 0, followed: false }
  );
}

function splitTableNameText(name: string): { readonly schema: string; readonly table: string } {
  return splitTableName(name);
}

function prefixLabels(parts: readonly { readonly schema: string; readonly table: string }[]): {
  readonly source: 'prefixes';
  readonly labels: string[];
  readonly bare: number;
} {
  let words = parts.map((part) => visibleWords(part.table));
  for (let depth = 0; depth < 3; depth += 1) {
    const counts = countBy(words.map((list) => list[0] ?? ''));
    const common = [...counts].find(([word, count]) => word !== '' && count >= words.length * MOST);
    if (!common) break;
    words = words.map((list) => (list[0] === common[0] && list.length > 1 ? list.slice(1) : list));
  }
  const labels = words.map((list) => list[0] ?? '');
  const groups = countBy(labels);
  const bare = new Set(words.flatMap((list) => (list.length === 1 && counted(groups, list[0] ?? '') > 1 ? list : [])));
  const shared = [...groups.values()].filter((count) => count > 1).length;
  return { source: 'prefixes', labels, bare: shared === 0 ? 1 : bare.size / shared };
}

function judge(
  candidate: { readonly source: 'schemas' | 'prefixes'; readonly labels: readonly string[]; readonly bare: number },
  structure: PairWeights,
): Convention {
  const groups = countBy(candidate.labels);
  const total = candidate.labels.length;
  let covered = 0;
  let shared = 0;
  for (const count of groups.values()) {
    if (count < 2) continue;
    covered += count;
    shared += 1;
  }
  const coverage = total === 0 ? 0 : covered / total;
  const agreement = labelAgreement(candidate.labels, structure);
  const sized = shared >= 2 && covered / shared >= 3;
  const sparse = structure.size < total / 2;
  const followed = coverage >= MOST && sized && candidate.bare <= 0.34 && (agreement >= AGREES || sparse);
  return { labels: candidate.labels, source: candidate.source, coverage, agreement, followed };
}

/** How much more of the structure lies inside the labels than a random assignment of them would put there. */
export function labelAgreement(labels: readonly string[], structure: PairWeights): number {
  let inside = 0;
  let total = 0;
  for (const [a, b, weight] of structure.entries()) {
    total += weight;
    if (labels[a] === labels[b]) inside += weight;
  }
  const size = labels.length;
  if (total === 0 || size < 2) return 0;
  let pairs = 0;
  for (const count of countBy(labels).values()) pairs += count * (count - 1);
  const expected = pairs / (size * (size - 1));
  return expected >= 1 ? 0 : Math.max(0, (inside / total - expected) / (1 - expected));
}

/** A group of names is a module if so much more of its tables' ties stays inside it than chance would have it. */
const ANCHORED = 0.3;

/**
 * Which tables a convention names that holds for some of the tables only (half of a monolith has
 * prefixes, what came later has none): those of groups of three or more that the structure confirms
 * one by one. Nobody, where such groups are a few tables or nearly all.
 */
export function anchoredTables(names: readonly string[], structure: PairWeights): readonly boolean[] {
  const { labels, bare } = prefixLabels(names.map(splitTableNameText));
  const counts = countBy(labels);
  const inside = new Map<string, number>();
  const touching = new Map<string, number>();
  for (const [a, b, weight] of structure.entries()) {
    const x = labels[a] ?? '';
    const y = labels[b] ?? '';
    count(touching, x, weight);
    if (x === y) count(inside, x, weight);
    else count(touching, y, weight);
  }
  const anchored = labels.map((label) => {
    const size = counted(counts, label);
    const expected = size / labels.length;
    const kept = counted(inside, label) / (counted(touching, label) || 1);
    return size >= 3 && kept - expected >= ANCHORED * (1 - expected);
  });
  const share = anchored.filter(Boolean).length / Math.max(1, labels.length);
  return bare <= 0.34 && share >= 1 - MOST && share <= MOST ? anchored : labels.map(() => false);
}

export function countBy(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) count(counts, value);
  return counts;
}
