/* oxlint-disable unicorn/no-thenable -- `then` is a keyword of JSON Schema. */
import { api } from './api-examples.ts';

/*
 * Changes of small documents with the verdict that follows from the protocol: whether a client that held to the old
 * document is served as before. Written down before the checker was asked.
 */

type Json = { readonly [key: string]: unknown };

/** `same`: nothing is to be told. `fine`: told or not, nobody breaks. */
export type Verdict = 'breaking' | 'warning' | 'fine' | 'same';

export interface ProtocolCase {
  readonly name: string;
  readonly before: Json;
  readonly after: Json;
  readonly verdict: Verdict;
}

const text = { type: 'string' };
const json = (schema: unknown): Json => ({ 'application/json': { schema } });
const object = (properties: Json, more: Json = {}): Json => ({ type: 'object', properties, ...more });
const operation = (more: Json, document: Json = {}): Json => api({ '/orders': { post: { responses: { 204: { description: 'done' } }, ...more } } }, document);

const sends = (content: Json): Json => operation({ requestBody: { content } });
const answers = (content: Json): Json => operation({ responses: { 200: { description: 'fine', content } } });
const takes = (...parameters: readonly Json[]): Json => operation({ parameters });
const query = (schema: unknown, more: Json = {}): Json => takes({ name: 'q', in: 'query', schema, ...more });

const SCHEMES = {
  key: { type: 'apiKey', in: 'header', name: 'X-Key' }, basic: { type: 'http', scheme: 'basic' }, mutual: { type: 'mutualTLS' },
  oauth: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: 'https://a.example/token', scopes: { read: '', write: '' } } } },
};
const secured = (security: readonly Json[], more: Json = {}): Json => operation({ security }, { components: { securitySchemes: SCHEMES }, ...more });

const hook = (more: Json): Json => api({}, { webhooks: { paid: { post: { responses: { 200: { description: 'taken' } }, ...more } } } });
const hookBody = (schema: unknown, more: Json = {}): Json => hook({ requestBody: { required: true, content: json(schema), ...more } });
const hookAnswer = (schema: unknown): Json => hook({ responses: { 200: { description: 'taken', content: json(schema) } } });
const hookHeader = (...parameters: readonly Json[]): Json => hook({ parameters });
const callback = (more: Json): Json => operation({ callbacks: { done: { '{$request.body#/url}': { post: { responses: { 200: { description: 'taken' } }, ...more } } } } });
const header = (name: string, required: boolean): Json => ({ name, in: 'header', required, schema: text });

const links = (all: Json): Json => operation({ responses: { 201: { description: 'made', links: all } } });

type Row = readonly [name: string, before: Json, after: Json, verdict: Verdict];

const MEDIA: readonly Row[] = [
  ['a request may be of any application type where it was JSON', sends(json(text)), sends({ 'application/*': { schema: text } }), 'fine'],
  ['a request may be JSON only where it was any application type', sends({ 'application/*': { schema: text } }), sends(json(text)), 'breaking'],
  ['any text where anything was accepted', sends({ '*/*': {} }), sends({ 'text/*': {} }), 'breaking'],
  ['anything where any text was accepted', sends({ 'text/*': {} }), sends({ '*/*': {} }), 'fine'],
  ['a character set of JSON', sends(json(text)), sends({ 'application/json; charset=utf-8': { schema: text } }), 'same'],
  ['the same type in other letters, its parameter quoted', sends({ 'text/plain; charset=UTF-8': {} }), sends({ 'Text/Plain;charset="utf-8"': {} }), 'same'],
  ['another character set of text', sends({ 'text/plain; charset=utf-8': {} }), sends({ 'text/plain; charset=iso-8859-1': {} }), 'breaking'],
  ['a profile is demanded', sends(json(text)), sends({ 'application/json; profile="urn:a"': { schema: text } }), 'breaking'],
  ['a profile is no longer demanded', sends({ 'application/json; profile="urn:a"': { schema: text } }), sends(json(text)), 'fine'],
  ['the order of parameters', sends({ 'text/csv; header=present; charset=utf-8': {} }), sends({ 'text/csv;charset=utf-8;header=present': {} }), 'same'],
  ['the schema behind a wider range is another', sends(json(text)), sends({ '*/*': { schema: { type: 'integer' } } }), 'breaking'],
  ['the most precise range counts', sends(json(text)), sends({ '*/*': { schema: { type: 'integer' } }, 'application/*': { schema: text } }), 'fine'],
  ['a request type that a range covers all the same', sends({ ...json(text), 'application/*': { schema: text } }), sends({ 'application/*': { schema: text } }), 'fine'],
  ['JSON is no longer all of what is answered', answers(json(text)), answers({ 'application/*': { schema: text } }), 'warning'],
  ['of a range only JSON is answered', answers({ 'application/*': { schema: text } }), answers(json(text)), 'fine'],
  ['another type than JSON is answered', answers(json(text)), answers({ 'application/problem+json': { schema: text } }), 'breaking'],
];

