import type { Division } from './division.ts';
import type { HierarchyNode } from './document.ts';
import type { Group, Hierarchy } from './hierarchy.ts';
import type { Monolith } from './input.ts';
import { itemAt } from './lookup.ts';

/** Groups of so few tables are not divided in the document. */
const SMALLEST = 3;

/** The hierarchy as a tree that can be climbed, with the services of the answer in it. */
export function describeHierarchy(monolith: Monolith, hierarchy: Hierarchy, division: Division): HierarchyNode {
  const services = new Map(division.members.map((members, service) => [members.join(), itemAt(division.names, service)]));
  const nodes = hierarchy.roots.map((root) => nodeOf(root, { monolith, services }));
  const [only] = nodes;
  if (only && nodes.length === 1) return only;
  // Pins keep the roots apart, or there is nothing to divide.
  return { tables: nodes.reduce((sum, { tables }) => sum + tables, 0), resolution: 0, parts: nodes };
}

function nodeOf(group: Group, context: { readonly monolith: Monolith; readonly services: ReadonlyMap<string, string> }): HierarchyNode {
  const service = context.services.get(group.tables.join());
  const named = service === undefined ? {} : { service };
  if (group.parts.length === 0 || (group.tables.length <= SMALLEST && !holdsService(group, context.services))) {
    return { tables: group.tables.length, ...named, members: group.tables.map((table) => itemAt(context.monolith.tables, table).name) };
  }
  const resolution = Number.isFinite(group.resolution) ? { resolution: Number(group.resolution.toPrecision(4)) } : {};
  return { tables: group.tables.length, ...named, ...resolution, parts: group.parts.map((part) => nodeOf(part, context)) };
}

/** Whether a part of it is a service of the answer. */
function holdsService(group: Group, services: ReadonlyMap<string, string>): boolean {
  return group.parts.some((part) => services.has(part.tables.join()) || holdsService(part, services));
}
