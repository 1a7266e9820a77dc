import { PLACES, type Place } from '../../../src/plan/check/api/schema-rules.ts';
import { LOCATIONS } from '../../../src/plan/check/api/operation-rules.ts';

type Json = { readonly [key: string]: unknown };

/** A document in which each rule is broken, and one in which what is like it is not. */
export interface Example {
  readonly rule: string;
  readonly before: Json;
  readonly after: Json;
  /** What the same change the other way round is; absent: nothing to be told. */
  readonly mirror?: string;
}

const operation = (more: Json): Json => ({ responses: { 200: { description: 'fine' } }, ...more });

export const api = (paths: Json, more: Json = {}): Json => ({ openapi: '3.1.0', info: { title: 'Shop', version: '1' }, paths, ...more });

export const COMPONENTS = {
  Cat: { type: 'object', properties: { kind: { type: 'string' }, purrs: { type: 'boolean' } } },
  Dog: { type: 'object', properties: { kind: { type: 'string' }, barks: { type: 'boolean' } } },
};
const cat = { $ref: '#/components/schemas/Cat' };
const dog = { $ref: '#/components/schemas/Dog' };

/** A document with one schema, standing in `place`. */
export function withSchema(place: Place, schema: unknown, components: Json = COMPONENTS): Json {
  const content = { 'application/json': { schema } };
  const operations: Record<Place, Json> = {
    request: operation({ requestBody: { content } }),
    response: { responses: { 200: { description: 'fine', content } } },
    parameter: operation({ parameters: [{ name: 'p', in: 'query', schema }] }),
    'response-header': { responses: { 200: { description: 'fine', headers: { 'X-P': { schema } } } } },
  };
  return api({ '/things': { post: operations[place] } }, { components: { schemas: components } });
}

const object = (properties: Json, more: Json = {}): Json => ({ type: 'object', properties, ...more });
const text = { type: 'string' };