const SECURITY: readonly Row[] = [
  ['another way to sign in', secured([{ key: [] }]), secured([{ key: [] }, { basic: [] }]), 'fine'],
  ['a second scheme beside the first', secured([{ key: [] }]), secured([{ key: [], basic: [] }]), 'breaking'],
  ['one way less', secured([{ key: [] }, { basic: [] }]), secured([{ key: [] }]), 'breaking'],
  ['one of two schemes is enough', secured([{ key: [], basic: [] }]), secured([{ key: [] }]), 'fine'],
  ['a scheme in every alternative', secured([{ key: [] }, { basic: [] }]), secured([{ key: [], mutual: [] }, { basic: [], mutual: [] }]), 'breaking'],
  ['an alternative that asks for more than another one', secured([{ key: [] }]), secured([{ key: [] }, { key: [], basic: [] }]), 'fine'],
  ['an alternative goes that asked for more than another one', secured([{ key: [] }, { key: [], basic: [] }]), secured([{ key: [] }]), 'fine'],
  ['a scope less', secured([{ oauth: ['read', 'write'] }]), secured([{ oauth: ['read'] }]), 'fine'],
  ['a scope more', secured([{ oauth: ['read'] }]), secured([{ oauth: ['read', 'write'] }]), 'breaking'],
  ['the same scheme with more scopes as an alternative', secured([{ oauth: ['read'] }]), secured([{ oauth: ['read', 'write'] }, { oauth: ['read'] }]), 'fine'],
  ['one of two scopes is no longer enough', secured([{ oauth: ['read'] }, { oauth: ['write'] }]), secured([{ oauth: ['read'] }]), 'breaking'],
  ['credentials were optional', secured([{}, { key: [] }]), secured([{ key: [] }]), 'breaking'],
  ['credentials are optional', secured([{ key: [] }]), secured([{}, { key: [] }]), 'fine'],
  ['the operation asks for nothing where the API asked', operation({}, { security: [{ key: [] }], components: { securitySchemes: SCHEMES } }), secured([], { security: [{ key: [] }] }), 'fine'],
  ['the API asks for nothing, the operation as before', secured([{ key: [] }], { security: [{ basic: [] }] }), secured([{ key: [] }]), 'same'],
  ['the order of alternatives and schemes', secured([{ key: [], basic: [] }, { oauth: ['read', 'write'] }]), secured([{ oauth: ['write', 'read'] }, { basic: [], key: [] }]), 'same'],
  ['a scheme has another name', secured([{ key: [] }]), operation({ security: [{ token: [] }] }, { components: { securitySchemes: { basic: SCHEMES.basic, mutual: SCHEMES.mutual, oauth: SCHEMES.oauth, token: SCHEMES.key } } }), 'fine'],
  ['a scheme that is in use goes into another header', secured([{ key: [] }]), operation({ security: [{ key: [] }] }, { components: { securitySchemes: { ...SCHEMES, key: { ...SCHEMES.key, name: 'X-Other' } } } }), 'breaking'],
  ['a scheme that nobody uses goes into another header', secured([{ basic: [] }]), operation({ security: [{ basic: [] }] }, { components: { securitySchemes: { ...SCHEMES, key: { ...SCHEMES.key, name: 'X-Other' } } } }), 'fine'],
];

const OWNERSHIP: readonly Row[] = [
  ['a required property that only the server sets, in a request', sends(json(object({ a: text }))), sends(json(object({ a: text, id: { ...text, readOnly: true } }, { required: ['id'] }))), 'fine'],
  ['a required property that only clients set, in an answer', answers(json(object({ a: text }))), answers(json(object({ a: text, secret: { ...text, writeOnly: true } }, { required: ['secret'] }))), 'fine'],
  ['a required property that clients must set now', sends(json(object({ id: { ...text, readOnly: true } }, { required: ['id'] }))), sends(json(object({ id: text }, { required: ['id'] }))), 'breaking'],
  ['a required property that clients may no longer set', sends(json(object({ id: text }, { required: ['id'] }))), sends(json(object({ id: { ...text, readOnly: true } }, { required: ['id'] }))), 'warning'],
  ['values of what only the server sets, in a request', sends(json(object({ s: { ...text, enum: ['a', 'b'], readOnly: true } }))), sends(json(object({ s: { ...text, enum: ['a'], readOnly: true } }))), 'fine'],
  ['values of what only clients set, in an answer', answers(json(object({ s: { ...text, enum: ['a'], writeOnly: true } }))), answers(json(object({ s: { ...text, enum: ['a', 'b'], writeOnly: true } }))), 'fine'],
  ['what was always answered is written only', answers(json(object({ s: text }, { required: ['s'] }))), answers(json(object({ s: { ...text, writeOnly: true } }, { required: ['s'] }))), 'breaking'],
  ['a required property with a default, in a request', sends(json(object({ a: text }))), sends(json(object({ a: text, b: { ...text, default: 'x' } }, { required: ['b'] }))), 'breaking'],
];

