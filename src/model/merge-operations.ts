import type { WriteOperation } from './workload.ts';

/** Operations by table and kind, in the order they first come: a thousand alike are one. */
export function mergeOperations(operations: readonly WriteOperation[]): WriteOperation[] {
  const merged = new Map<string, WriteOperation>();
  for (const operation of operations) {
    const key = `${operation.kind} ${operation.table}`;
    const known = merged.get(key);
    const columns = [...new Set([...(known?.columns ?? []), ...(operation.columns ?? [])])];
    const relative = [...new Set([...(known?.relative ?? []), ...(operation.relative ?? [])])];
    const falling = [...new Set([...(known?.falling ?? []), ...(operation.falling ?? [])])];
    const found = { ...(columns.length > 0 ? { columns } : {}), ...(relative.length > 0 ? { relative } : {}), ...(falling.length > 0 ? { falling } : {}) };
    merged.set(key, { ...operation, ...found });
  }
  return [...merged.values()];
}
