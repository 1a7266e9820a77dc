import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import { compareContent, hasContent } from './compare-content.ts';
import type { CompareOperationOptions } from './compare-operation.ts';
import { canonical, member, type Node } from './form.ts';
import type { OpenApi } from './open-api.ts';

/** What an operation answers, by status. */
export function compareResponses(options: CompareOperationOptions): Finding[] {
  const { old, fresh, before, after, path, operation } = options;
  const [from, to] = [responsesOf(old, before.operation, path), responsesOf(fresh, after.operation, path)];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((status) => {
    const [was, is] = [from.get(status), to.get(status)];
    const at = `${path}.responses.${status}`;
    if (was && is) return compareResponse(options, { was, is, at });
    // What is no longer said of a status, or not yet, is said of all of its kind.
    const [general, side] = was ? [coverOf(to, status), 'generalised' as const] : [coverOf(from, status), 'specified' as const];
    if (general) {
      const { name, response } = general;
      return [
        finding({ rule: `response-status-${side}`, path: at, description: was ? `the status ${status} is described by ${name} now` : `the status ${status} was described by ${name}`, old: was ? status : name, fresh: was ? name : status }, [operation]),
        ...compareResponse(options, was ? { was, is: response, at } : { was: response, is: is ?? response, at }),
      ];
    }
    return [finding({ rule: `response-${/^[123]/.test(status) ? 'success' : 'error'}-${is ? 'added' : 'removed'}`, path: at, description: `the status ${status} was ${is ? 'added' : 'removed'}`, ...(is ? { fresh: status } : { old: status }) }, [operation])];
  });
}

/** The range that a status falls in, or what is said of all others. A range falls in nothing but the latter. */
export function coverOf(responses: ReadonlyMap<string, Node>, status: string): { readonly name: string; readonly response: Node } | undefined {
  for (const name of [`${status.charAt(0)}XX`, 'default']) {
    const response = name === status ? undefined : responses.get(name);
    if (response) return { name, response };
  }
  return undefined;
}

function compareResponse({ old, fresh, operation, schemas }: CompareOperationOptions, { was, is, at }: { readonly was: Node; readonly is: Node; readonly at: string }): Finding[] {
  const [from, to] = [member(was, 'content'), member(is, 'content')];
  const [had, has] = [hasContent(from), hasContent(to)];
  return [
    ...(had === has ? [] : [finding({ rule: has ? 'response-body-added' : 'response-body-removed', path: at, description: `the body was ${has ? 'added' : 'removed'}`, old: had, fresh: has }, [operation])]),
    ...compareContent({ old, fresh, schemas, before: from, after: to, place: 'response', path: at, operation }),
    ...compareLinks({ old, fresh, operation, was, is, at }), ...compareHeaders({ old, fresh, operation, schemas }, { was: headersOf(old, was, at), is: headersOf(fresh, is, at), at }),
  ];
}

/** Where clients are told to go on from an answer. */
function compareLinks({ old, fresh, operation, was, is, at }: Pick<CompareOperationOptions, 'old' | 'fresh' | 'operation'> & { readonly was: Node; readonly is: Node; readonly at: string }): Finding[] {
  const [from, to] = [linksOf(old, was, at), linksOf(fresh, is, at)];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((name) => {
    const [target, now] = [from.get(name), to.get(name)];
    if (target === now) return [];
    const what = target === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
    return [finding({ rule: `response-link-${what}`, path: `${at}.links.${name}`, description: what === 'changed' ? 'the link leads elsewhere, or with other values' : `the link was ${what}`, old: target, fresh: now }, [operation])];
  });
}

/** Each link by where it leads, and with what. */
function linksOf(api: OpenApi, response: Node, path: string): Map<string, string> {
  const at = `${path}.links`;
  return new Map(Object.entries(api.form.optionalObject(member(response, 'links'), at)).map(([name, value]) => {
    const link = api.resolve(value, `${at}.${name}`);
    const server = api.form.optionalObject(member(link, 'server'), `${at}.${name}.server`);
    return [name, canonical([...['operationId', 'operationRef', 'parameters', 'requestBody'].map((key) => member(link, key) ?? null), member(server, 'url') ?? null])];
  }));
}

type Headers = ReadonlyMap<string, { readonly name: string; readonly header: Node }>;

function compareHeaders({ schemas, operation }: Pick<CompareOperationOptions, 'old' | 'fresh' | 'operation' | 'schemas'>, { was, is, at }: { readonly was: Headers; readonly is: Headers; readonly at: string }): Finding[] {
  const on = (header: Node, key: string): boolean => member(header, key) === true;
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((key) => {
    const [from, to] = [was.get(key), is.get(key)];
    const name = (from ?? to)?.name ?? key;
    const path = `${at}.headers.${name}`;
    const told = (what: string, description: string): Finding => finding({ rule: what, path, description, ...(from ? { old: name } : {}), ...(to ? { fresh: name } : {}) }, [operation]);
    if (!from) return [told('response-header-added', 'the header was added')];
    if (!to) return [told(on(from.header, 'required') ? 'required-response-header-removed' : 'response-header-removed', 'the header was removed')];
    schemas.add({ before: schemaOf(from.header), after: schemaOf(to.header), place: 'response-header', path, operation });
    const [needed, needs] = [on(from.header, 'required'), on(to.header, 'required')];
    const [wasDeprecated, isDeprecated] = [on(from.header, 'deprecated'), on(to.header, 'deprecated')];
    return [
      ...(needed === needs ? [] : [told(`response-header-made-${needs ? 'required' : 'optional'}`, `the header is ${needs ? 'always' : 'not always'} sent now`)]),
      ...(wasDeprecated === isDeprecated ? [] : [told(`response-header-${isDeprecated ? 'deprecated' : 'undeprecated'}`, `the header is ${isDeprecated ? '' : 'no longer '}deprecated`)]),
    ];
  });
}

/** What the values of a header hold to. */
export function schemaOf(header: Node): unknown {
  const content = member(header, 'content');
  if (!hasContent(content)) return member(header, 'schema');
  const [first] = Object.values(content as Node);
  return typeof first === 'object' && first !== null ? member(first as Node, 'schema') : undefined;
}

/** The answers of an operation by their status: `200`, `2XX`, `default`. */
export function responsesOf(api: OpenApi, operation: Node, path: string): Map<string, Node> {
  const at = `${path}.responses`;
  return new Map(
    Object.entries(api.form.optionalObject(member(operation, 'responses'), at))
      .filter(([status]) => !status.startsWith('x-'))
      .map(([status, response]) => [status.toUpperCase() === 'DEFAULT' ? 'default' : status.toUpperCase(), api.resolve(response, `${at}.${status}`)]),
  );
}

/** Names of headers differ in more than their case. `Content-Type` is described by the content. */
export function headersOf(api: OpenApi, response: Node, path: string): Headers {
  const at = `${path}.headers`;
  return new Map(
    Object.entries(api.form.optionalObject(member(response, 'headers'), at))
      .filter(([name]) => name.toLowerCase() !== 'content-type')
      .map(([name, header]) => [name.toLowerCase(), { name, header: api.resolve(header, `${at}.${name}`) }]),
  );
}
