import type { Monolith, Reference } from './input.ts';
import { PairWeights } from './graph.ts';
import { looksLikeReference } from './shared-tables.ts';
import { at, increase, itemAt } from './lookup.ts';

/** How hard a foreign key binds, before the target's in-degree is taken into account. */
export function bindingOf(reference: Reference): 'composition' | 'required' | 'optional' {
  if (reference.inPrimaryKey || (!reference.nullable && reference.cascades)) return 'composition';
  return reference.nullable ? 'optional' : 'required';
}

const STRENGTH = { composition: 2, required: 1, optional: 0.6 } as const;
/** An extension (`salesperson` of `employee`, key to key) often belongs to whoever extends. */
const EXTENSION = 0.7;
/** How much a much-referred-to target loses: 0 nothing, 0.5 the root of its in-degree. */
const DAMPING = 0.35;
/** What is left of a key to reference data: that two tables name a country does not make them belong together. */
const REFERENCE_GLUE = 0.5;
/** What is left of a key that only says whose row it is, such as nearly all tables have. */
const TENANT_GLUE = 0.02;
/** How much the child's other keys matter: 0 not at all, 1 its keys share one unit. */
const SHARING = 0.8;

/**
 * One weight per pair of tables with a key between them. A key counts by its kind, divided by a
 * root of how many tables refer to its target, so a table that everybody refers to (users,
 * countries) does not pull them all together; then each child's keys are weighed against each
 * other: a child with one parent belongs to it wholly, one with five to each a little.
 */
export function keyPairs(monolith: Monolith, references: readonly Reference[]): PairWeights {
  const size = monolith.tables.length;
  const pairs = new PairWeights(size);
  const referrers = Array.from({ length: size }, () => new Set<number>());
  for (const reference of references) itemAt(referrers, reference.parent).add(reference.child);
  const raw = references.map((reference) => {
    const inDegree = itemAt(referrers, reference.parent).size;
    const strength = reference.tenant ? TENANT_GLUE : strengthOf(reference);
    return strength / Math.max(1, inDegree) ** DAMPING;
  });
  const out = new Float64Array(size);
  references.forEach((reference, i) => {
    increase(out, reference.child, at(raw, i));
  });
  const parents = [...new Set(references.map(({ parent }) => parent))];
  const shared = new Set(parents.filter((parent) => looksLikeReference(monolith, parent, references)));
  references.forEach((reference, i) => {
    const weight = at(raw, i);
    const share = weight / at(out, reference.child);
    const glue = shared.has(reference.parent) ? REFERENCE_GLUE : 1;
    pairs.add(reference.child, reference.parent, glue * weight ** (1 - SHARING) * share ** SHARING);
  });
  return pairs;
}

function strengthOf(reference: Reference): number {
  const binding = bindingOf(reference);
  return binding === 'composition' && reference.oneToOne ? EXTENSION : STRENGTH[binding];
}