/** By the change's name: the schema before, after, and what the change the other way round is called. */
export const SCHEMAS: Readonly<Record<string, readonly [unknown, unknown, string]>> = {
  'type-changed': [object({ a: text }), object({ a: { type: 'integer' } }), 'type-changed'],
  'type-narrowed': [{ type: 'number' }, { type: 'integer' }, 'type-widened'],
  'type-widened': [{ type: 'integer' }, { type: ['boolean', 'integer'] }, 'type-narrowed'],
  'schema-changed': [{ type: 'array' }, { type: 'object' }, 'schema-changed'],
  'made-not-nullable': [{ type: ['string', 'null'] }, text, 'made-nullable'],
  'made-nullable': [text, { anyOf: [text, { type: 'null' }] }, 'made-not-nullable'],
  'format-changed': [{ ...text, format: 'date' }, { ...text, format: 'date-time' }, 'format-changed'],
  'format-added': [text, { ...text, format: 'date' }, 'format-removed'],
  'format-removed': [{ ...text, format: 'uuid' }, text, 'format-added'],
  'format-widened': [{ type: 'integer', format: 'int32' }, { type: 'integer', format: 'int64' }, 'format-narrowed'],
  'format-narrowed': [{ type: 'number', format: 'double' }, { type: 'number', format: 'float' }, 'format-widened'],
  'enum-value-removed': [{ enum: ['a', 'b'] }, { const: 'a' }, 'enum-value-added'],
  'enum-value-added': [{ enum: ['a'] }, { enum: ['b', 'a'] }, 'enum-value-removed'],
  'enum-added': [text, { ...text, enum: ['a'] }, 'enum-removed'],
  'enum-removed': [{ ...text, enum: ['a'] }, text, 'enum-added'],
  ...Object.fromEntries(
    (['min-length minLength string', 'max-length maxLength string', 'minimum minimum number', 'maximum maximum number', 'min-items minItems array', 'max-items maxItems array', 'min-properties minProperties object', 'max-properties maxProperties object'] as const).flatMap((words) => {
      const [id = '', keyword = '', type = ''] = words.split(' ');
      return [
        [`${id}-raised`, [{ type, [keyword]: 1 }, { type, [keyword]: 2 }, `${id}-lowered`]],
        [`${id}-lowered`, [{ type, [keyword]: 2 }, { type, [keyword]: 1 }, `${id}-raised`]],
      ];
    }),
  ),
  'multiple-of-added': [{ type: 'number' }, { type: 'number', multipleOf: 5 }, 'multiple-of-removed'],
  'multiple-of-removed': [{ type: 'number', multipleOf: 5 }, { type: 'number' }, 'multiple-of-added'],
  'multiple-of-changed': [{ type: 'number', multipleOf: 5 }, { type: 'number', multipleOf: 7 }, 'multiple-of-changed'],
  'multiple-of-relaxed': [{ type: 'number', multipleOf: 10 }, { type: 'number', multipleOf: 5 }, 'multiple-of-tightened'],
  'multiple-of-tightened': [{ type: 'number', multipleOf: 0.1 }, { type: 'number', multipleOf: 0.3 }, 'multiple-of-relaxed'],
  'pattern-added': [text, { ...text, pattern: '^a' }, 'pattern-removed'],
  'pattern-removed': [{ ...text, pattern: '^a' }, text, 'pattern-added'],
  'pattern-changed': [{ ...text, pattern: '^a' }, { ...text, pattern: '^b' }, 'pattern-changed'],
  'unique-items-added': [{ type: 'array' }, { type: 'array', uniqueItems: true }, 'unique-items-removed'],
  'unique-items-removed': [{ type: 'array', uniqueItems: true }, { type: 'array', uniqueItems: false }, 'unique-items-added'],
  'default-added': [text, { ...text, default: 'a' }, 'default-removed'],
  'default-removed': [{ ...text, default: 'a' }, text, 'default-added'],
  'default-changed': [{ ...text, default: 'a' }, { ...text, default: 'b' }, 'default-changed'],
  'property-removed': [object({ a: text, b: text }), object({ a: text }), 'property-added'],
  'closed-property-removed': [object({ a: text, b: text }, { additionalProperties: false }), object({ a: text }, { additionalProperties: false }), 'property-added'],
  'property-added': [object({ a: text }), object({ a: text, b: text }), 'property-removed'],
  'required-property-added': [object({ a: text }), object({ a: text, b: text }, { required: ['b'] }), 'property-removed'],
  'property-made-required': [object({ a: text }), object({ a: text }, { required: ['a'] }), 'property-made-optional'],
  'property-made-optional': [object({ a: text }, { required: ['a'] }), object({ a: text }), 'property-made-required'],
  'property-deprecated': [object({ a: text }), object({ a: { ...text, deprecated: true } }), 'property-undeprecated'],
  'property-undeprecated': [object({ a: { ...text, deprecated: true } }), object({ a: text }), 'property-deprecated'],
  'additional-properties-forbidden': [object({ a: text }), object({ a: text }, { additionalProperties: false }), 'additional-properties-allowed'],
  'additional-properties-allowed': [object({ a: text }, { additionalProperties: false }), object({ a: text }, { additionalProperties: true }), 'additional-properties-forbidden'],
  'property-made-read-only': [object({ a: text }), object({ a: { ...text, readOnly: true } }), 'property-made-writable'],
  'property-made-writable': [object({ a: { ...text, readOnly: true } }), object({ a: text }), 'property-made-read-only'],
  'property-made-write-only': [object({ a: text }), object({ a: { ...text, writeOnly: true } }), 'property-made-readable'],
  'property-made-readable': [object({ a: { ...text, writeOnly: true } }), object({ a: text }), 'property-made-write-only'],
  'variant-added': [{ oneOf: [cat] }, { oneOf: [cat, dog] }, 'variant-removed'],
  'variant-removed': [{ anyOf: [cat, dog, object({ c: text })] }, { anyOf: [dog, cat] }, 'variant-added'],
  'choice-added': [{ type: 'object' }, { type: 'object', oneOf: [cat, dog] }, 'choice-removed'],
  'choice-removed': [{ type: 'object', oneOf: [cat, dog] }, { type: 'object' }, 'choice-added'],
  'choice-kind-changed': [{ oneOf: [cat, dog] }, { anyOf: [cat, dog] }, 'choice-kind-changed'],
  'discriminator-added': [{ oneOf: [cat, dog] }, { oneOf: [cat, dog], discriminator: { propertyName: 'kind' } }, 'discriminator-removed'],
  'discriminator-removed': [{ oneOf: [cat, dog], discriminator: { propertyName: 'kind' } }, { oneOf: [dog, cat] }, 'discriminator-added'],
  'discriminator-changed': [{ oneOf: [cat, dog], discriminator: { propertyName: 'kind' } }, { oneOf: [cat, dog], discriminator: { propertyName: 'sort' } }, 'discriminator-changed'],
  ...Object.fromEntries(
    ([['removed', { cat: 'Cat', dog: 'Dog' }, { cat: 'Cat' }, 'added'], ['added', { cat: 'Cat' }, { cat: 'Cat', dog: 'Dog' }, 'removed'], ['changed', { cat: 'Cat' }, { cat: 'Dog' }, 'changed']] as const).map(([what, from, to, back]) => [
      `discriminator-mapping-${what}`,
      [{ oneOf: [cat, dog], discriminator: { propertyName: 'kind', mapping: from } }, { oneOf: [cat, dog], discriminator: { propertyName: 'kind', mapping: to } }, `discriminator-mapping-${back}`],
    ]),
  ),
  'dependency-added': [object({ a: text, b: text }), object({ a: text, b: text }, { dependentRequired: { a: ['b'] } }), 'dependency-removed'],
  'dependency-removed': [object({ a: text, b: text }, { dependencies: { a: ['b'] } }), object({ a: text, b: text }), 'dependency-added'],
  'exclusion-added': [text, { ...text, not: { enum: ['a'] } }, 'exclusion-removed'],
  'exclusion-removed': [{ ...text, not: { enum: ['a'] } }, text, 'exclusion-added'],
  'contains-added': [{ type: 'array' }, { type: 'array', contains: text }, 'contains-removed'],
  'contains-removed': [{ type: 'array', contains: text }, { type: 'array', contains: text, minContains: 0 }, 'contains-added'],
  ...Object.fromEntries(
    ['min', 'max'].flatMap((bound) => ([['raised', 1, 2, 'lowered'], ['lowered', 2, 1, 'raised']] as const).map(([what, from, to, back]) => [
      `${bound}-contains-${what}`, [{ type: 'array', contains: text, [`${bound}Contains`]: from }, { type: 'array', contains: text, [`${bound}Contains`]: to }, `${bound}-contains-${back}`],
    ])),
  ),
  'keyword-changed': [{ ...text, not: { enum: ['a'] } }, { ...text, not: { enum: ['b'] } }, 'keyword-changed'],
};

