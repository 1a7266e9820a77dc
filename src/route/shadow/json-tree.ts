import { isUtf8 } from 'node:buffer';

/**
 * A JSON value in which no number was read: a number is the text that was written, marked with `n`; a text is marked
 * with `s`, and so is the name of a field.
 */
export type Tree = string | boolean | null | readonly Tree[] | TreeObject;
export interface TreeObject {
  readonly [name: string]: Tree;
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[[\]{}]/g;
const DEEPEST = 100;

/** The value of a JSON text; undefined if it is none, is not UTF-8, or is nested deeper than 100 levels. */
export function parseTree(body: Buffer): Tree | undefined {
  if (!isUtf8(body)) return undefined;
  const text = body.toString('utf8');
  let depth = 0;
  let deepest = 0;
  try {
    JSON.parse(text);
    const marked = text.replace(TOKEN, (token) => {
      const [first] = token;
      if (first === '"') return `"s${token.slice(1)}`;
      if (first === '{' || first === '[') deepest = Math.max(deepest, ++depth);
      else if (first === '}' || first === ']') depth--;
      else return `"n${token}"`;
      return token;
    });
    return deepest > DEEPEST ? undefined : (JSON.parse(marked) as Tree);
  } catch {
    // No JSON: the caller compares texts.
    return undefined;
  }
}

export const isList = (tree: Tree): tree is readonly Tree[] => Array.isArray(tree);
export const isObject = (tree: Tree): tree is TreeObject => typeof tree === 'object' && tree !== null && !Array.isArray(tree);

/** What kind of value it is, for people. */
export function typeOf(tree: Tree): 'null' | 'boolean' | 'number' | 'text' | 'list' | 'object' {
  if (tree === null) return 'null';
  if (typeof tree === 'boolean') return 'boolean';
  if (typeof tree === 'string') return tree.startsWith('n') ? 'number' : 'text';
  return isList(tree) ? 'list' : 'object';
}

/** The same for equal values, whatever the order of their fields. */
export function canonical(tree: Tree): string {
  if (isList(tree)) return `[${tree.map(canonical).join()}]`;
  if (typeof tree === 'string' && tree.startsWith('n')) return canonicalNumber(tree.slice(1));
  if (!isObject(tree)) return JSON.stringify(tree);
  const fields = Object.keys(tree).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(tree[name] ?? null)}`).join()}}`;
}

/** 1.50, 1.5 and 15e-1 are the same number. */
function canonicalNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}
