/** Keys of a leaf, as a power of two. */
export const LEAF_SHIFT = 8;

/** Leaves of one width, in order. */
export interface TouchedLeaves {
  readonly shift: number;
  readonly leaves: readonly bigint[];
}

export const inOrder = (leaves: readonly bigint[]): bigint[] => leaves.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** Leaves by their width, the coarsest first, each once, and none that a coarser one holds. */
export function touchedLeaves(marks: readonly { readonly shift: number; readonly leaf: bigint }[]): readonly TouchedLeaves[] {
  const byShift = new Map<number, Set<bigint>>();
  for (const { shift, leaf } of marks) {
    const leaves = byShift.get(shift);
    if (leaves) leaves.add(leaf);
    else byShift.set(shift, new Set([leaf]));
  }
  const shifts = [...byShift.keys()].sort((a, b) => b - a);
  return shifts.flatMap((shift, i): TouchedLeaves[] => {
    const coarser = shifts.slice(0, i);
    const leaves = [...(byShift.get(shift) ?? [])].filter((leaf) => !coarser.some((wide) => byShift.get(wide)?.has(leaf >> BigInt(wide - shift))));
    return leaves.length === 0 ? [] : [{ shift, leaves: inOrder(leaves) }];
  });
}

/** Parts of so many neighbourhoods of leaves at most, and of so many leaves. */
export function* inParts({ shift, leaves }: TouchedLeaves, most: { readonly ranges: number; readonly leaves: () => number }): Generator<TouchedLeaves> {
  let part: bigint[] = [];
  let ranges = 0;
  let last: bigint | undefined;
  for (const leaf of leaves) {
    const neighbour = last !== undefined && leaf === last + 1n;
    if (part.length > 0 && (part.length >= most.leaves() || (!neighbour && ranges >= most.ranges))) {
      yield { shift, leaves: part };
      part = [];
      ranges = 0;
    }
    if (part.length === 0 || !neighbour) ranges += 1;
    part.push(leaf);
    last = leaf;
  }
  if (part.length > 0) yield { shift, leaves: part };
}
