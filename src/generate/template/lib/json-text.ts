/**
 * JSON as text. Numbers keep every digit here, which `JSON.parse` would round to 15 to 17. All
 * functions expect text that is known to be valid JSON.
 */

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}

function skipSpace(text: string, at: number): number {
  let i = at;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
}

function endOfString(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return endOfString(text, at);
  let i = at;
  if (first !== '{' && first !== '[') {
    while (i < text.length && text[i] !== ',' && text[i] !== ']' && text[i] !== '}' && !isSpace(text.charCodeAt(i))) i++;
    return i;
  }
  let depth = 0;
  while (i < text.length) {
    const c = text[i];
    if (c === '"') {
      i = endOfString(text, i);
      continue;
    }
    if (c === '{' || c === '[') depth++;
    if (c === '}' || c === ']') depth--;
    i++;
    if (depth === 0) break;
  }
  return i;
}

/** The members of a JSON object by name, each value as it was written; undefined if it is no object. */
export function members(text: string): Map<string, string> | undefined {
  let i = skipSpace(text, 0);
  if (text[i] !== '{') return undefined;
  const found = new Map<string, string>();
  i = skipSpace(text, i + 1);
  while (i < text.length && text[i] !== '}') {
    const endOfName = endOfString(text, i);
    const name = String(JSON.parse(text.slice(i, endOfName)));
    const start = skipSpace(text, skipSpace(text, endOfName) + 1);
    const end = endOfValue(text, start);
    found.set(name, text.slice(start, end));
    i = skipSpace(text, end);
    if (text[i] === ',') i = skipSpace(text, i + 1);
  }
  return found;
}

/** The elements of a JSON array, each as it was written; undefined if it is no array. */
export function elements(text: string): string[] | undefined {
  let i = skipSpace(text, 0);
  if (text[i] !== '[') return undefined;
  const found: string[] = [];
  i = skipSpace(text, i + 1);
  while (i < text.length && text[i] !== ']') {
    const end = endOfValue(text, i);
    found.push(text.slice(i, end));
    i = skipSpace(text, end);
    if (text[i] === ',') i = skipSpace(text, i + 1);
  }
  return found;
}

/** Deeper patches replace what is there instead of being merged into it. */
const DEEPEST_MERGE = 100;

/** JSON Merge Patch (RFC 7396) on text: `patch` applied to `target`. */
export function mergePatch(target: string | undefined, patch: string, depth = 0): string {
  const changes = members(patch);
  if (!changes || depth > DEEPEST_MERGE) return patch;
  const merged = (target === undefined ? undefined : members(target)) ?? new Map<string, string>();
  for (const [name, value] of changes) {
    if (value === 'null') merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  return `{${[...merged].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
