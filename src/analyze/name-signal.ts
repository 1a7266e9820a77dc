import { PairWeights } from './graph.ts';
import { at, counted } from './lookup.ts';

/** A table's words, the first of which say most about where it belongs. */
export type NameWords = readonly (readonly string[])[];

/**
 * Tables that share rare words. A word counts by its rarity, more at the beginning of the name than
 * at its end, and is divided among all tables that have it, so one word can't fill the graph.
 */
export function namePairs(names: NameWords): PairWeights {
  const size = names.length;
  const holders = new Map<string, Map<number, number>>();
  names.forEach((words, table) => {
    words.forEach((word, position) => {
      const weight = position === 0 ? 1 : 0.5;
      const tables = holders.get(word) ?? new Map<number, number>();
      tables.set(table, Math.max(counted(tables, table), weight));
      holders.set(word, tables);
    });
  });
  const rarity = (word: string): number => {
    const count = holders.get(word)?.size ?? 1;
    return count >= size * 0.8 ? 0 : Math.log(size / count) / Math.log(Math.max(2, size));
  };
  const norms = names.map((words) => {
    const distinct = new Map<string, number>();
    words.forEach((word, position) => distinct.set(word, Math.max(counted(distinct, word), position === 0 ? 1 : 0.5)));
    let sum = 0;
    for (const [word, weight] of distinct) sum += (weight * rarity(word)) ** 2;
    return Math.sqrt(sum) || 1;
  });
  const pairs = new PairWeights(size);
  for (const [word, positions] of [...holders].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const tables = [...positions];
    const value = rarity(word);
    if (tables.length < 2 || value === 0) continue;
    tables.forEach(([a, weightA], i) => {
      for (const [b, weightB] of tables.slice(i + 1)) {
        const cosine = (weightA * weightB * value * value) / (at(norms, a) * at(norms, b));
        pairs.add(a, b, cosine / Math.sqrt(tables.length - 1));
      }
    });
  }
  return pairs;
}
