import { parseAllDocuments } from 'yaml';
import { describe, expect, it } from 'vitest';
import { Envoy } from '../../src/dataplane/envoy.ts';
import { GatewayApi } from '../../src/dataplane/gateway-api.ts';
import { Istio } from '../../src/dataplane/istio.ts';
import type { DataPlane, PlanePlan } from '../../src/ports/data-plane.ts';
import { parseTemplate } from '../../src/route/path-template.ts';
import { matching, plan, route } from './plan.ts';
import { envoyErrors, specErrors } from './schemas/check.ts';
import gatewayApi from './schemas/gateway-api.json' with { type: 'json' };
import istio from './schemas/istio.json' with { type: 'json' };

type Document = Readonly<Record<string, unknown>>;

const documents = (plane: DataPlane, wanted: PlanePlan): Document[] =>
  plane.render(wanted).files.flatMap(({ content }) => parseAllDocuments(content).map((document) => document.toJS() as Document));

const resourcesOf = (document: Document | undefined): Document[] => (document ? (document['resources'] as Document[]) : []);

const upstream = (name: string): string => `http://${name}.shop:8080`;
const adapter = (from: string, to: string) => ({ from: parseTemplate(from), to: parseTemplate(to) });

const simple = plan({ monolith: upstream('monolith'), routes: [route('users', upstream('users'), { percent: 12.34 })] });
const rich = plan({
  monolith: upstream('monolith'), router: upstream('router'), shadowPercent: 2.5, overrideHeader: 'x-side', key: [{ cookie: 'uid' }, { jwt: 'sub' }, { query: 'q' }, 'ip'],
  routes: [
    route('users', upstream('users'), {
      percent: 10, movingUpTo: 20,
      match: [matching('/api/users/**'), matching('/login', 'POST'), matching('/profile', 'GET', 'PUT')],
      adapt: [adapter('/api/users/**', '/v2/accounts/**')],
    }),
    route('orders', upstream('orders'), { percent: 100, match: [matching('/orders/{id}/items')] }),
    route('none', upstream('none'), { match: [] }),
  ],
});
const named = { ...rich, bucketHeader: 'x-bucket' };

describe.each(Object.entries({ simple, rich, named }))('exported routes, %s', (_name, wanted) => {
  it('are what Envoy publishes', () => {
    const [bootstrap, routes] = documents(new Envoy(), wanted);
    expect(envoyErrors('envoy.config.bootstrap.v3.Bootstrap', bootstrap)).toEqual([]);
    expect(resourcesOf(routes).flatMap((each) => envoyErrors(String(each['@type']).split('/')[1] ?? '', each))).toEqual([]);
  });

  it('are what Istio publishes', () => {
    const [service, filter] = documents(new Istio(), wanted);
    expect(specErrors(istio.VirtualService, service?.['spec'])).toEqual([]);
    if (wanted.bucketHeader !== undefined) {
      expect(filter).toBeUndefined();
      return;
    }
    expect(specErrors(istio.EnvoyFilter, filter?.['spec'])).toEqual([]);
    const spec = filter?.['spec'] as { readonly configPatches: { readonly patch: { readonly value: unknown } }[] } | undefined;
    expect(spec?.configPatches.map(({ patch }) => envoyErrors('envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter', patch.value))).toEqual([[], []]);
  });

  it('are what the Gateway API publishes', () => {
    const routes = documents(new GatewayApi(), wanted);
    expect(routes.length).toBe(wanted.routes.length + 1);
    for (const each of routes) expect(specErrors(gatewayApi.HTTPRoute, each['spec'])).toEqual([]);
  });
});

describe('a file that is not what was published', () => {
  const [, routes] = documents(new Envoy(), rich);
  const resource = (change: (text: string) => string): unknown => JSON.parse(change(JSON.stringify(resourcesOf(routes)[0])));
  it.each<[string, (text: string) => string]>([
    ['a field that there is not', (text) => text.replace('"range_match"', '"range"')],
    ['a choice made twice', (text) => text.replace('"safe_regex":', '"prefix":"/","safe_regex":')],
    ['an unknown word', (text) => text.replace('TEN_THOUSAND', 'TEN')],
    ['a text for a number', (text) => text.replace(/"start":\d+/, '"start":"a"')],
    ['an empty name', (text) => text.replace('"domains":["*"]', '"domains":"*"')],
  ])('of Envoy is seen: %s', (_what, change) => {
    expect(envoyErrors('envoy.config.route.v3.RouteConfiguration', resource(change))).not.toEqual([]);
  });

  it.each<[string, (text: string) => string]>([
    ['a field that there is not', (text) => text.replaceAll('"backendRefs"', '"backends"')],
    ['a kind that there is not', (text) => text.replace('"RegularExpression"', '"Regex"')],
    ['a name with a space', (text) => text.replace('"x-side"', '"x side"')],
  ])('of the Gateway API is seen: %s', (_what, change) => {
    const [first] = documents(new GatewayApi(), rich);
    expect(specErrors(gatewayApi.HTTPRoute, JSON.parse(change(JSON.stringify(first?.['spec']))))).not.toEqual([]);
  });

  it('of Istio is seen', () => {
    const [first] = documents(new Istio(), rich);
    expect(specErrors(istio.VirtualService, JSON.parse(JSON.stringify(first?.['spec']).replace('"destination"', '"destinations"')))).not.toEqual([]);
  });
});

describe('what a format can not say is refused', () => {
  it.each<[string, DataPlane, Partial<PlanePlan>]>([
    ['an address that is no Service', new GatewayApi(), { monolith: 'http://10.0.0.1' }],
    ['an adapter with parameters', new GatewayApi(), { routes: [route('users', upstream('users'), { percent: 1, match: [matching('/a/{id}')], adapt: [adapter('/a/{id}', '/b/{id}')] })] }],
    ['too many rules', new GatewayApi(), { routes: [route('users', upstream('users'), { percent: 1, match: Array.from({ length: 70 }, (_, n) => matching(`/a/${n}`)) })] }],
    ['an adapter for a part of a match', new Envoy(), { routes: [route('users', upstream('users'), { percent: 1, match: [matching('/a/{id}')], adapt: [adapter('/{x}/b', '/c')] })] }],
    ['an address with a path', new Istio(), { monolith: 'http://monolith/app' }],
    ['an address with a password', new Envoy(), { monolith: 'http://a:b@monolith' }],
  ])('%s', (_what, plane, change) => {
    expect(() => plane.render({ ...simple, ...change })).toThrow(expect.objectContaining({ code: 'BANYAN_PLANE_UNSUPPORTED' }));
  });
});
