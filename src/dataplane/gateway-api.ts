import { stringify } from 'yaml';
import type { DataPlane, PlaneAdapter, PlanePlan, PlaneRendering } from '../ports/data-plane.ts';
import { checkPlan, unsupported } from './check-plan.ts';
import { entriesOf, type Entry, type EntryMatch } from './entries.ts';
import { YAML, BUCKET_HEADER } from './envoy.ts';
import { targetOf } from './istio.ts';
import { bucketRegex, kubernetesNotes, serviceOf } from './kubernetes.ts';
import { plainPath, templateRegex } from './path-regex.ts';

/** What an HTTPRoute holds at most. */
const MOST_RULES = 16;
const MOST_MATCHES = 8;

/**
 * The Gateway API of Kubernetes: one HTTPRoute for each service and one for the rest. It has nothing
 * that computes a bucket, so a header has to bring it; a weight would draw anew for each request.
 */
export class GatewayApi implements DataPlane {
  render(plan: PlanePlan): PlaneRendering {
    checkPlan(plan);
    const header = plan.bucketHeader ?? BUCKET_HEADER;
    const entries = entriesOf(plan);
    const documents = plan.routes.map(({ service }) => {
      const rules = entries.filter((entry) => entry.service === service).flatMap((entry) => rulesOf(plan, entry, header));
      if (rules.length > MOST_RULES) unsupported(`${service} makes ${rules.length} rules of an HTTPRoute, which holds ${MOST_RULES}. Give it fewer matches or adapters.`);
      return httpRoute(`banyan-${service.replaceAll('_', '-')}`, rules);
    });
    const rest = httpRoute('banyan-monolith', [{ backendRefs: [backend(plan.monolith, 'the monolith')] }]);
    const content = [...documents, rest].map((each) => stringify(each, YAML)).join('---\n');
    return {
      files: [{ path: 'http-routes.yaml', content: `# Written by \`banyan route export --format gateway-api\`.\n${content}` }],
      notes: [
        'Name your own Gateway in spec.parentRefs. Headers, and paths that are no plain ones, are compared by regular expressions, which a Gateway may or may not support: see its conformance.',
        'Nothing here computes the bucket. Let something in front set the header: xxh32 of the key (seed 0) modulo 10,000, as four digits.',
        'Of routes of several services that overlap, the Gateway picks the longer path, not the first in the configuration.',
        ...kubernetesNotes(plan, header),
      ],
    };
  }
}

function httpRoute(name: string, rules: readonly object[]): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: { parentRefs: [{ name: 'banyan' }], rules },
  };
}

function rulesOf(plan: PlanePlan, entry: Entry, bucketHeader: string): object[] {
  const { adapter, sampled, to } = entry;
  const bucket = bucketRegex(entry);
  const headers = [
    ...(entry.header === undefined ? [] : [{ type: 'Exact', name: entry.header.name, value: entry.header.value }]),
    ...(bucket === undefined ? [] : [{ type: 'RegularExpression', name: bucketHeader, value: bucket }]),
  ];
  const matches = entry.matches.flatMap(({ path, methods }: EntryMatch) =>
    (methods ?? [undefined]).map((method) => ({
      path: pathMatch(path, entry),
      ...(method === undefined ? {} : { method }),
      ...(headers.length > 0 ? { headers } : {}),
    })),
  );
  const filters = [
    ...(to === 'router' ? [] : [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'x-banyan-side', value: to }] } }]),
    ...(adapter === undefined ? [] : [{ type: 'URLRewrite', urlRewrite: { path: rewrite(adapter, entry.service) } }]),
  ];
  const main = backend(...targetOf(plan, entry));
  const { router } = plan;
  const backendRefs = sampled === 0 || adapter !== undefined || router === undefined
    ? [main]
    : [{ ...main, weight: 10_000 - sampled }, { ...backend(router, 'the router'), weight: sampled }];
  const rules: object[] = [];
  for (let from = 0; from < matches.length; from += MOST_MATCHES) {
    rules.push({ matches: matches.slice(from, from + MOST_MATCHES), ...(filters.length > 0 ? { filters } : {}), backendRefs });
  }
  return rules;
}

/** As the kinds that every Gateway knows where they say the same, else as an expression. */
function pathMatch(path: EntryMatch['path'], entry: Entry): object {
  const plain = plainPath(path);
  if (plain === undefined) {
    if (entry.adapter !== undefined) unsupported(`An adapter of ${entry.service} is for paths with parameters or characters that are escaped, which the Gateway API can not rewrite.`);
    return { type: 'RegularExpression', value: `${templateRegex(path)}$` };
  }
  return path.below ? { type: 'PathPrefix', value: plain === '' ? '/' : plain } : { type: 'Exact', value: plain };
}

/** A whole path, or the front of all that are below one. */
function rewrite({ from, to }: PlaneAdapter, service: string): object {
  const [before, after] = [plainPath(from), plainPath(to)];
  if (before === undefined || after === undefined || from.below !== to.below) {
    return unsupported(`An adapter of ${service} changes more than the front of a path, which the Gateway API can not do.`);
  }
  return from.below ? { type: 'ReplacePrefixMatch', replacePrefixMatch: after === '' ? '/' : after } : { type: 'ReplaceFullPath', replaceFullPath: after };
}

function backend(url: string, what: string): { readonly name: string; readonly namespace?: string; readonly port: number } {
  const { name, namespace, port } = serviceOf(url, what);
  return { name, port, ...(namespace === undefined ? {} : { namespace }) };
}
