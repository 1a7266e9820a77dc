import type { PlaneAdapter, PlanePlan, PlaneRoute, PlaneTemplate } from '../ports/data-plane.ts';
import { bucketsOf, unsupported } from './check-plan.ts';
import { methodsOf } from './path-regex.ts';

/*
 * The routes as a list of entries of which the first that fits is taken: what Envoy, Istio and the
 * Gateway API all want. None of them computes a bucket; each compares a header that holds it.
 */

/** Requests that ask, by path and method. */
export interface EntryMatch {
  readonly path: PlaneTemplate;
  /** Null: all. */
  readonly methods: readonly string[] | null;
}

export interface Entry {
  readonly name: string;
  readonly service: string;
  readonly to: 'service' | 'monolith' | 'router';
  /** Any of these. */
  readonly matches: readonly EntryMatch[];
  /** A request header that must have this value. */
  readonly header?: { readonly name: string; readonly value: string };
  /** Buckets from, and up to without. Absent: all. */
  readonly buckets?: { readonly from: number; readonly to: number };
  /** Of 10,000 requests, how many go to the router instead, to be compared there. */
  readonly sampled: number;
  /** How the path is changed. */
  readonly adapter?: PlaneAdapter;
}

const SAFE = ['GET', 'HEAD', 'OPTIONS'];

export function entriesOf(plan: PlanePlan): Entry[] {
  return plan.routes.flatMap((route) => entriesOfRoute(plan, route));
}

function entriesOfRoute(plan: PlanePlan, route: PlaneRoute): Entry[] {
  const { service } = route;
  const low = bucketsOf(route.percent);
  const high = bucketsOf(route.movingUpTo ?? route.percent);
  const all = route.match.map((rule) => ({ path: rule.path, methods: methodsOf(rule) }));
  if (all.length === 0) return [];
  const sampled = plan.router === undefined ? 0 : bucketsOf(plan.shadowPercent);
  const safe = all.flatMap(({ path, methods }) => {
    const left = methods === null ? SAFE : methods.filter((method) => SAFE.includes(method));
    return left.length === 0 ? [] : [{ path, methods: left }];
  });
  const toService = (name: string, options: Pick<Entry, 'header' | 'buckets'>): Entry[] => [
    ...(sampled > 0 && options.header === undefined ? adapted(route, { ...options, name: `${name}-read`, service, to: 'service', matches: safe, sampled }) : []),
    ...adapted(route, { ...options, name, service, to: 'service', matches: all, sampled: 0 }),
  ];
  const { overrideHeader } = plan;
  return [
    ...(overrideHeader === undefined
      ? []
      : [
          { name: `${service}-asked-monolith`, service, to: 'monolith' as const, matches: all, sampled: 0, header: { name: overrideHeader, value: 'monolith' } },
          ...toService(`${service}-asked-service`, { header: { name: overrideHeader, value: 'service' } }),
        ]),
    ...(low > 0 ? toService(`${service}-service`, { buckets: { from: 0, to: low } }) : []),
    ...(high > low && plan.router !== undefined
      ? [{ name: `${service}-moving`, service, to: 'router' as const, matches: all, sampled: 0, buckets: { from: low, to: high } }]
      : []),
    ...(sampled > 0 && safe.length > 0 ? [{ name: `${service}-monolith-read`, service, to: 'monolith' as const, matches: safe, sampled }] : []),
    { name: `${service}-monolith`, service, to: 'monolith', matches: all, sampled: 0 },
  ];
}

/** The entry in as many as it takes to change the paths that an adapter is for, and those only. */
function adapted(route: PlaneRoute, entry: Entry): Entry[] {
  const entries: Entry[] = [];
  let left = entry.matches;
  route.adapt.forEach((adapter, index) => {
    const matches: EntryMatch[] = [];
    left = left.filter((match) => {
      const relation = relationOf(adapter.from, match.path);
      if (relation === 'partly') {
        unsupported(`An adapter of ${entry.service} is for some of the paths of a match only; write the match as the adapter's path, before the wider one.`);
      }
      if (relation === 'inside') matches.push({ ...match, path: adapter.from });
      if (relation === 'around') matches.push(match);
      return relation !== 'around';
    });
    if (matches.length > 0) entries.push({ ...entry, name: `${entry.name}-${index}`, matches, adapter });
  });
  return left.length > 0 ? [...entries, { ...entry, matches: left }] : entries;
}

/** How the paths of `one` lie to those of `other`. */
export function relationOf(one: PlaneTemplate, other: PlaneTemplate): 'inside' | 'around' | 'apart' | 'partly' {
  if (contains(other, one)) return 'inside';
  if (contains(one, other)) return 'around';
  return apart(one, other) ? 'apart' : 'partly';
}

function contains(outer: PlaneTemplate, inner: PlaneTemplate): boolean {
  const fitting = outer.segments.every((literal, index) => {
    const other = inner.segments[index];
    return literal === null ? other !== undefined && other !== '' : literal === other;
  });
  const longEnough = inner.segments.length >= outer.segments.length;
  return fitting && longEnough && (outer.below || (!inner.below && inner.segments.length === outer.segments.length));
}

function apart(one: PlaneTemplate, other: PlaneTemplate): boolean {
  const common = Math.min(one.segments.length, other.segments.length);
  for (let i = 0; i < common; i++) {
    const [left, right] = [one.segments[i] ?? null, other.segments[i] ?? null];
    if (left !== null && right !== null && left !== right) return true;
  }
  if (one.segments.length === other.segments.length) return false;
  const shorter = one.segments.length < other.segments.length ? one : other;
  return !shorter.below;
}
