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
    const inside = new Set(members);
    const breaks = opening(edges.filter((edge) => inside.has(edge.from) && inside.has(edge.to)));
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

/**
 * Edges without which no circle is left. The dearest are kept first; one that would close a circle
 * with those kept is given up, so none given up could be spared.
 */
function opening(edges: readonly Edge[]): Edge[] {
  const kept = new Map<string, Set<string>>();
  const given: Edge[] = [];
  for (const edge of edges.toReversed()) {
    if (reaches(kept, edge.to, edge.from)) given.unshift(edge);
    else kept.set(edge.from, (kept.get(edge.from) ?? new Set()).add(edge.to));
  }
  return given;
}

function reaches(targets: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const seen = new Set([from]);
  const left = [from];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node === to) return true;
    for (const next of targets.get(node) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      left.push(next);
    }
  }
  return false;
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

/** What each tie counts in the order of extraction. */
const KEY_IN = 1;
const KEY_OUT = 0.5;
const TORN = 10;

/**
 * The order in which to take the services out: each time the one with the least that ties it to
 * those still inside, where a key into it costs most (others must be changed for it), a key out of
 * it less, and a transaction that becomes distributed by its share of the calls.
 */
export function extractionOrder(
  services: readonly string[],
  cuts: readonly Cut[],
  distributed: readonly { readonly services: readonly string[]; readonly calls: number }[],
): string[] {
  const allCalls = Math.max(1, distributed.reduce((sum, item) => sum + item.calls, 0));
  const cost = new Map(services.map((name) => [name, 0]));
  const add = (name: string, by: number): void => {
    const known = cost.get(name);
    if (known !== undefined) cost.set(name, known + by);
  };
  const touching = new Map<string, Cut[]>();
  for (const cut of cuts) {
    add(cut.toService, KEY_IN);
    add(cut.fromService, KEY_OUT);
    append(touching, cut.toService, cut);
    append(touching, cut.fromService, cut);
  }
  for (const item of distributed) for (const name of item.services) add(name, (TORN * item.calls) / allCalls);
  const order: string[] = [];
  while (cost.size > 0) {
    // What was added and taken away again leaves crumbs, which decide nothing.
    const ranked = [...cost].sort((a, b) => Math.round((a[1] - b[1]) * 1e9) || compareText(a[0], b[0]));
    const [next] = itemAt(ranked, 0);
    order.push(next);
    cost.delete(next);
    // What tied others to it ties them no longer.
    for (const cut of touching.get(next) ?? []) {
      if (cut.fromService === next) add(cut.toService, -KEY_IN);
      else add(cut.fromService, -KEY_OUT);
    }
  }
  return order;
}
