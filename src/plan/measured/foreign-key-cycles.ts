import type { TableName } from '../../model/names.ts';
import type { Table } from '../../model/schema.ts';

/** Rings of tables that refer to each other, each as its tables in order of name; a table that refers to itself is none. */
export function foreignKeyCycles(tables: readonly Table[]): readonly (readonly TableName[])[] {
  const next = new Map(tables.map(({ name, foreignKeys }) => [name, foreignKeys.map(({ references }) => references).filter((other) => other !== name)]));
  const reach = new Map([...next.keys()].map((name) => [name, reachableFrom(name, next)]));
  const rings = new Map<string, readonly TableName[]>();
  for (const [name, reached] of reach) {
    if (!reached.has(name)) continue;
    const ring = [...reached].filter((other) => reach.get(other)?.has(name) === true).toSorted();
    rings.set(ring.join(' '), ring);
  }
  return [...rings.values()];
}

function reachableFrom(name: TableName, next: ReadonlyMap<TableName, readonly TableName[]>): ReadonlySet<TableName> {
  const seen = new Set<TableName>();
  const open = [...(next.get(name) ?? [])];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    open.push(...(next.get(at) ?? []));
  }
  return seen;
}
