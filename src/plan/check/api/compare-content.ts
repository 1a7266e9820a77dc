import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import type { SchemaComparison } from './compare-schemas.ts';
import { canonical, member, type Node } from './form.ts';
import type { OpenApi } from './open-api.ts';

export interface ContentOptions {
  readonly old: OpenApi;
  readonly fresh: OpenApi;
  readonly schemas: SchemaComparison;
  /** The `content` of a body. */
  readonly before: unknown;
  readonly after: unknown;
  readonly place: 'request' | 'response';
  readonly path: string;
  readonly operation: string;
}

/** A body by its content types. Which there are is compared only where both sides have a body. */
export function compareContent({ old, fresh, schemas, before, after, place, path, operation }: ContentOptions): Finding[] {
  const [from, to] = [mediaTypes(old, before, path), mediaTypes(fresh, after, path)];
  if (from.size === 0 || to.size === 0) return [];
  const single = from.size === 1 && to.size === 1;
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((type) => {
    const [was, is] = [from.get(type), to.get(type)];
    if (!was || !is) {
      return [finding({ rule: `${place}-content-type-${is ? 'added' : 'removed'}`, path: `${path}.content.${type}`, description: `the content type was ${is ? 'added' : 'removed'}`, ...(is ? { fresh: type } : { old: type }) }, [operation])];
    }
    const at = single || /[/+]json$/.test(type) ? path : `${path}.content.${type}`;
    schemas.add({ before: member(was, 'schema'), after: member(is, 'schema'), place, path: at, operation });
    if (place === 'response' || canonical(member(was, 'encoding') ?? {}) === canonical(member(is, 'encoding') ?? {})) return [];
    return [finding({ rule: 'request-encoding-changed', path: `${at}.encoding`, description: 'the encoding of its parts has changed' }, [operation])];
  });
}

/** How many content types a body has. */
export function hasContent(content: unknown): boolean {
  return typeof content === 'object' && content !== null && Object.keys(content).length > 0;
}

/** Their names in small letters; the character set makes no other type. */
function mediaTypes({ form }: OpenApi, content: unknown, path: string): Map<string, Node> {
  return new Map(
    Object.entries(form.optionalObject(content, `${path}.content`)).map(([type, value]) => [
      type.toLowerCase().replace(/\s*;\s*charset=[^;]*/, '').trim(), form.optionalObject(value, `${path}.content.${type}`),
    ]),
  );
}
