import { documentError } from '../../document.ts';

/** An object of a document that is not trusted yet. */
export type Node = Readonly<Record<string, unknown>>;

/** Reads parts of a document, and refuses what has another form with its file, path, what was found and what was expected. */
export interface Form {
  /** @throws BANYAN_DOCUMENT */
  readonly object: (value: unknown, path: string) => Node;
  /** An object, or an empty one where there is nothing. @throws BANYAN_DOCUMENT */
  readonly optionalObject: (value: unknown, path: string) => Node;
  /** A list, or an empty one where there is nothing. @throws BANYAN_DOCUMENT */
  readonly list: (value: unknown, path: string) => readonly unknown[];
  /** @throws BANYAN_DOCUMENT */
  readonly text: (value: unknown, path: string) => string;
  readonly optionalText: (value: unknown, path: string) => string | undefined;
  readonly optionalNumber: (value: unknown, path: string) => number | undefined;
  readonly refuse: (path: string, found: string, expected: string) => never;
}

export function formOf(file: string): Form {
  const refuse = (path: string, found: string, expected: string): never => {
    throw documentError(file, [{ path, found, expected }]);
  };
  const object = (value: unknown, path: string): Node => (isNode(value) ? value : refuse(path, kindOf(value), 'an object'));
  const text = (value: unknown, path: string): string => (typeof value === 'string' ? value : refuse(path, kindOf(value), 'a text'));
  return {
    refuse, object, text,
    optionalObject: (value, path) => (value === undefined || value === null ? {} : object(value, path)),
    list: (value, path) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : refuse(path, kindOf(value), 'a list')),
    optionalText: (value, path) => (value === undefined || value === null ? undefined : text(value, path)),
    optionalNumber: (value, path) => (value === undefined || value === null ? undefined : typeof value === 'number' ? value : refuse(path, kindOf(value), 'a number')),
  };
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object's own member: a document may call a property `constructor`. */
export function member(node: Node, name: string): unknown {
  return Object.hasOwn(node, name) ? node[name] : undefined;
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : JSON.stringify(value).slice(0, 80);
}

/** One text for equal values, whatever the order of an object's keys. Values must not be deeper than the stack: {@link openApi} sees to it. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isNode(value)) return JSON.stringify(value) ?? 'null';
  return `{${Object.keys(value).toSorted().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}
