import { BanyanError } from '../core/errors.ts';
import type { PlanePlan } from '../ports/data-plane.ts';

/*
 * What a user writes into banyan.yaml ends in other programs' configuration. Names go over only if
 * they are made of characters that mean nothing in any of those languages; what stands in paths is
 * written as an escape (see path-regex.ts). So nothing can leave its place, and no format needs quoting
 * rules of its own that could be wrong.
 */

const HARMLESS = /^[A-Za-z0-9_.-]+$/;
const SERVICE = /^[a-z][a-z0-9_-]*$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-f:.]+\])$/;

/** An address that is nothing but scheme, host and port. */
export interface Origin {
  readonly secure: boolean;
  /** An IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** @throws BANYAN_PLANE_UNSUPPORTED */
export function unsupported(message: string): never {
  throw new BanyanError('BANYAN_PLANE_UNSUPPORTED', { message });
}

/** @throws BANYAN_PLANE_UNSUPPORTED if the URL says more than where to connect, or its host is none. */
export function originOf(url: string, what: string): Origin {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) return unsupported(`The address of ${what} is no http URL.`);
  if (parsed.username !== '' || parsed.password !== '') unsupported(`The address of ${what} has a user or a password in it, which would stand in the exported files.`);
  if (parsed.pathname !== '/' || parsed.search !== '') unsupported(`The address of ${what} has the path ${parsed.pathname}${parsed.search}; an exported route leads to a host and port only.`);
  if (!HOST.test(parsed.hostname)) unsupported(`The address of ${what} has the host ${JSON.stringify(parsed.hostname)}, which is no host name.`);
  const secure = parsed.protocol === 'https:';
  return { secure, host: parsed.hostname.replace(/^\[|\]$/g, ''), port: Number(parsed.port) || (secure ? 443 : 80) };
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A name of a header, cookie, parameter or claim. @throws BANYAN_PLANE_UNSUPPORTED */
export function harmless(name: string, what: string): string {
  if (!HARMLESS.test(name)) unsupported(`${what} is named ${JSON.stringify(name)}; an exported route takes letters, digits, ., - and _ only.`);
  return name;
}

/** Everything that is the same for every format. @throws BANYAN_PLANE_UNSUPPORTED */
export function checkPlan(plan: PlanePlan): void {
  originOf(plan.monolith, 'the monolith');
  if (plan.router !== undefined && originOf(plan.router, 'the router').secure) unsupported('The router is reached by http, not https.');
  if (!HOST.test(plan.listen.host) && !/^[0-9a-f:.]+$/i.test(plan.listen.host)) unsupported(`The host to listen on is ${JSON.stringify(plan.listen.host)}, which is none.`);
  for (const source of plan.key) {
    if (source === 'ip') continue;
    for (const [kind, name] of Object.entries(source)) harmless(name, `The ${kind} of route.key`);
  }
  for (const [what, name] of [['overrideHeader', plan.overrideHeader], ['bucketHeader', plan.bucketHeader]] as const) {
    if (name !== undefined) harmless(name, `The ${what}`);
  }
  const seen = new Set<string>();
  for (const { service, upstream, match, percent, movingUpTo } of plan.routes) {
    if (!SERVICE.test(service) || seen.has(service)) unsupported(`The service ${JSON.stringify(service)} has a name that is taken, or not made of lower-case letters, digits, - and _.`);
    seen.add(service);
    originOf(upstream, service);
    for (const { methods } of match) for (const method of methods ?? []) harmless(method, `A method of ${service}`);
    for (const share of [percent, movingUpTo ?? percent]) {
      if (!(share >= 0 && share <= 100)) unsupported(`${service} has ${share} %, which is no percentage.`);
    }
  }
}

/** A percentage as a number of buckets of the 10,000. */
export function bucketsOf(percent: number): number {
  return Math.round(percent * 100);
}
