import type { PlanePlan } from '../ports/data-plane.ts';
import { originOf, unsupported } from './check-plan.ts';
import { belowRegex } from './below-regex.ts';
import type { Entry } from './entries.ts';

/** A Service of Kubernetes, as an address names it: `name`, `name.namespace` or `name.namespace.svc…`. */
export interface KubernetesService {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly port: number;
}

/** @throws BANYAN_PLANE_UNSUPPORTED if the address can be no Service of Kubernetes. */
export function serviceOf(url: string, what: string): KubernetesService {
  const { host, port, secure } = originOf(url, what);
  const [name = '', namespace, svc, ...rest] = host.split('.');
  const label = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
  const known = svc === undefined || (svc === 'svc' && (rest.length === 0 || rest.join('.') === 'cluster.local'));
  if (secure || !known || !label.test(name) || (namespace !== undefined && !label.test(namespace))) {
    unsupported(`The address ${url} of ${what} names no Service of Kubernetes; expected http://name.namespace:port.`);
  }
  return { name, namespace, port };
}

/**
 * The buckets of an entry as an expression over four digits; undefined if it is for all. Proxies that
 * compare a header as text only serve the same users by it, to the hundredth of a percent.
 */
export function bucketRegex({ buckets }: Entry): string | undefined {
  if (buckets === undefined) return undefined;
  // The entry of those below `from` stands before: of several that fit, the first is taken.
  return belowRegex(buckets.to);
}

/** What both formats of Kubernetes have to say. */
export function kubernetesNotes(plan: PlanePlan, header: string): string[] {
  return [
    `The header ${header} is trusted. Whoever sets it has to replace what clients send there, or they choose their side themselves; without it a request goes to the monolith.`,
    'A change reaches the proxies as fast as the control plane tells them, one after the other; nobody is held for the fence: a user who is moved may read what was true before his last write for as long as that and sync take. The causal barrier, the fallback to the monolith and automatic rollback are in the router of Banyan only.',
    ...(plan.router !== undefined && plan.shadowPercent > 0
      ? ["The sample is drawn by chance. The router compares its own share of what it is sent: give it `shadow: { percent: 100 }`."]
      : []),
  ];
}