const NULL: readonly Row[] = [
  ['null goes out of the values, though the type has it', sends(json({ type: ['string', 'null'], enum: ['a', null] })), sends(json({ type: ['string', 'null'], enum: ['a'] })), 'breaking'],
  ['null comes among the values of an answer', answers(json({ type: ['string', 'null'], enum: ['a'] })), answers(json({ type: ['string', 'null'], enum: ['a', null] })), 'breaking'],
  ['nullable with null among the values, in both versions', { ...sends(json({ ...text, nullable: true, enum: ['a', null] })), openapi: '3.0.3' }, sends(json({ enum: ['a', null] })), 'same'],
  ['nullable without null among the values, in both versions', { ...answers(json({ ...text, nullable: true, enum: ['a'] })), openapi: '3.0.3' }, answers(json({ type: ['string', 'null'], enum: ['a'] })), 'same'],
  ['const null', sends(json({ type: 'null' })), sends(json({ const: null })), 'same'],
];

const DELIVERIES: readonly Row[] = [
  ['a webhook always sends one property more', hookBody(object({ a: text })), hookBody(object({ a: text, b: text }, { required: ['b'] })), 'fine'],
  ['a webhook may leave out what it always sent', hookBody(object({ a: text }, { required: ['a'] })), hookBody(object({ a: text })), 'breaking'],
  ['a webhook no longer sends a body', hookBody(text), hook({}), 'breaking'],
  ['a webhook may leave out its body', hookBody(text), hookBody(text, { required: false }), 'breaking'],
  ['a webhook sends XML', hookBody(text), hook({ requestBody: { required: true, content: { 'application/xml': { schema: text } } } }), 'breaking'],
  ['a webhook sends XML now and then', hookBody(text), hook({ requestBody: { required: true, content: { ...json(text), 'application/xml': { schema: text } } } }), 'warning'],
  ['a webhook comes by another method', hook({}), api({}, { webhooks: { paid: { put: { responses: { 200: { description: 'taken' } } } } } }), 'breaking'],
  ['a status that receivers answered is none of those that count', hook({ responses: { 200: {}, 202: {} } }), hook({ responses: { 202: {} } }), 'breaking'],
  ['receivers may answer another status', hook({}), hook({ responses: { 200: {}, 202: {} } }), 'fine'],
  ['receivers may answer any success', hook({}), hook({ responses: { '2XX': {} } }), 'fine'],
  ['receivers must answer one property more', hookAnswer(object({ ok: { type: 'boolean' } })), hookAnswer(object({ ok: { type: 'boolean' }, id: text }, { required: ['id'] })), 'breaking'],
  ['receivers need not answer a property', hookAnswer(object({ ok: { type: 'boolean' } }, { required: ['ok'] })), hookAnswer(object({ ok: { type: 'boolean' } })), 'fine'],
  ['what receivers answer may be longer', hookAnswer({ ...text, maxLength: 5 }), hookAnswer({ ...text, maxLength: 9 }), 'fine'],
  ['what receivers answer must be shorter', hookAnswer({ ...text, maxLength: 9 }), hookAnswer({ ...text, maxLength: 5 }), 'breaking'],
  ['a signature is no longer sent', hookHeader(header('X-Signature', true)), hook({}), 'breaking'],
  ['what was sent now and then is no longer', hookHeader(header('X-Hint', false)), hook({}), 'warning'],
  ['a signature is sent as well', hook({}), hookHeader(header('X-Signature', true)), 'fine'],
  ['a webhook proves itself by another scheme', hook({ security: [{ key: [] }] }), hook({ security: [{ basic: [] }] }), 'breaking'],
  ['a callback tells less', callback({ requestBody: { content: json(object({ a: text }, { required: ['a'] })) } }), callback({ requestBody: { content: json(object({})) } }), 'breaking'],
  ['a callback asks for an answer of another form', callback({ responses: { 200: { content: json(text) } } }), callback({ responses: { 200: { content: json({ type: 'integer' }) } } }), 'breaking'],
  ['a callback takes more answers', callback({ responses: { 200: { content: json({ type: 'integer' }) } } }), callback({ responses: { 200: { content: json({ type: 'number' }) } } }), 'fine'],
];

