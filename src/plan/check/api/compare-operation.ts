import type { Finding } from '../finding.ts';
import { finding, type Change } from './api-finding.ts';
import { compareContent } from './compare-content.ts';
import { compareDelivery } from './compare-deliveries.ts';
import { compareParameters } from './compare-parameters.ts';
import { compareResponses } from './compare-responses.ts';
import type { SchemaComparison } from './compare-schemas.ts';
import { compareServers } from './compare-servers.ts';
import { bodyOf, type Endpoint } from './endpoints.ts';
import { member, type Node } from './form.ts';
import type { OpenApi } from './open-api.ts';

/** An operation and the path that it stands under. */
export interface OperationOf extends Endpoint {
  readonly operation: Node;
}

export interface CompareOperationOptions {
  readonly old: OpenApi;
  readonly fresh: OpenApi;
  readonly before: OperationOf;
  readonly after: OperationOf;
  /** `paths./users/{id}.get`. */
  readonly path: string;
  /** `GET /users/{id}`. */
  readonly operation: string;
  readonly schemas: SchemaComparison;
}

/** One operation before and after. */
export function compareOperation(options: CompareOperationOptions): Finding[] {
  const { old, fresh, before, after, path, operation } = options;
  const [was, is] = [before.operation, after.operation];
  return [
    ...[...lifeChanges(options), ...nameChanges(options)].map((change) => finding(change, [operation])),
    ...compareServers({ before: member(was, 'servers'), after: member(is, 'servers'), path, operations: [operation], form: fresh.form }),
    ...compareParameters(options), ...compareRequestBody(options), ...compareResponses(options),
    ...compareCallbacks({ ...options, from: callbacks(old, was, path), to: callbacks(fresh, is, path) }),
  ];
}

function lifeChanges({ old, fresh, before: { operation: was }, after: { operation: is }, path }: CompareOperationOptions): Change[] {
  const [wasDeprecated, isDeprecated] = [member(was, 'deprecated') === true, member(is, 'deprecated') === true];
  const [from, to] = [sunsetOf(old, was, path), sunsetOf(fresh, is, path)];
  return [
    ...(wasDeprecated === isDeprecated ? [] : [{ rule: isDeprecated ? 'endpoint-deprecated' : 'endpoint-undeprecated', path, description: `it is ${isDeprecated ? '' : 'no longer '}deprecated`, old: wasDeprecated, fresh: isDeprecated }]),
    ...(from === to ? [] : [{ rule: from === undefined ? 'sunset-added' : to === undefined ? 'sunset-removed' : `sunset-${timeOf(to) < timeOf(from) ? 'earlier' : 'later'}`, path: `${path}.sunset`, description: `the sunset ${from ?? 'none'} has become ${to ?? 'none'}`, old: from, fresh: to }]),
  ];
}

/**
 * Which rule the removal of operations falls under. What announced its last day may go after it, not before; what was only
 * deprecated may still be called.
 * @param at now; absent: unknown, and no day has passed.
 */
export function removalRule({ api, operations, at, path, what }: { readonly api: OpenApi; readonly operations: readonly Node[]; readonly at: Date | undefined; readonly path: string; readonly what: 'endpoint' | 'method' }): string {
  if (operations.length === 0 || !operations.every((operation) => member(operation, 'deprecated') === true)) return `${what}-removed`;
  const ends = operations.map((operation) => endOf(sunsetOf(api, operation, path)));
  if (at === undefined || ends.some(Number.isNaN)) return `deprecated-${what}-removed`;
  return ends.every((end) => end <= at.getTime()) ? `${what}-removed-after-sunset` : `${what}-removed-before-sunset`;
}

/** A day ends when it is over; anything else is a moment. */
function endOf(sunset: string | undefined): number {
  if (sunset === undefined) return Number.NaN;
  return Date.parse(sunset) + (/^\d{4}-\d{2}-\d{2}$/.test(sunset) ? 86_400_000 : 0);
}

