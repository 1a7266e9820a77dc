/** Signs with which no plain scalar begins. */
const INDICATORS = /^(?:[,[\]{}#&*!|>'"%@`]|[-?:](?: |$))/;

/** What ends a plain scalar, or makes it something else: a comment, a key, a tab. */
const BROKEN = / #|: |:$|\t/;

const NUMBER = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const OTHER_BASE = /^(?:0x[\da-fA-F]{1,12}|0o[0-7]{1,16})$/;
const NO_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN|0x[\da-fA-F]+|0o[0-7]+)$/;

const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ...['null', 'Null', 'NULL', '~'].map((word): [string, null] => [word, null]),
  ...['true', 'True', 'TRUE'].map((word): [string, boolean] => [word, true]),
  ...['false', 'False', 'FALSE'].map((word): [string, boolean] => [word, false]),
]);

/** A plain scalar, or a flow list of them on one line; undefined: something else. */
export function plainValue(text: string): unknown {
  const sign = text.charAt(0);
  if (sign === '[' || sign === '{') return flowValue(text);
  if (INDICATORS.test(text) || BROKEN.test(text)) return undefined;
  return resolved(text);
}

/** What a plain scalar means by YAML's core schema; undefined: left to the library. */
function resolved(text: string): unknown {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (NUMBER.test(text) || OTHER_BASE.test(text)) return Number(text);
  return NO_FINITE.test(text) ? undefined : text;
}

function flowValue(text: string): unknown {
  if (text === '{}') return {};
  if (!text.startsWith('[') || !text.endsWith(']')) return undefined;
  const inner = text.slice(1, -1);
  if (/[[\]{}#&*!|>%@`:?\t]/.test(inner)) return undefined;
  if (/["']/.test(inner)) return jsonOf(text);
  if (/^ *$/.test(inner)) return [];
  const list: unknown[] = [];
  for (const part of inner.split(',')) {
    const item = part.replace(/^ +| +$/g, '');
    const value = item === '' || /^-(?:$|\D)/.test(item) ? undefined : resolved(item);
    if (value === undefined) return undefined;
    list.push(value);
  }
  return list;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A name that means itself as the key of an object: numbers only in their shortest form. */
export function isPlainKey(name: string): boolean {
  if (name === '' || INDICATORS.test(name) || BROKEN.test(name) || name.endsWith(' ') || /^(?:---|\.\.\.)/.test(name)) return false;
  return resolved(name) === name || /^(?:0|[1-9]\d{0,14})$/.test(name);
}

/** A quoted scalar that ends before `end`, and the position behind its quote. */
export function quotedOnOneLine(text: string, position: number, end: number): { readonly value: string; readonly after: number } | undefined {
  const quote = text.charAt(position);
  if (quote === "'") {
    let close = text.indexOf("'", position + 1);
    while (close !== -1 && text.charAt(close + 1) === "'") close = text.indexOf("'", close + 2);
    if (close === -1 || close >= end) return undefined;
    return { value: text.slice(position + 1, close).replaceAll("''", "'"), after: close + 1 };
  }
  let close = position + 1;
  while (close < end && text.charAt(close) !== '"') close += text.charAt(close) === '\\' ? 2 : 1;
  if (close >= end) return undefined;
  const inner = text.slice(position + 1, close);
  const value = inner.includes('\\') ? jsonOf(text.slice(position, close + 1)) : inner;
  return typeof value === 'string' ? { value, after: close + 1 } : undefined;
}

/** A plain or quoted scalar over several lines; undefined: something else. */
export function foldedLines(source: string): string | undefined {
  const lines = source.split('\n').slice(0, -1).map((line) => line.replace(/^ +| +$/g, ''));
  const [first = ''] = lines;
  const quote = first.charAt(0);
  if (quote === "'" || quote === '"') return foldedQuoted(lines, quote);
  if (INDICATORS.test(first) || lines.some((line) => line.startsWith('#') || BROKEN.test(line))) return undefined;
  return folded(lines);
}

function foldedQuoted(lines: readonly string[], quote: string): string | undefined {
  const last = lines.at(-1) ?? '';
  const inner = [(lines[0] ?? '').slice(1), ...lines.slice(1, -1), last.slice(0, -1)];
  if (!last.endsWith(quote) || inner[0] === '' || last.length === 1 || inner.some((line) => line.includes('\t'))) return undefined;
  // Blanks that stand beside the quotes belong to the text.
  if (inner[0]?.startsWith(' ') || inner.at(-1)?.endsWith(' ')) return undefined;
  if (quote === '"') return inner.some((line) => /["\\]/.test(line)) ? undefined : folded(inner);
  if (inner.some((line) => line.replaceAll("''", '').includes("'"))) return undefined;
  return folded(inner).replaceAll("''", "'");
}

/** Lines that follow each other become one; blank lines between them become breaks. */
function folded(lines: readonly string[]): string {
  let text = '';
  let blank = 0;
  for (const [index, line] of lines.entries()) {
    if (line === '') {
      blank += 1;
      continue;
    }
    text += blank > 0 ? '\n'.repeat(blank) : index > 0 ? ' ' : '';
    text += line;
    blank = 0;
  }
  return text;
}

/** The lines below a `|`, without the last break. The last line is not blank. */
export function literalBlock(lines: readonly string[]): string | undefined {
  return unindented(lines)?.join('\n');
}

/** The lines below a `>`, without the last break. */
export function foldedBlock(lines: readonly string[]): string | undefined {
  const plain = unindented(lines);
  // Lines that stand deeper keep their breaks.
  if (plain === undefined || plain.some((line) => /^[ \t]/.test(line))) return undefined;
  return folded(plain);
}

function unindented(lines: readonly string[]): string[] | undefined {
  const first = lines.find((line) => !/^ *$/.test(line)) ?? '';
  const indent = first.length - first.replace(/^ +/, '').length;
  const plain: string[] = [];
  for (const line of lines) {
    const blank = /^ *$/.test(line);
    if (blank ? line.length > indent : line.search(/[^ ]/) < indent) return undefined;
    plain.push(blank ? '' : line.slice(indent));
  }
  return plain;
}
