import { isNode, member, type Node } from '../api/form.ts';

/** The keys that lead to a part of a document. */
export type Keys = readonly (string | number)[];

interface At {
  readonly value: unknown;
  readonly keys: Keys;
}

/** So many steps no honest path has; references may go in circles. */
const MOST_STEPS = 2000;

/**
 * Where what a finding's path names stands in a document: references are followed, and what paths leave out (the body's
 * content, the schema of a parameter, the parts of `allOf`) is stepped through. Of what is not there, what is around it.
 */
export function placeOf(root: unknown, path: string): Keys {
  let steps = 0;
  let best: Keys = [];
  const find = (at: At, rest: string): boolean => {
    steps += 1;
    if (steps > MOST_STEPS) return true;
    const here = followed(root, at);
    if (here.keys.length > 0 && (best.length === 0 || rest.length < left)) {
      best = here.keys;
      left = rest.length;
    }
    return rest === '' || nextSteps(root, here, rest).some(([next, remaining]) => find(next, remaining));
  };
  let left = path.length;
  find({ value: root, keys: [] }, path);
  return best;
}

/** What a reference leads to, through any number of them. */
function followed(root: unknown, at: At): At {
  let here = at;
  for (let count = 0; count < 50; count += 1) {
    const reference = isNode(here.value) ? member(here.value, '$ref') : undefined;
    if (typeof reference !== 'string' || !reference.startsWith('#/')) return here;
    const keys = reference.slice(2).split('/').map((part) => decoded(part));
    here = { keys, value: keys.reduce<unknown>((value, key) => step({ value, keys: [] }, key)?.value, root) };
  }
  return here;
}

function decoded(part: string): string {
  const plain = /%(?![\dA-Fa-f]{2})/.test(part) ? part : decodeURIComponent(part);
  return plain.replaceAll('~1', '/').replaceAll('~0', '~');
}

function step({ value, keys }: At, key: string | number): At | undefined {
  if (Array.isArray(value)) return Number(key) in value ? { value: value[Number(key)] as unknown, keys: [...keys, Number(key)] } : undefined;
  return isNode(value) && Object.hasOwn(value, key) ? { value: member(value, String(key)), keys: [...keys, key] } : undefined;
}

/** Each way on, with what of the path is left behind it; the likeliest first. */
function nextSteps(root: unknown, here: At, rest: string): [At, string][] {
  const { value } = here;
  const named = (name: string, at: At | undefined): [At, string][] => (at && (rest === name || rest.startsWith(`${name}.`)) ? [[at, rest.slice(name.length + 1)]] : []);
  if (Array.isArray(value)) return [...value.entries()].flatMap(([index, each]) => {
    const at = step(here, index);
    return at === undefined ? [] : [...new Set([nameOf(each), nameOf(followed(root, at).value), String(index)])].flatMap((name) => (name === undefined ? [] : named(name, at)));
  });
  if (!isNode(value)) return [];
  // A key may hold dots, so that a longer one is meant before a shorter one.
  const keys = Object.keys(value).filter((key) => rest === key || rest.startsWith(`${key}.`)).toSorted((a, b) => b.length - a.length);
  return [...keys.flatMap((key) => named(key, step(here, key))), ...samePath(here, value, rest), ...named('request', step(here, 'requestBody')), ...hiddenSteps(here, value).map((at): [At, string] => [at, rest])];
}

/** A path whose parameters are called otherwise: no request can tell. */
function samePath(here: At, value: Node, rest: string): [At, string][] {
  const path = rest.startsWith('/') ? /^.*?(?=\.(?:get|put|post|delete|options|head|patch|trace|servers|parameters)(?:\.|$)|$)/.exec(rest)?.[0] : undefined;
  if (path === undefined) return [];
  const nameless = (text: string): string => text.replaceAll(/\{[^{}]*\}/g, '{}');
  const key = Object.keys(value).find((each) => each !== path && nameless(each) === nameless(path));
  const at = key === undefined ? undefined : step(here, key);
  return at ? [[at, rest.slice(path.length + 1)]] : [];
}

/** What paths do not name. */
function hiddenSteps(here: At, value: Node): At[] {
  const content = step(here, 'content');
  const types = content && isNode(content.value) ? Object.keys(content.value).toSorted((a, b) => Number(b.includes('json')) - Number(a.includes('json'))) : [];
  const parts = step(here, 'allOf');
  const all = [step(here, 'schema'), content && types[0] !== undefined ? step(content, types[0]) : undefined, ...(parts && Array.isArray(value['allOf']) ? [...value['allOf'].keys()].map((index) => step(parts, index)) : [])];
  return all.filter((at) => at !== undefined);
}

/** What an entry of a list is called: a parameter by its name, a variant by its reference or title. */
function nameOf(entry: unknown): string | undefined {
  if (!isNode(entry)) return undefined;
  const [name, title, reference] = ['name', 'title', '$ref'].map((key) => member(entry, key));
  return typeof reference === 'string' ? reference.split('/').at(-1) : typeof name === 'string' ? name : typeof title === 'string' ? title : undefined;
}