const LINKS: readonly Row[] = [
  ['a link goes', links({ self: { operationId: 'getOrder' } }), links({}), 'warning'],
  ['a link comes', links({}), links({ self: { operationId: 'getOrder' } }), 'fine'],
  ['a link leads elsewhere', links({ self: { operationId: 'getOrder' } }), links({ self: { operationId: 'getThing' } }), 'warning'],
  ['a link is described otherwise', links({ self: { operationId: 'getOrder' } }), links({ self: { operationId: 'getOrder', description: 'itself' } }), 'same'],
];

const PARAMETERS: readonly Row[] = [
  ['how lists are written, of a text', query(text, { explode: true }), query(text, { explode: false }), 'same'],
  ['how lists are written, of a list', query({ type: 'array', items: text }), query({ type: 'array', items: text }, { explode: false }), 'breaking'],
  ['a list in a header is written the same both ways', takes({ name: 'X-L', in: 'header', schema: { type: 'array', items: text } }), takes({ name: 'X-L', in: 'header', explode: true, schema: { type: 'array', items: text } }), 'same'],
  ['a number that may be any text', query({ type: 'integer' }), query(text), 'fine'],
  ['a text that must be a number', query(text), query({ type: 'integer' }), 'breaking'],
  ['a number that may be a short text', query({ type: 'integer' }), query({ ...text, maxLength: 3 }), 'breaking'],
  ['a header in other letters', takes(header('X-Id', false)), takes(header('x-id', false)), 'same'],
  ['a required parameter moves from the query to a header', takes({ name: 'id', in: 'query', required: true, schema: text }), takes(header('id', true)), 'breaking'],
  ['a parameter of the path item', takes({ name: 'q', in: 'query', schema: text }), api({ '/orders': { parameters: [{ name: 'q', in: 'query', schema: text }], post: { responses: { 204: { description: 'done' } } } } }), 'same'],
  ['a value of a server variable goes', api({}, { servers: [{ url: 'https://{r}.example', variables: { r: { default: 'eu', enum: ['eu', 'us'] } } }] }), api({}, { servers: [{ url: 'https://{r}.example', variables: { r: { default: 'eu', enum: ['eu'] } } }] }), 'warning'],
];

