import type { Finding } from '../finding.ts';
import { compareContent, type ContentOptions } from './compare-content.ts';
import { methodsOf, operationName, type Endpoint } from './endpoints.ts';
import { member, type Node } from './form.ts';
import type { OpenApi } from './open-api.ts';

/** A path item whose requests the API makes. */
export function compareReceived({ old, fresh, schemas, before, after, path }: Pick<ContentOptions, 'old' | 'fresh' | 'schemas' | 'path'> & { readonly before: Endpoint; readonly after: Endpoint }): Finding[] {
  const [from, to] = [methodsOf(before), methodsOf(after)];
  return [...from].flatMap(([method, was]) => {
    const is = to.get(method);
    if (!is) return [];
    const body = (api: OpenApi, operation: Node): unknown => {
      const value = member(operation, 'requestBody');
      return value === undefined ? undefined : member(api.resolve(value, `${path}.${method}.requestBody`), 'content');
    };
    return compareContent({ old, fresh, schemas, before: body(old, was), after: body(fresh, is), place: 'response', path: `${path}.${method}.request`, operation: operationName(method, before.path) });
  });
}
