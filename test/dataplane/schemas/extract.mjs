/*
 * Makes envoy.json, gateway-api.json and istio.json from what their projects publish, trimmed to what
 * the exported files use. Needs, in an empty folder:
 *   npm install protobufjs@8.8.1 @grpc/grpc-js-xds@1.14.1 @kubernetes-models/gateway-api@0.5.1 @kubernetes-models/istio@2.3.0
 * Run there: node PATH/extract.mjs FOLDER-OF-EXPORTED-ENVOY-FILES
 */
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const here = process.cwd();
const require = createRequire(join(here, 'x.js'));
const modules = join(here, 'node_modules');
const write = (name, content) => writeFileSync(join(import.meta.dirname, name), `${JSON.stringify(content, null, 1)}\n`);

// Envoy: the fields of every message that the exported files have, by the published protocol buffers.
const protobuf = require('protobufjs');
const { parse } = await import(new URL('../../../node_modules/yaml/dist/index.js', import.meta.url).href);
const deps = join(modules, '@grpc/grpc-js-xds/deps');
const roots = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => join(deps, name));
// The types of Google's own come with protobufjs.
for (const name of ['descriptor', 'api', 'source_context', 'type']) protobuf.common(name, JSON.parse(readFileSync(join(modules, 'protobufjs/google/protobuf', `${name}.json`), 'utf8')).nested.google.nested.protobuf.nested);
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => roots.map((folder) => join(folder, target)).find(existsSync) ?? target;
root.loadSync([
  'envoy/config/bootstrap/v3/bootstrap.proto', 'envoy/config/route/v3/route.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/http/lua/v3/lua.proto', 'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
], { keepCase: true });
const messages = {};
const enums = {};
function visit(type, value) {
  const name = type.fullName.slice(1);
  messages[name] ??= Object.fromEntries(type.fieldsArray.map((field) => {
    field.resolve();
    const rules = Object.fromEntries(Object.entries(field.options ?? {}).filter(([key]) => key.startsWith('(validate.rules)')));
    const to = field.resolvedType;
    if (to instanceof protobuf.Enum) enums[to.fullName.slice(1)] = Object.keys(to.values);
    return [field.name, {
      type: to ? to.fullName.slice(1) : field.type, ...(field.repeated ? { repeated: true } : {}), ...(field.map ? { map: true } : {}),
      ...(field.partOf && !field.partOf.isProto3Optional ? { oneof: field.partOf.name } : {}), ...(Object.keys(rules).length > 0 ? { rules } : {}),
    }];
  }));
  for (const [key, each] of Object.entries(value ?? {})) {
    if (key === '@type') continue;
    const field = type.fields[key];
    if (!field) throw new Error(`${name} has no field ${key}`);
    for (const one of Array.isArray(each) ? each : [each]) {
      if (!(field.resolvedType instanceof protobuf.Type) || typeof one !== 'object' || one === null) continue;
      if (field.resolvedType.fullName === '.google.protobuf.Any') visit(root.lookupType(one['@type'].split('/')[1]), one);
      else visit(field.resolvedType, one);
    }
  }
}
const folder = process.argv[2] ?? '.';
const content = (name) => parse(readFileSync(join(folder, name), 'utf8'));
visit(root.lookupType('envoy.config.bootstrap.v3.Bootstrap'), content('envoy.yaml'));
for (const resource of content('routes.yaml').resources) visit(root.lookupType('envoy.config.route.v3.RouteConfiguration'), resource);
write('envoy.json', { from: '@grpc/grpc-js-xds 1.14.1, which carries Envoy\'s API (Apache-2.0)', messages, enums });

// Kubernetes: the schemas of the custom resources, as the packages were generated from the released ones.
function schemaOf(name, path) {
  const file = readFileSync(join(modules, name, path), 'utf8');
  const [, text] = /^const schema = (\{[\s\S]*?^\});/m.exec(file);
  const schema = JSON.parse(text);
  return { ...schema.properties.spec, $comment: undefined };
}
const slim = (node) => {
  if (Array.isArray(node)) return node.map(slim);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).filter(([key, value]) => !(key === 'description' && typeof value === 'string')).map(([key, value]) => [key, slim(value)]));
};
write('gateway-api.json', { from: 'Gateway API 1.0.0 (Apache-2.0), by @kubernetes-models/gateway-api 0.5.1 (MIT)', HTTPRoute: slim(schemaOf('@kubernetes-models/gateway-api', 'gateway.networking.k8s.io/v1/HTTPRoute.js')) });
const virtualService = slim(schemaOf('@kubernetes-models/istio', 'networking.istio.io/v1beta1/VirtualService.js'));
// Istio has it since 1.19; the later packages, which say so in their types, carry no schema to read.
virtualService.properties.http.items.properties.rewrite.properties.uriRegexRewrite = { type: 'object', properties: { match: { type: 'string' }, rewrite: { type: 'string' } } };
write('istio.json', {
  from: 'Istio 1.18.0 (Apache-2.0), by @kubernetes-models/istio 2.3.0 (MIT); uriRegexRewrite added',
  VirtualService: virtualService,
  EnvoyFilter: slim(schemaOf('@kubernetes-models/istio', 'networking.istio.io/v1alpha3/EnvoyFilter.js')),
});
