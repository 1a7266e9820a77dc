import { member, type Node } from './form.ts';
import type { OpenApi } from './open-api.ts';

/** A path and what stands under it. */
export interface Endpoint {
  readonly path: string;
  readonly item: Node;
}

/** An endpoint of both documents, or of one. */
export type EndpointPair = { readonly before: Endpoint; readonly after: Endpoint } | { readonly before: Endpoint; readonly after?: undefined } | { readonly before?: undefined; readonly after: Endpoint };

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** `GET /users/{id}`. */
export function operationName(method: string, path: string): string {
  return `${method.toUpperCase()} ${path}`;
}

/** The operations of a path by method, as the document's author listed them. */
export function methodsOf({ item }: Endpoint): Map<string, Node> {
  return new Map(Object.entries(item).flatMap(([method, operation]) => (METHODS.includes(method) && typeof operation === 'object' && operation !== null ? [[method, operation as Node]] : [])));
}

/** The names of a path's parameters, in order. */
export function pathNames(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);
}

/** Endpoints by path; `/users/{id}` and `/users/{userId}` are one, since no request can tell them apart. */
export function pairedPaths(old: OpenApi, fresh: OpenApi): EndpointPair[] {
  const [before, after] = [endpoints(old), endpoints(fresh)];
  const left = new Map(after);
  const same = new Map([...before.keys()].filter((path) => left.delete(path)).map((path) => [path, path]));
  const byForm = new Map([...left.keys()].map((path) => [nameless(path), path]));
  const pairs = [...before.values()].map((endpoint): EndpointPair => {
    const path = same.get(endpoint.path) ?? byForm.get(nameless(endpoint.path));
    const other = path === undefined ? undefined : after.get(path);
    if (path === undefined || !other || (path !== endpoint.path && !left.delete(path))) return { before: endpoint };
    return { before: endpoint, after: other };
  });
  return [...pairs, ...[...left.values()].map((endpoint): EndpointPair => ({ after: endpoint }))];
}

function endpoints({ form, root, resolve }: OpenApi): Map<string, Endpoint> {
  return new Map(
    Object.entries(form.optionalObject(member(root, 'paths'), 'paths'))
      .filter(([path]) => !path.startsWith('x-'))
      .map(([path, value]) => {
        const item = resolve(value ?? {}, `paths.${path}`);
        for (const method of METHODS) if (member(item, method) !== undefined) form.object(member(item, method), `paths.${path}.${method}`);
        return [path, { path, item }];
      }),
  );
}

function nameless(path: string): string {
  return path.replace(/\{[^{}]*\}/g, '{}');
}

/** The body that the requests of an operation have; undefined: none. */
export function bodyOf(api: OpenApi, operation: Node, path: string): { readonly required: boolean; readonly content: unknown } | undefined {
  const value = member(operation, 'requestBody');
  if (value === undefined) return undefined;
  const body = api.resolve(value, path);
  return { required: member(body, 'required') === true, content: api.form.optionalObject(member(body, 'content'), `${path}.content`) };
}
