import { splitTableName } from '../model/names.ts';
import { combine, PairWeights } from './graph.ts';
import { anchoredTables } from './convention.ts';
import { inferReferences } from './inferred-keys.ts';
import type { Monolith, Reference } from './input.ts';
import { keyPairs } from './key-signal.ts';
import { leiden, type Partition } from './leiden.ts';
import { namePairs, type NameWords } from './name-signal.ts';
import { seededRandom } from '../core/random.ts';
import { ownerPairs } from './owners.ts';
import { learnVocabulary } from './words.ts';
import { joinedTogether, togetherPairs, usedTogether, writtenTogether } from './workload-signal.ts';
import { at, count } from './lookup.ts';

export type SignalId = 'keys' | 'values' | 'inferred' | 'writes' | 'joins' | 'use' | 'names' | 'code' | 'owners';

/** One kind of evidence that tables belong together. */
export interface Signal {
  readonly id: SignalId;
  /** What it is, for the report. */
  readonly title: string;
  readonly pairs: PairWeights;
  /** Its weight where all signals agree. */
  readonly weight: number;
  /** How well it agrees with the communities the other signals form: 0 by chance, 1 wholly. */
  readonly agreement: number;
  /** The weight used: `weight`, reduced where it disagrees. */
  readonly factor: number;
}

export interface Evidence {
  readonly signals: readonly Signal[];
  /** Declared and inferred keys. */
  readonly references: readonly Reference[];
  readonly words: NameWords;
  readonly pairs: PairWeights;
}

const WEIGHTS: Readonly<Record<SignalId, { readonly title: string; readonly weight: number }>> = {
  keys: { title: 'foreign keys', weight: 1 },
  values: { title: 'undeclared keys, found in values', weight: 0.9 },
  inferred: { title: 'undeclared keys, from names and types', weight: 0.7 },
  writes: { title: 'written in one transaction', weight: 0.4 },
  joins: { title: 'joined in one statement', weight: 0.5 },
  use: { title: 'used in one transaction', weight: 0.1 },
  names: { title: 'words in table names', weight: 1 },
  code: { title: 'views, functions and triggers', weight: 0.5 },
  owners: { title: 'owners of code', weight: 1 },
};

/** What can be arbitrary; what the other signals say is fact, if not always about ownership. */
const CLAIMS: ReadonlySet<SignalId> = new Set(['names', 'owners']);
/** Agreement from which a signal counts in full. */
const FULL_AGREEMENT = 0.25;

/** Measures every signal, weighs it by how well it agrees with the rest, and adds them up. */
export function gatherEvidence(monolith: Monolith): Evidence {
  const size = monolith.tables.length;
  const names = monolith.tables.map((table) => splitTableName(table.name).table);
  const columns = monolith.tables.flatMap((table) => table.columns.map((column) => column.name));
  const vocabulary = learnVocabulary(names, columns);
  const words = names.map((name) => vocabulary.words(name));
  const inferred = inferReferences(monolith, vocabulary);
  const measured: readonly { readonly id: SignalId; readonly pairs: PairWeights }[] = [
    { id: 'keys', pairs: keyPairs(monolith, monolith.references) },
    { id: 'values', pairs: keyPairs(monolith, monolith.confirmed) },
    { id: 'inferred', pairs: keyPairs(monolith, inferred) },
    { id: 'writes', pairs: writtenTogether(monolith) },
    { id: 'joins', pairs: joinedTogether(monolith) },
    { id: 'use', pairs: usedTogether(monolith) },
    { id: 'names', pairs: namePairs(words) },
    { id: 'owners', pairs: ownerPairs(monolith.owners) },
    { id: 'code', pairs: togetherPairs(size, monolith.code.map((members) => ({ members, calls: 1 }))) },
  ];
  const structure = combine(
    size,
    measured.filter(({ id }) => !CLAIMS.has(id)).map(({ id, pairs }) => ({ pairs, factor: WEIGHTS[id].weight })),
  );
  const communities = leiden(structure.toGraph(), { resolution: 1, random: seededRandom(1) });
  const hasStructure = structure.size >= size / 2;
  const anchored = anchoredTables(monolith.tables.map((table) => table.name), structure);
  const signals = measured.map(({ id, pairs: found }): Signal => {
    const pairs = id === 'names' ? trustedNames(found, anchored, communities) : found;
    const agreement = agreementWith(pairs, communities);
    const { title, weight } = WEIGHTS[id];
    const trust = CLAIMS.has(id) && hasStructure ? Math.min(1, agreement / FULL_AGREEMENT) ** 2 : 1;
    return { id, title, pairs, weight, agreement, factor: pairs.size === 0 ? 0 : weight * trust };
  });
  return {
    signals,
    references: [...monolith.references, ...monolith.confirmed, ...inferred],
    words,
    pairs: combine(size, signals),
  };
}

/**
 * Where a convention holds for some tables only, the names of the others are judged by themselves:
 * that `billing_invoice` belongs to `billing_payment` says nothing of what `redwillow` means.
 */
function trustedNames(pairs: PairWeights, anchored: readonly boolean[], communities: Partition): PairWeights {
  if (!anchored.includes(true)) return pairs;
  const size = anchored.length;
  const inside = new PairWeights(size);
  const others = new PairWeights(size);
  for (const [a, b, weight] of pairs.entries()) (anchored[a] && anchored[b] ? inside : others).add(a, b, weight);
  const trust = Math.min(1, agreementWith(others, communities) / FULL_AGREEMENT) ** 2;
  return combine(size, [{ pairs: inside, factor: 1 }, { pairs: others, factor: trust }]);
}

/** The share of a signal's weight inside the communities, against what chance would put there. */
export function agreementWith(pairs: PairWeights, communities: Partition): number {
  const total = pairs.total;
  if (total === 0) return 0;
  const mass = new Map<number, number>();
  let inside = 0;
  for (const [a, b, weight] of pairs.entries()) {
    const ca = at(communities, a);
    const cb = at(communities, b);
    count(mass, ca, weight);
    count(mass, cb, weight);
    if (ca === cb) inside += weight;
  }
  let expected = 0;
  for (const value of mass.values()) expected += (value / (2 * total)) ** 2;
  return expected >= 1 ? 0 : Math.max(0, (inside / total - expected) / (1 - expected));
}