const REQUEST_ONLY = ['closed-property-removed', 'property-made-read-only', 'property-made-writable'];
const RESPONSE_ONLY = ['property-made-write-only', 'property-made-readable'];

export const SCHEMA_EXAMPLES: readonly Example[] = PLACES.flatMap((place) =>
  Object.entries(SCHEMAS)
    .filter(([id]) => !(place.startsWith('response') ? REQUEST_ONLY : RESPONSE_ONLY).includes(id))
    .map(([id, [before, after, mirror]]) => ({ rule: `${place}-${id}`, before: withSchema(place, before), after: withSchema(place, after), mirror: `${place}-${mirror}` })),
);

const get = (more: Json = {}): Json => api({ '/things/{id}': { get: operation(more) } });
const post = (body?: Json): Json => api({ '/things': { post: operation(body ? { requestBody: body } : {}) } });
const json = { 'application/json': { schema: text } };
const answering = (responses: Json): Json => api({ '/things': { get: { responses } } });
const header = (headers: Json): Json => answering({ 200: { description: 'fine', headers } });
const linked = (links: Json): Json => answering({ 200: { description: 'fine', links } });
const secured = (security: readonly Json[] | undefined, schemes: Json = { key: { type: 'apiKey', in: 'header', name: 'X-Key' }, oauth: { type: 'oauth2', flows: {} } }): Json =>
  api({ '/things': { get: operation({}) } }, { ...(security ? { security } : {}), components: { securitySchemes: schemes } });

