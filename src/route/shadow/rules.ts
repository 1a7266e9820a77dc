import { BanyanError } from '../../core/errors.ts';
import type { Bounds } from '../../core/exact-decimal.ts';
import { parsePattern, type PathPattern } from './json-path.ts';

/** What counts when two answers are compared. */
export interface CompareOptions {
  /** What may differ: headers, and paths into JSON bodies with all below them, `$.items[*].updatedAt` or `$.**.etag`. */
  readonly ignore?: readonly string[];
  /** Headers that are compared beside `content-type`. */
  readonly headers?: readonly string[];
  /** How far numbers may be apart; the first whose path fits. Without a path: all numbers. */
  readonly tolerance?: readonly (Bounds & { readonly path?: string })[];
  /** Lists whose order says nothing; `key` names the field that tells their items apart. */
  readonly unordered?: readonly (string | { readonly path: string; readonly key?: string })[];
}

export interface CompareRules {
  readonly ignore: readonly PathPattern[];
  readonly headers: readonly string[];
  readonly tolerance: readonly { readonly path: PathPattern | null; readonly bounds: Bounds }[];
  readonly unordered: readonly { readonly path: PathPattern; readonly key?: string }[];
}

/** @throws BANYAN_ROUTE_INVALID for a path that can't be read. */
export function compileRules({ ignore = [], headers = [], tolerance = [], unordered = [] }: CompareOptions): CompareRules {
  const ignored = new Set(ignore.filter((text) => !text.startsWith('$')).map((name) => name.toLowerCase()));
  const names = new Set(['content-type', ...headers.map((name) => name.toLowerCase())]);
  return {
    ignore: ignore.filter((text) => text.startsWith('$')).map(pattern),
    headers: [...names].filter((name) => !ignored.has(name)),
    tolerance: tolerance.map(({ path, ...bounds }) => ({ path: path === undefined ? null : pattern(path), bounds })),
    unordered: unordered.map((entry) => {
      const { path, key } = typeof entry === 'string' ? { path: entry } : entry;
      return { path: pattern(path), ...(key === undefined ? {} : { key }) };
    }),
  };
}

function pattern(text: string): PathPattern {
  const parts = parsePattern(text);
  if (parts) return parts;
  throw new BanyanError('BANYAN_ROUTE_INVALID', { message: `${text} is no path into a JSON body; expected one such as $.items[*].price.` });
}
