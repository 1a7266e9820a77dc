/** Deeper than this nobody writes, no schema here goes, and no reader's stack need follow. */
export const DEEPEST = 500;

/** Whether a document is nested deeper than {@link DEEPEST}. Level by level, so that no depth can exhaust the stack; what is shared by aliases is looked at once a level. */
export function isDeeper(root: unknown): boolean {
  let level = new Set<unknown>([root]);
  for (let depth = 0; level.size > 0; depth += 1) {
    if (depth > DEEPEST) return true;
    const next = new Set<unknown>();
    for (const each of level) {
      if (typeof each !== 'object' || each === null) continue;
      for (const child of Object.values(each)) if (typeof child === 'object' && child !== null) next.add(child);
    }
    level = next;
  }
  return false;
}