const KEYWORDS: readonly Row[] = [
  ['other properties must be text, in a request', sends(json(object({ a: text }))), sends(json(object({ a: text }, { additionalProperties: text }))), 'breaking'],
  ['nothing that is not evaluated may be there, in a request', sends(json({ allOf: [object({ a: text })] })), sends(json({ allOf: [object({ a: text })], unevaluatedProperties: false })), 'breaking'],
  ['a closed part refuses the properties of the others', sends(json({ allOf: [object({ a: text }), object({ b: text })] })), sends(json({ allOf: [object({ a: text }, { additionalProperties: false }), object({ b: text })] })), 'breaking'],
  ['the second of a tuple is a number, in a request', sends(json({ type: 'array', prefixItems: [text, text] })), sends(json({ type: 'array', prefixItems: [text, { type: 'integer' }] })), 'breaking'],
  ['a tuple is closed, in a request', sends(json({ type: 'array', prefixItems: [text] })), sends(json({ type: 'array', prefixItems: [text], items: false })), 'breaking'],
  ['a tuple is closed, in an answer', answers(json({ type: 'array', prefixItems: [text] })), answers(json({ type: 'array', prefixItems: [text], items: false })), 'fine'],
  ['one property calls for another, in a request', sends(json(object({ card: text, name: text }))), sends(json(object({ card: text, name: text }, { dependentRequired: { card: ['name'] } }))), 'breaking'],
  ['one property no longer calls for another, in a request', sends(json(object({ card: text, name: text }, { dependentRequired: { card: ['name'] } }))), sends(json(object({ card: text, name: text }))), 'fine'],
  ['one property calls for another that is required anyhow', sends(json(object({ card: text, name: text }, { required: ['name'] }))), sends(json(object({ card: text, name: text }, { required: ['name'], dependentRequired: { card: ['name'] } }))), 'fine'],
  ['one property no longer calls for another, in an answer', answers(json(object({ card: text, name: text }, { dependentRequired: { card: ['name'] } }))), answers(json(object({ card: text, name: text }))), 'breaking'],
  ['a condition asks for more, in a request', sends(json({ ...object({ k: text, a: text }), if: { properties: { k: { const: 'x' } } }, then: object({ a: text }) })), sends(json({ ...object({ k: text, a: text }), if: { properties: { k: { const: 'x' } } }, then: object({ a: text }, { required: ['a'] }) })), 'breaking'],
  ['a condition asks for less, in a request', sends(json({ ...object({ k: text }), if: { properties: { k: { const: 'x' } } }, then: { maxProperties: 1 } })), sends(json({ ...object({ k: text }), if: { properties: { k: { const: 'x' } } }, then: { maxProperties: 2 } })), 'fine'],
  ['the condition itself is another', sends(json({ ...object({ k: text }), if: { properties: { k: { const: 'x' } } }, then: { required: ['a'] } })), sends(json({ ...object({ k: text }), if: { properties: { k: { const: 'y' } } }, then: { required: ['a'] } })), 'warning'],
  ['a condition comes, in an answer', answers(json(object({ k: text }))), answers(json({ ...object({ k: text }), if: { properties: { k: { const: 'x' } } }, then: { required: ['a'] } })), 'fine'],
  ['then without if says nothing', sends(json(object({ k: text }))), sends(json({ ...object({ k: text }), then: { required: ['a'] } })), 'same'],
  ['names must be short, in a request', sends(json({ type: 'object', propertyNames: { maxLength: 9 } })), sends(json({ type: 'object', propertyNames: { maxLength: 5 } })), 'breaking'],
  ['names may be longer, in a request', sends(json({ type: 'object', propertyNames: { maxLength: 5 } })), sends(json({ type: 'object', propertyNames: { maxLength: 9 } })), 'fine'],
  ['a list must hold something, in a request', sends(json({ type: 'array' })), sends(json({ type: 'array', contains: text })), 'breaking'],
  ['a list must hold two of them, in a request', sends(json({ type: 'array', contains: text })), sends(json({ type: 'array', contains: text, minContains: 2 })), 'breaking'],
  ['what is excluded is another, in a request', sends(json({ not: { const: 'a' } })), sends(json({ not: { const: 'b' } })), 'warning'],
  ['nothing is excluded any more, in a request', sends(json({ ...text, not: { const: 'a' } })), sends(json(text)), 'fine'],
  ['a limit that limits nothing', sends(json({ type: 'array' })), sends(json({ type: 'array', minItems: 0 })), 'same'],
  ['more than zero and at least one, of whole numbers', sends(json({ type: 'integer', exclusiveMinimum: 0 })), sends(json({ type: 'integer', minimum: 1 })), 'same'],
  ['true and false are all there is', sends(json({ type: 'boolean' })), sends(json({ type: 'boolean', enum: [true, false] })), 'same'],
  ['a value that its type never allowed', sends(json({ ...text, enum: ['a', 1] })), sends(json({ ...text, enum: ['a'] })), 'same'],
  ['a limit of another type', sends(json(text)), sends(json({ ...text, minimum: 1 })), 'same'],
  ['multiples of 10 become those of 5, in a request', sends(json({ type: 'integer', multipleOf: 10 })), sends(json({ type: 'integer', multipleOf: 5 })), 'fine'],
  ['multiples of 5 become those of 10, in a request', sends(json({ type: 'integer', multipleOf: 5 })), sends(json({ type: 'integer', multipleOf: 10 })), 'breaking'],
  ['longer numbers, in a request', sends(json({ type: 'integer', format: 'int32' })), sends(json({ type: 'integer', format: 'int64' })), 'fine'],
  ['shorter numbers, in a request', sends(json({ type: 'integer', format: 'int64' })), sends(json({ type: 'integer', format: 'int32' })), 'breaking'],
  ['longer numbers, in an answer', answers(json({ type: 'integer', format: 'int32' })), answers(json({ type: 'integer', format: 'int64' })), 'warning'],
  ['a text or a number where it was a text, in a request', sends(json(text)), sends(json({ anyOf: [text, { type: 'integer' }] })), 'fine'],
  ['a text or a number where it was a text, in an answer', answers(json(text)), answers(json({ anyOf: [text, { type: 'integer' }] })), 'breaking'],
];

export const PROTOCOL_CASES: readonly ProtocolCase[] = [...MEDIA, ...SECURITY, ...OWNERSHIP, ...NULL, ...DELIVERIES, ...LINKS, ...PARAMETERS, ...KEYWORDS].map(([name, before, after, verdict]) => ({ name, before, after, verdict }));