/** Each pair gives a rule, and its reverse another. */
const both = (rule: string, mirror: string, before: Json, after: Json): Example[] => [{ rule, before, after, mirror }, { rule: mirror, before: after, after: before, mirror: rule }];

const webhook = api({}, { webhooks: { paid: { post: operation({ requestBody: { content: json } }) } } });
const hook = (more: Json): Json => api({}, { webhooks: { paid: { post: operation(more) } } });
const callback = get({ callbacks: { paid: { '{$request.body#/url}': { post: operation({ requestBody: { content: json } }) } } } });

const parameter = (location: string, more: Json = {}): Json => get({ parameters: [{ name: 'id', in: location, ...(location === 'path' ? { required: true } : {}), schema: text, ...more }] });

export const OPERATION_EXAMPLES: readonly Example[] = [
  ...both('endpoint-removed', 'endpoint-added', api({ '/a': { get: operation({}) }, '/b': { get: operation({}) } }), api({ '/a': { get: operation({}) } })),
  { rule: 'deprecated-endpoint-removed', before: get({ deprecated: true }), after: api({}), mirror: 'endpoint-added' },
  ...both('method-removed', 'method-added', api({ '/a': { get: operation({}), put: operation({}) } }), api({ '/a': { get: operation({}) } })),
  ...[['before', '2030-06-01'], ['after', '2025-06-01']].flatMap(([when = '', day = '']): Example[] => [
    { rule: `endpoint-removed-${when}-sunset`, before: get({ deprecated: true, 'x-sunset': day }), after: api({}), mirror: 'endpoint-added' },
    { rule: `method-removed-${when}-sunset`, before: api({ '/a': { get: operation({}), put: operation({ deprecated: true, sunset: day }) } }), after: api({ '/a': { get: operation({}) } }), mirror: 'method-added' },
  ]),
  { rule: 'deprecated-method-removed', before: api({ '/a': { get: operation({}), put: operation({ deprecated: true }) } }), after: api({ '/a': { get: operation({}) } }), mirror: 'method-added' },
  ...both('endpoint-deprecated', 'endpoint-undeprecated', get(), get({ deprecated: true })),
  ...both('sunset-added', 'sunset-removed', get(), get({ 'x-sunset': '2027-01-01' })),
  ...both('sunset-earlier', 'sunset-later', get({ 'x-sunset': '2027-02-01' }), get({ sunset: '2027-01-01' })),
  { rule: 'operation-id-changed', before: get({ operationId: 'a' }), after: get({ operationId: 'b' }), mirror: 'operation-id-changed' },
  ...both('operation-id-removed', 'operation-id-added', get({ operationId: 'a' }), get()),
  ...both('tag-removed', 'tag-added', get({ tags: ['a', 'b'] }), get({ tags: ['b'] })),
  ...both('webhook-removed', 'webhook-added', webhook, api({})),
  ...both('callback-removed', 'callback-added', callback, get()),
  ...both('server-removed', 'server-added', api({}, { servers: [{ url: 'https://a.example' }, { url: '/v1' }] }), api({}, { servers: [{ url: '/v1' }] })),
  ...LOCATIONS.flatMap((location): Example[] => {
    const id = (what: string): string => `${location}-parameter-${what}`;
    return [
      ...(location === 'path'
        ? [{ rule: id('renamed'), before: parameter('path'), after: api({ '/things/{number}': { get: operation({ parameters: [{ name: 'number', in: 'path', required: true, schema: text }] }) } }), mirror: id('renamed') }]
        : [
            { rule: `required-${id('added')}`, before: get(), after: parameter(location, { required: true }), mirror: `required-${id('removed')}` },
            { rule: `required-${id('removed')}`, before: parameter(location, { required: true }), after: get(), mirror: `required-${id('added')}` },
            ...both(id('added'), id('removed'), get(), parameter(location)),
            ...both(id('made-required'), id('made-optional'), parameter(location), parameter(location, { required: true })),
          ]),
      { rule: id('style-changed'), before: parameter(location), after: parameter(location, { style: 'other' }), mirror: id('style-changed') },
      { rule: id('explode-changed'), before: parameter(location, { explode: true, schema: object({ a: text }) }), after: parameter(location, { explode: false, schema: object({ a: text }) }), mirror: id('explode-changed') },
      { rule: id('content-type-changed'), before: parameter(location), after: parameter(location, { schema: undefined, content: json }), mirror: id('content-type-changed') },
      ...(location === 'query' ? [...both(id('empty-value-allowed'), id('empty-value-forbidden'), parameter('query'), parameter('query', { allowEmptyValue: true })), ...both(id('reserved-allowed'), id('reserved-forbidden'), parameter('query'), parameter('query', { allowReserved: true }))] : []),
      ...both(id('deprecated'), id('undeprecated'), parameter(location), parameter(location, { deprecated: true })),
    ];
  }),
  { rule: 'required-request-body-added', before: post(), after: post({ required: true, content: json }), mirror: 'request-body-removed' },
  ...both('request-body-added', 'request-body-removed', post(), post({ content: json })),
  ...both('request-body-made-required', 'request-body-made-optional', post({ content: json }), post({ required: true, content: json })),
  ...both('request-content-type-removed', 'request-content-type-added', post({ content: { ...json, 'text/csv': {} } }), post({ content: json })),
  { rule: 'request-encoding-changed', before: post({ content: { 'multipart/form-data': { encoding: { a: { contentType: 'image/png' } } } } }), after: post({ content: { 'multipart/form-data': {} } }), mirror: 'request-encoding-changed' },
  ...both('request-content-type-generalised', 'request-content-type-removed', post({ content: json }), post({ content: { 'application/*': { schema: text } } })),
  { rule: 'request-content-type-specified', before: post({ content: { 'text/*': {} } }), after: post({ content: { 'text/*': {}, 'text/csv': {} } }), mirror: 'request-content-type-generalised' },
  ...both('response-success-removed', 'response-success-added', answering({ 200: {}, 201: {} }), answering({ 200: {} })),
  ...both('response-status-generalised', 'response-status-specified', answering({ 200: {}, 404: {}, default: {} }), answering({ 200: {}, default: {} })),
  ...both('response-status-specified', 'response-status-generalised', answering({ '2XX': {} }), answering({ '2XX': {}, 201: {} })),
  ...both('response-error-removed', 'response-error-added', answering({ 200: {}, 404: {} }), answering({ 200: {} })),
  ...both('response-body-removed', 'response-body-added', answering({ 200: { content: json } }), answering({ 200: {} })),
  ...both('response-content-type-removed', 'response-content-type-added', answering({ 200: { content: { ...json, 'text/csv': {} } } }), answering({ 200: { content: json } })),
  ...both('response-content-type-generalised', 'response-content-type-specified', answering({ 200: { content: json } }), answering({ 200: { content: { '*/*': { schema: text } } } })),
  ...both('response-link-removed', 'response-link-added', linked({ self: { operationId: 'get' } }), linked({})),
  { rule: 'response-link-changed', before: linked({ self: { operationId: 'get' } }), after: linked({ self: { operationId: 'find' } }), mirror: 'response-link-changed' },
  { rule: 'required-response-header-removed', before: header({ 'X-A': { required: true } }), after: header({}), mirror: 'response-header-added' },
  ...both('response-header-removed', 'response-header-added', header({ 'X-A': {} }), header({})),
  ...both('response-header-made-required', 'response-header-made-optional', header({ 'X-A': {} }), header({ 'x-a': { required: true } })),
  ...both('response-header-deprecated', 'response-header-undeprecated', header({ 'X-A': {} }), header({ 'X-A': { deprecated: true } })),
  ...both('security-introduced', 'security-lifted', secured(undefined), secured([{ key: [] }])),
  ...both('security-alternative-removed', 'security-alternative-added', secured([{ key: [] }, { oauth: ['read'] }]), secured([{ key: [] }])),
  ...both('security-scope-added', 'security-scope-removed', secured([{ oauth: ['read'] }]), secured([{ oauth: ['read', 'write'] }])),
  ...both('security-scheme-demanded', 'security-scheme-not-demanded', secured([{ key: [] }]), secured([{ key: [], oauth: [] }])),
  { rule: 'unused-security-scheme-changed', before: secured([{ key: [] }]), after: secured([{ key: [] }], { key: { type: 'apiKey', in: 'header', name: 'X-Key' }, oauth: { type: 'openIdConnect', openIdConnectUrl: '/' } }), mirror: 'unused-security-scheme-changed' },
  { rule: 'security-scheme-changed', before: secured([{ key: [] }]), after: secured([{ key: [] }], { key: { type: 'http', scheme: 'bearer' }, oauth: { type: 'oauth2', flows: {} } }), mirror: 'security-scheme-changed' },
  ...both('security-scheme-removed', 'security-scheme-added', secured(undefined), secured(undefined, { key: { type: 'apiKey', in: 'header', name: 'X-Key' } })),
  ...both('delivery-method-removed', 'delivery-method-added', api({}, { webhooks: { paid: { post: operation({}), put: operation({}) } } }), hook({})),
  ...both('delivery-body-removed', 'delivery-body-added', hook({ requestBody: { content: json } }), hook({})),
  ...both('delivery-body-made-optional', 'delivery-body-made-required', hook({ requestBody: { required: true, content: json } }), hook({ requestBody: { content: json } })),
  { rule: 'delivery-content-type-added', before: hook({ requestBody: { content: json } }), after: hook({ requestBody: { content: { ...json, 'text/csv': {} } } }), mirror: 'response-content-type-removed' },
  { rule: 'delivery-content-type-generalised', before: hook({ requestBody: { content: json } }), after: hook({ requestBody: { content: { '*/*': { schema: text } } } }), mirror: 'response-content-type-specified' },
  { rule: 'required-delivery-parameter-removed', before: hook({ parameters: [{ name: 'X-Sign', in: 'header', required: true, schema: text }] }), after: hook({}), mirror: 'delivery-parameter-added' },
  ...both('delivery-parameter-removed', 'delivery-parameter-added', hook({ parameters: [{ name: 'X-Sign', in: 'header', schema: text }] }), hook({})),
  ...both('delivery-parameter-made-optional', 'delivery-parameter-made-required', hook({ parameters: [{ name: 'X-Sign', in: 'header', required: true, schema: text }] }), hook({ parameters: [{ name: 'X-Sign', in: 'header', schema: text }] })),
  { rule: 'delivery-parameter-form-changed', before: hook({ parameters: [{ name: 'q', in: 'query', schema: text }] }), after: hook({ parameters: [{ name: 'q', in: 'query', explode: false, schema: text }] }), mirror: 'delivery-parameter-form-changed' },
  ...both('delivery-answer-removed', 'delivery-answer-added', hook({ responses: { 200: {}, 202: {} } }), hook({})),
  ...both('error-delivery-answer-removed', 'delivery-answer-added', hook({ responses: { 200: {}, 410: {} } }), hook({})),
  ...both('delivery-answer-body-added', 'delivery-answer-body-removed', hook({}), hook({ responses: { 200: { content: json } } })),
  { rule: 'delivery-answer-header-demanded', before: hook({ responses: { 200: { headers: { 'X-A': {} } } } }), after: hook({ responses: { 200: { headers: { 'X-A': { required: true } } } } }) },
  { rule: 'delivery-security-changed', before: hook({ security: [{ key: [] }] }), after: hook({ security: [{ oauth: [] }] }), mirror: 'delivery-security-changed' },
  ...both('delivery-security-added', 'delivery-security-changed', hook({ security: [{ key: [] }] }), hook({ security: [{ key: [], oauth: [] }] })),
];
