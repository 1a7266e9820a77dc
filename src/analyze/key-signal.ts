import type { Monolith, Reference } from './input.ts';
import { PairWeights } from './graph.ts';

/** How hard a foreign key binds, before the target's in-degree is taken into account. */
export function bindingOf(reference: Reference): 'composition' | 'required' | 'optional' {
  if (reference.inPrimaryKey || (!reference.nullable && reference.cascades)) return 'composition';
  return reference.nullable ? 'optional' : 'required';
}

const STRENGTH = { composition: 3, required: 1, optional: 0.6 } as const;

/**
 * One weight per pair of tables with a key between them. A key counts by its kind, divided by the
 * root of how many tables refer to its target, so a table that everybody refers to (users,
 * countries) does not pull them all together; then each child's keys are weighed against each
 * other: a child with one parent belongs to it wholly, one with five to each a little.
 */
export function keyPairs(monolith: Monolith, references: readonly Reference[]): PairWeights {
  const size = monolith.tables.length;
  const pairs = new PairWeights(size);
  const referrers = Array.from({ length: size }, () => new Set<number>());
  for (const reference of references) referrers[reference.parent]?.add(reference.child);
  const raw = references.map((reference) => {
    const inDegree = referrers[reference.parent]?.size ?? 1;
    return STRENGTH[bindingOf(reference)] / Math.sqrt(Math.max(1, inDegree));
  });
  const out = new Float64Array(size);
  references.forEach((reference, i) => {
    out[reference.child] = (out[reference.child] ?? 0) + (raw[i] ?? 0);
  });
  references.forEach((reference, i) => {
    const weight = raw[i] ?? 0;
    const share = weight / (out[reference.child] ?? 1);
    pairs.add(reference.child, reference.parent, Math.sqrt(weight * share));
  });
  return pairs;
}
