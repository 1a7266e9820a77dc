import type { Audience } from '../../model/route-decision.ts';
import { fits, parseTemplate } from '../path-template.ts';
import type { RequestFacts } from './facts.ts';
import { compileHost, compilePattern } from './text-pattern.ts';

/** Whether a request is of an {@link Audience}. */
export type FitsAudience = (facts: RequestFacts) => boolean;

/** Makes one function of what an audience names; the cheapest question is asked first. */
export function compileAudience(audience: Audience): FitsAudience {
  const conditions: FitsAudience[] = [];
  const { methods, tenant, region, hosts, path, headers, query } = audience;
  if (methods) {
    const wanted = new Set(methods);
    // HEAD asks for the same resource as GET.
    if (wanted.has('GET')) wanted.add('HEAD');
    conditions.push((facts) => wanted.has(facts.method));
  }
  if (hosts) {
    const patterns = hosts.map(compileHost);
    conditions.push((facts) => {
      const host = facts.host();
      return patterns.some((pattern) => pattern(host));
    });
  }
  if (path !== undefined) {
    const template = parseTemplate(path);
    conditions.push((facts) => fits(template, facts.path()));
  }
  if (tenant) conditions.push(oneOf(tenant, (facts) => facts.tenant()));
  if (region) conditions.push(oneOf(region, (facts) => facts.region()));
  for (const [name, wanted] of Object.entries(headers ?? {})) {
    const lower = name.toLowerCase();
    conditions.push(oneOf([wanted], (facts) => facts.header(lower)));
  }
  for (const [name, wanted] of Object.entries(query ?? {})) conditions.push(oneOf([wanted], (facts) => facts.query(name)));
  // A loop: a function made for every request would be the only thing that this allocates.
  return (facts) => {
    for (const condition of conditions) if (!condition(facts)) return false;
    return true;
  };
}

function oneOf(wanted: readonly string[], read: (facts: RequestFacts) => string | undefined): FitsAudience {
  const exact = new Set(wanted.filter((text) => !text.includes('*')));
  const patterns = wanted.filter((text) => text.includes('*')).map(compilePattern);
  return (facts) => {
    const found = read(facts);
    if (found === undefined) return false;
    if (exact.has(found)) return true;
    for (const pattern of patterns) if (pattern(found)) return true;
    return false;
  };
}