function sunsetOf({ form }: OpenApi, operation: Node, path: string): string | undefined {
  return form.optionalText(member(operation, 'sunset') ?? member(operation, 'x-sunset'), `${path}.sunset`);
}

/** What is no date sorts last. */
function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? Infinity : time;
}

function nameChanges({ old, fresh, before: { operation: was }, after: { operation: is }, path }: CompareOperationOptions): Change[] {
  const id = (api: OpenApi, operation: Node): string | undefined => api.form.optionalText(member(operation, 'operationId'), `${path}.operationId`);
  const tags = (api: OpenApi, operation: Node): Set<string> => new Set(api.form.list(member(operation, 'tags'), `${path}.tags`).map((tag) => api.form.text(tag, `${path}.tags`)));
  const [from, to] = [id(old, was), id(fresh, is)];
  const [before, after] = [tags(old, was), tags(fresh, is)];
  return [
    ...(from === to ? [] : [{ rule: `operation-id-${from === undefined ? 'added' : to === undefined ? 'removed' : 'changed'}`, path: `${path}.operationId`, description: `the operationId ${from ?? 'none'} has become ${to ?? 'none'}`, old: from, fresh: to }]),
    ...[...before].filter((tag) => !after.has(tag)).map((tag) => ({ rule: 'tag-removed', path: `${path}.tags.${tag}`, description: `the tag ${tag} was removed`, old: tag })),
    ...[...after].filter((tag) => !before.has(tag)).map((tag) => ({ rule: 'tag-added', path: `${path}.tags.${tag}`, description: `the tag ${tag} was added`, fresh: tag })),
  ];
}

function compareRequestBody({ old, fresh, before, after, path, operation, schemas }: CompareOperationOptions): Finding[] {
  const at = `${path}.request`;
  const [was, is] = [bodyOf(old, before.operation, at), bodyOf(fresh, after.operation, at)];
  if (!was && !is) return [];
  const told = (rule: string, description: string): Finding[] => [finding({ rule, path: at, description, old: was?.required ?? null, fresh: is?.required ?? null }, [operation])];
  if (!is) return told('request-body-removed', 'the request body was removed');
  if (!was) return told(is.required ? 'required-request-body-added' : 'request-body-added', `${is.required ? 'a required' : 'an optional'} request body was added`);
  return [
    ...(was.required === is.required ? [] : told(`request-body-made-${is.required ? 'required' : 'optional'}`, `the request body is ${is.required ? 'required' : 'optional'} now`)),
    ...compareContent({ old, fresh, schemas, before: was.content, after: is.content, place: 'request', path: at, operation }),
  ];
}

/** Callbacks by their name and the expression of their address. */
function callbacks(api: OpenApi, operation: Node, path: string): Map<string, Endpoint> {
  const at = `${path}.callbacks`;
  return new Map(
    Object.entries(api.form.optionalObject(member(operation, 'callbacks'), at)).flatMap(([name, callback]) =>
      Object.entries(api.resolve(callback, `${at}.${name}`)).map(([expression, item]): [string, Endpoint] => [`${name}.${expression}`, { path: `${name} ${expression}`, item: api.resolve(item, `${at}.${name}.${expression}`) }]),
    ),
  );
}

function compareCallbacks({ old, fresh, schemas, path, operation, from, to }: CompareOperationOptions & { readonly from: ReadonlyMap<string, Endpoint>; readonly to: ReadonlyMap<string, Endpoint> }): Finding[] {
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((name) => {
    const [was, is] = [from.get(name), to.get(name)];
    const at = `${path}.callbacks.${name}`;
    if (!was || !is) return [finding({ rule: is ? 'callback-added' : 'callback-removed', path: at, description: `the callback was ${is ? 'added' : 'removed'}`, ...(is ? { fresh: name } : { old: name }) }, [operation])];
    return compareDelivery({ old, fresh, schemas, before: was, after: is, path: at });
  });
}
