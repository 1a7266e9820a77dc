import pluralize from 'pluralize';
import { at, count, counted, itemAt } from './lookup.ts';

const SEPARATORS = /[^A-Za-z0-9\u0080-\uffff]+/;

/** The words of an identifier as its separators and capitals show them, in lower case, singular. */
export function visibleWords(identifier: string): string[] {
  return identifier
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .split(SEPARATORS)
    .filter((word) => word !== '')
    .map((word) => singular(word.toLowerCase()));
}

const cache = new Map<string, string>();

function singular(word: string): string {
  let result = cache.get(word);
  if (result === undefined) {
    // Short words ending in s (gas, bus, sms, address) are more often singular than plural.
    result = word.length > 3 && !/(?:ss|us|is)$/.test(word) ? pluralize.singular(word) : word;
    if (cache.size > 50_000) cache.clear();
    cache.set(word, result);
  }
  return result;
}

/** Splits compounds such as `salesorderheader` into words that the same schema shows elsewhere. */
export interface Vocabulary {
  words(identifier: string): readonly string[];
}

const SHORTEST = 3;
const GENERIC = ['id', 'code', 'date', 'key', 'no', 'nr', 'num', 'uuid', 'guid'];

/**
 * Learns which strings are words: whole identifiers (tables, columns without their `id`), and
 * beginnings that several tables share. A compound is then split the way that explains it
 * with the fewest and most frequent words, and each part again.
 */
export function learnVocabulary(tables: readonly string[], columns: readonly string[]): Vocabulary {
  const counts = new Map<string, number>();
  const add = (word: string, by: number): void => {
    if (word.length >= SHORTEST) count(counts, word, by);
  };
  const tableWords = [...new Set(tables.flatMap(visibleWords))].sort();
  const columnWords = [...new Set(columns.flatMap(visibleWords))].sort();
  for (const word of [...tableWords, ...columnWords]) {
    add(word, 1);
    const suffix = GENERIC.find((generic) => word.endsWith(generic) && word.length - generic.length >= 4);
    if (suffix !== undefined) add(word.slice(0, -suffix.length), 1);
  }
  for (const word of sharedBeginnings(tableWords)) add(word, 1);
  const known = [...counts.keys()];
  const ends = new Map<string, number>();
  for (const whole of tableWords) {
    for (let cut = SHORTEST; cut <= whole.length - SHORTEST; cut += 1) {
      for (const part of [whole.slice(0, cut), whole.slice(cut)]) {
        if (counts.has(part)) count(ends, part);
      }
    }
  }
  const frequency = new Map(known.map((word) => [word, counted(counts, word) + counted(ends, word)]));
  const memo = new Map<string, readonly string[]>();
  return {
    words(identifier) {
      let result = memo.get(identifier);
      if (!result) {
        result = visibleWords(identifier).flatMap((word) => split(word, frequency));
        memo.set(identifier, result);
      }
      return result;
    },
  };
}

/** Beginnings of at least four letters that two neighbours in sorted order share. */
function sharedBeginnings(sorted: readonly string[]): string[] {
  const found = new Set<string>();
  for (let i = 1; i < sorted.length; i += 1) {
    const a = itemAt(sorted, i - 1);
    const b = itemAt(sorted, i);
    let length = 0;
    while (length < a.length && a[length] === b[length]) length += 1;
    const shared = a.slice(0, length);
    // `productre`, shared by productreview and productrecord, only lengthens a word: not one itself.
    const lengthens = sorted.some((word) => shared.startsWith(word) && shared.length - word.length < 4);
    if (length >= 4 && !lengthens) found.add(shared);
  }
  return [...found];
}

/** What a run of letters that no other name shows costs, against 1 to 2 for a known word. */
const unknownPrice = (length: number): number => 1 + 0.35 * length;

function split(word: string, frequency: ReadonlyMap<string, number>): string[] {
  if (word.length < 2 * SHORTEST) return [singular(word)];
  const cost: number[] = [0];
  const back: number[] = [0];
  for (let end = 1; end <= word.length; end += 1) {
    cost[end] = Number.POSITIVE_INFINITY;
    back[end] = 0;
    for (let start = 0; start <= end - SHORTEST; start += 1) {
      const whole = start === 0 && end === word.length;
      const seen = whole ? 0 : counted(frequency, word.slice(start, end));
      if (seen === 0 && end - start <= SHORTEST) continue;
      const own = seen > 0 ? 1 + 1 / seen : unknownPrice(end - start);
      const price = at(cost, start) + own;
      if (price < at(cost, end)) {
        cost[end] = price;
        back[end] = start;
      }
    }
  }
  const parts: string[] = [];
  for (let end = word.length; end > 0; end = at(back, end)) parts.unshift(word.slice(at(back, end), end));
  return parts.length < 2 ? [singular(word)] : parts.flatMap((part) => split(part, frequency));
}
