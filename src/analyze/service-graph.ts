import type { Cut } from './document.ts';
import { append, counted, itemAt } from './lookup.ts';

/** The circles among services whose tables refer to each other, each with its cheapest key to give up. */
export function findCycles(services: readonly string[], cuts: readonly Cut[]): { services: string[]; cheapest: Cut }[] {
  const targets = new Map<string, Set<string>>(services.map((service) => [service, new Set<string>()]));
  for (const cut of cuts) targets.get(cut.fromService)?.add(cut.toService);
  const found: { services: string[]; cheapest: Cut }[] = [];
  for (const component of stronglyConnected(services, targets)) {
    if (component.length < 2) continue;
    const members = new Set(component);
    const inside = cuts.filter((cut) => members.has(cut.fromService) && members.has(cut.toService));
    const between = new Map<string, Cut[]>();
    for (const cut of inside) {
      const key = `${cut.fromService}\n${cut.toService}`;
      append(between, key, cut);
    }
    const [cheapest] = [...between.values()].sort((a, b) => a.length - b.length)[0] ?? [];
    if (cheapest) found.push({ services: [...component].sort(), cheapest });
  }
  return found;
}

/** Strongly connected components (R. Tarjan, 1972), without recursion. */
export function stronglyConnected(
  nodes: readonly string[],
  targets: ReadonlyMap<string, ReadonlySet<string>>,
): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const components: string[][] = [];
  for (const root of nodes) {
    if (index.has(root)) continue;
    const work: { readonly node: string; readonly rest: string[] }[] = [];
    const enter = (node: string): void => {
      index.set(node, index.size);
      low.set(node, counted(index, node));
      stack.push(node);
      onStack.add(node);
      work.push({ node, rest: [...(targets.get(node) ?? [])] });
    };
    enter(root);
    for (let frame = work.at(-1); frame; frame = work.at(-1)) {
      const { node } = frame;
      const next = frame.rest.pop();
      if (next !== undefined) {
        if (!index.has(next)) enter(next);
        else if (onStack.has(next)) low.set(node, Math.min(counted(low, node), counted(index, next)));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(counted(low, parent), counted(low, node)));
      if (low.get(node) !== index.get(node)) continue;
      const component: string[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack.delete(member);
        component.push(member);
        if (member === node) break;
      }
      components.push(component);
    }
  }
  return components;
}

/**
 * The order in which to take the services out: each time the one with the least that ties it to
 * those still inside, where a key into it costs most (others must be changed for it), a key out of
 * it less, and a transaction that becomes distributed by its share of the calls.
 */
export function extractionOrder(
  services: readonly { readonly name: string; readonly tables: number }[],
  cuts: readonly Cut[],
  distributed: readonly { readonly services: readonly string[]; readonly calls: number }[],
): string[] {
  const allCalls = Math.max(1, distributed.reduce((sum, item) => sum + item.calls, 0));
  const inside = new Map(services.map((service) => [service.name, service.tables]));
  const order: string[] = [];
  while (inside.size > 0) {
    const cost = (name: string): number => {
      let total = 0;
      for (const cut of cuts) {
        if (cut.toService === name && inside.has(cut.fromService)) total += 1;
        else if (cut.fromService === name && inside.has(cut.toService)) total += 0.5;
      }
      for (const item of distributed) {
        if (item.services.includes(name)) total += (10 * item.calls) / allCalls;
      }
      return total;
    };
    const ranked = [...inside.keys()].map((name) => ({ name, cost: cost(name) }));
    ranked.sort((a, b) => a.cost - b.cost || (a.name < b.name ? -1 : 1));
    const next = itemAt(ranked, 0).name;
    order.push(next);
    inside.delete(next);
  }
  return order;
}
