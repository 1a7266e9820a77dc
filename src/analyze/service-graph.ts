import type { Cut, Cycle, RemedyKind } from './document.ts';
import { compareText } from './input.ts';
import { append, counted as countedIn, itemAt } from './lookup.ts';
import { counted, listed, shortName } from './text.ts';

/** What giving up one key of each remedy costs, against an id and a check. */
const EFFORT: Readonly<Record<RemedyKind, number>> = { own: 0.2, replicate: 0.5, id: 1, event: 2, api: 3 };

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly cuts: readonly Cut[];
  readonly cost: number;
}

/** The circles among services whose tables refer to each other, each with the cheapest edges that open it. */
export function findCycles(services: readonly string[], cuts: readonly Cut[]): Cycle[] {
  const between = new Map<string, Cut[]>();
  for (const cut of cuts) append(between, `${cut.fromService}\n${cut.toService}`, cut);
  const edges = [...between.values()].map((list): Edge => {
    const { fromService: from, toService: to } = itemAt(list, 0);
    return { from, to, cuts: list, cost: list.reduce((sum, cut) => sum + EFFORT[cut.remedyKind], 0) };
  });
  edges.sort((a, b) => a.cost - b.cost || compareText(`${a.from} ${a.to}`, `${b.from} ${b.to}`));
  return circles(services, edges).flatMap((members): Cycle[] => {
    const breaks = opening(members, edges.filter((edge) => members.includes(edge.from) && members.includes(edge.to)));
    const cheapest = breaks[0]?.cuts[0];
    if (!cheapest) return [];
    return [{ services: [...members].sort(), cheapest, breaks: breaks.map(({ from, to, cuts: keys }) => ({ from, to, keys: keys.length, cost: costInWords(keys) })) }];
  });
}

function circles(services: readonly string[], edges: readonly Edge[]): string[][] {
  const targets = new Map<string, Set<string>>(services.map((service) => [service, new Set<string>()]));
  for (const { from, to } of edges) targets.get(from)?.add(to);
  return stronglyConnected(services, targets).filter((component) => component.length > 1);
}

/** Edges without which no circle is left: the cheapest that lies on one, again and again, less what proves needless. */
function opening(members: readonly string[], edges: readonly Edge[]): Edge[] {
  let left = edges;
  const taken: Edge[] = [];
  for (let open = circles(members, left); open.length > 0; open = circles(members, left)) {
    const edge = left.find(({ from, to }) => open.some((circle) => circle.includes(from) && circle.includes(to)));
    if (!edge) break;
    taken.push(edge);
    left = left.filter((other) => other !== edge);
  }
  // The dearest is put back first, if no circle comes back with it.
  const needed = new Set(taken);
  for (const edge of taken.toReversed()) {
    if (circles(members, [...left, edge]).length > 0) continue;
    left = [...left, edge];
    needed.delete(edge);
  }
  return taken.filter((edge) => needed.has(edge));
}

function costInWords(cuts: readonly Cut[]): string {
  const keys = cuts.map(({ from, columns, remedyKind }) => `${shortName(from)}.${columns.join('+')} (${remedyKind})`);
  const joins = cuts.reduce((sum, cut) => sum + cut.joins, 0);
  return `${listed(keys)}; ${joins === 0 ? 'no statement joins across' : `${counted(joins, 'call')} of statements that join across`}`;
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
      low.set(node, countedIn(index, node));
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
        else if (onStack.has(next)) low.set(node, Math.min(countedIn(low, node), countedIn(index, next)));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(countedIn(low, parent), countedIn(low, node)));
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
