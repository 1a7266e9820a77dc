import { foldName } from './fold.ts';

/** The way to a value: names of fields and indices of lists. */
export type JsonPath = readonly (string | number)[];

const PLAIN = /^[\w$-]+$/;
const step = (name: string): string => (PLAIN.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`);

/** `$.items[2].price` */
export function showPath(path: JsonPath): string {
  return `$${path.map((part) => (typeof part === 'number' ? `[${part}]` : step(part))).join('')}`;
}

/** The same for all items of a list, and for all fields that are named by an id: `$.items[*].price`. */
export function foldPath(path: JsonPath): string {
  let text = '$';
  for (const part of path) {
    if (typeof part === 'number') text += '[*]';
    else text += foldName(part) === part ? step(part) : `.${foldName(part)}`;
  }
  return text;
}

/** A path in which `*` stands for one name or index and `**` for any number of them. */
export type PathPattern = readonly (string | number | typeof ONE | typeof ANY)[];

const ONE = Symbol('one');
const ANY = Symbol('any');
const PART = /\.\*\*|\.\*|\[\*\]|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.([^.[\]]+)/y;

/** Reads `$.items[*].price`, `$.*.etag`, `$.**.updatedAt`, `$["odd name"]`; undefined: it is none of these. */
export function parsePattern(text: string): PathPattern | undefined {
  if (!text.startsWith('$')) return undefined;
  const parts: (string | number | typeof ONE | typeof ANY)[] = [];
  PART.lastIndex = 1;
  while (PART.lastIndex < text.length) {
    const found = PART.exec(text);
    if (!found) return undefined;
    const [all, index, quoted, name] = found;
    if (index !== undefined) parts.push(Number(index));
    else if (quoted !== undefined) parts.push(unquoted(quoted));
    else if (name === undefined) parts.push(all === '.**' ? ANY : ONE);
    else parts.push(name);
  }
  return parts;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    // A wrong escape: the name as it stands there.
    return text.slice(1, -1);
  }
}

/** Whether a path, or what is around it, fits. */
export function coveredBy(pattern: PathPattern, path: JsonPath): boolean {
  return covers(pattern, 0, path, 0, true);
}

/** Whether it is this path that fits. */
export function fitsPath(pattern: PathPattern, path: JsonPath): boolean {
  return covers(pattern, 0, path, 0, false);
}

function covers(pattern: PathPattern, p: number, path: JsonPath, i: number, below: boolean): boolean {
  const wanted = pattern[p];
  if (wanted === undefined) return below || i === path.length;
  if (wanted === ANY) {
    for (let next = i; next <= path.length; next++) if (covers(pattern, p + 1, path, next, below)) return true;
    return false;
  }
  return i < path.length && (wanted === ONE || wanted === path[i]) && covers(pattern, p + 1, path, i + 1, below);
}
