import { stringify } from 'yaml';
import type { DataPlane, PlanePlan, PlaneRendering } from '../ports/data-plane.ts';
import { checkPlan, originOf } from './check-plan.ts';
import { entriesOf, type Entry, type EntryMatch } from './entries.ts';
import { YAML, BUCKET_HEADER, substitution } from './envoy.ts';
import { bucketRegex, kubernetesNotes } from './kubernetes.ts';
import { luaBucket } from './lua-bucket.ts';
import { templateRegex } from './path-regex.ts';

/**
 * Istio: a VirtualService that compares the bucket's header, and an EnvoyFilter whose script computes
 * it. Weights would draw anew for each request, and send a user to and fro.
 */
export class Istio implements DataPlane {
  render(plan: PlanePlan): PlaneRendering {
    checkPlan(plan);
    const header = plan.bucketHeader ?? BUCKET_HEADER;
    const files = [{ path: 'virtual-service.yaml', content: document(virtualService(plan, header)) }];
    if (plan.bucketHeader === undefined) files.push({ path: 'envoy-filter.yaml', content: document(envoyFilter(plan)) });
    const { host } = originOf(plan.monolith, 'the monolith');
    return {
      files,
      notes: [
        `The VirtualService is for what the mesh asks of ${host}. For requests from outside, name your Gateway in spec.gateways and your host in spec.hosts; give the EnvoyFilter a workloadSelector if not every proxy of the namespace should compute buckets.`,
        ...kubernetesNotes(plan, header),
      ],
    };
  }
}

const document = (content: object): string => `# Written by \`banyan route export --format istio\`.\n${stringify(content, YAML)}`;

function virtualService(plan: PlanePlan, header: string): object {
  const entries = entriesOf(plan).map((entry) => httpRoute(plan, entry, header));
  const rest = { name: 'monolith', route: [{ destination: destination(plan.monolith, 'the monolith') }] };
  return {
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'VirtualService',
    metadata: { name: 'banyan' },
    spec: { hosts: [originOf(plan.monolith, 'the monolith').host], http: [...entries, rest] },
  };
}

function httpRoute(plan: PlanePlan, entry: Entry, bucketHeader: string): object {
  const { name, adapter, sampled, to } = entry;
  const bucket = bucketRegex(entry);
  const headers = {
    ...(entry.header === undefined ? {} : { [entry.header.name]: { exact: entry.header.value } }),
    ...(bucket === undefined ? {} : { [bucketHeader]: { regex: bucket } }),
  };
  const match = entry.matches.map(({ path, methods }: EntryMatch) => ({
    uri: { regex: `${templateRegex(path)}$` },
    ...(methods === null ? {} : { method: { regex: methods.join('|') } }),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
  }));
  const side = to === 'router' ? {} : { headers: { response: { set: { 'x-banyan-side': to } } } };
  const main = { destination: destination(...targetOf(plan, entry)), ...side };
  const { router } = plan;
  // What is sampled goes over as the client asked it, which a rewrite of the whole rule rules out.
  const route = sampled === 0 || adapter !== undefined || router === undefined
    ? [main]
    : [...(sampled < 10_000 ? [{ ...main, weight: 10_000 - sampled }] : []), { destination: destination(router, 'the router'), weight: sampled }];
  return {
    name, match,
    ...(adapter === undefined
      ? {}
      : { rewrite: { uriRegexRewrite: { match: `${templateRegex(adapter.from, () => '([^/]+)', '((?:/.*)?)')}$`, rewrite: substitution(adapter) } } }),
    route,
  };
}

/** The address that an entry leads to, and what it is called. */
export function targetOf(plan: PlanePlan, { to, service }: Entry): readonly [string, string] {
  if (to === 'router' && plan.router !== undefined) return [plan.router, 'the router'];
  const upstream = to === 'service' ? plan.routes.find((route) => route.service === service)?.upstream : undefined;
  return upstream === undefined ? [plan.monolith, 'the monolith'] : [upstream, service];
}

function destination(url: string, what: string): object {
  const { host, port } = originOf(url, what);
  return { host, port: { number: port } };
}

function envoyFilter(plan: PlanePlan): object {
  const lua = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
    default_source_code: { inline_string: luaBucket({ key: plan.key, header: BUCKET_HEADER }) },
  };
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'banyan-bucket' },
    spec: {
      configPatches: ['SIDECAR_OUTBOUND', 'GATEWAY'].map((context) => ({
        applyTo: 'HTTP_FILTER',
        match: { context, listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'envoy.filters.http.router' } } } } },
        patch: { operation: 'INSERT_BEFORE', value: { name: 'banyan.bucket', typed_config: lua } },
      })),
    },
  };
}
