import { splitTableName } from '../model/names.ts';
import pluralize from 'pluralize';
import type { Monolith, Reference } from './input.ts';
import type { NameWords } from './name-signal.ts';
import { visibleWords } from './words.ts';
import { at, count, counted, itemAt } from './lookup.ts';

/**
 * A name for each service from the words of its own tables: the label of a followed convention,
 * else the word that most of its tables share and few others have, else its most referred-to table.
 */
export function nameServices(options: {
  readonly monolith: Monolith;
  readonly members: readonly (readonly number[])[];
  readonly words: NameWords;
  readonly references: readonly Reference[];
  readonly labels?: readonly string[];
  /** Tables that say little about the service they are in: reference data, logs. */
  readonly unimportant?: ReadonlySet<number>;
}): string[] {
  const taken = new Set<string>();
  const visible = options.monolith.tables.map((table) => visibleWords(splitTableName(table.name).table));
  // Where names have separators, the words people see are better than those a compound was split into.
  const separated = visible.filter((list) => list.length > 1).length >= visible.length / 4;
  const words = separated ? visible : options.words;
  const everywhere = new Map<string, number>();
  for (const list of words) {
    for (const word of new Set(list)) count(everywhere, word);
  }
  const bySize = [...options.members.keys()].sort(
    (a, b) => itemAt(options.members, b).length - itemAt(options.members, a).length || a - b,
  );
  const names: string[] = options.members.map(() => '');
  for (const service of bySize) {
    const all = itemAt(options.members, service);
    const own = all.filter((table) => !options.unimportant?.has(table));
    const members = own.length > 0 ? own : all;
    const { labels } = options;
    const candidates = labels
      ? [mostCommon(members.map((table) => itemAt(labels, table)))]
      : rankedWords(members, { ...options, words }, everywhere);
    const central = splitTableName(itemAt(options.monolith.tables, at(members, 0)).name).table;
    const name = [...candidates, central].map(identifier).find((candidate) => candidate !== '' && !taken.has(candidate));
    let unique = name ?? 'service';
    for (let number = 2; taken.has(unique); number += 1) unique = `service-${number}`;
    taken.add(unique);
    names[service] = unique;
  }
  return names;
}

function rankedWords(
  members: readonly number[],
  options: { readonly monolith: Monolith; readonly words: NameWords; readonly references: readonly Reference[] },
  everywhere: ReadonlyMap<string, number>,
): string[] {
  const inside = new Set(members);
  const scores = new Map<string, number>();
  for (const table of members) {
    const words = itemAt(options.words, table);
    const referrers = options.references.filter((item) => item.parent === table && inside.has(item.child)).length;
    words.forEach((word, position) => {
      if (/^\d+$/.test(word) || word.length < 2) return;
      const entity = words.length === 1 ? 1 + referrers : 0;
      count(scores, word, (position === 0 ? 1 : 0.4) + entity * 0.5);
    });
  }
  return [...scores]
    .map(([word, score]) => {
      const holders = members.filter((table) => options.words[table]?.includes(word)).length;
      return { word, score: (score * holders) / counted(everywhere, word) };
    })
    .sort((a, b) => b.score - a.score || (a.word < b.word ? -1 : 1))
    .map(({ word }) => pluralize.plural(word));
}

function mostCommon(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) count(counts, value);
  return itemAt([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)), 0)[0];
}

/** Lower-case letters, digits and hyphens: what a host name or a configuration key may be. */
function identifier(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}
