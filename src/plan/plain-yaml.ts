import { parseDocument, type Document } from 'yaml';
import { DEEPEST } from './nesting.ts';
import { isNestedDeeper } from './yaml-nesting.ts';
import { foldedBlock, foldedLines, isPlainKey, literalBlock, plainValue, quotedOnOneLine } from './plain-yaml-scalars.ts';

/** What this reader does not read; the library does. */
const ODD: unique symbol = Symbol('odd');
type Odd = typeof ODD;

/** YAML allows keys of 1,024 signs. */
const LONGEST_KEY = 1000;

const [NEWLINE, SPACE, HASH, DASH, COLON, BAR, ANGLE, QUOTE, DOUBLE_QUOTE] = [10, 32, 35, 45, 58, 124, 62, 39, 34];

/**
 * Reads the YAML that programs and people mostly write: indented mappings and lists of scalars. It is ten times as fast
 * as the library, because it keeps no tree of tokens. An entry that has another form (flow collections over several
 * lines, comments behind values, unusual scalars) is handed to the library by itself.
 * @returns undefined if the document holds what can not be read entry by entry (anchors, aliases, tags, directives,
 *   several documents), or what is wrong: the library reads it then, and names the line.
 */
export function readPlainYaml(text: string): { readonly value: unknown } | undefined {
  const plain = text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
  if (plain.includes('\r')) return undefined;
  // Blanks behind the last break are a line of a block that keeps its breaks, or are none: the library knows.
  if (/\n +$/.test(plain)) return undefined;
  return new PlainYaml(plain.endsWith('\n') ? plain : `${plain}\n`).read();
}

class PlainYaml {
  readonly #text: string;
  /** Where the present line begins, where its first sign stands, and where it ends. */
  #start = 0;
  #first = 0;
  #end = 0;
  /** The column of the first sign; -1 after the last line. */
  #column = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): { readonly value: unknown } | undefined {
    this.#moveTo(0);
    if (this.#column === 0 && this.#text.startsWith('---\n', this.#start)) this.#next();
    const value = this.#column === 0 ? this.#block(0) : ODD;
    return value === ODD || this.#start < this.#text.length ? undefined : { value };
  }

  /** To the first line from `position` on that is neither blank nor a comment. */
  #moveTo(position: number): void {
    const text = this.#text;
    let start = position;
    while (start < text.length) {
      let first = start;
      while (text.charCodeAt(first) === SPACE) first += 1;
      const sign = text.charCodeAt(first);
      if (sign !== NEWLINE && sign !== HASH) {
        this.#start = start;
        this.#first = first;
        this.#column = first - start;
        this.#end = text.indexOf('\n', first);
        return;
      }
      start = (sign === NEWLINE ? first : text.indexOf('\n', first)) + 1;
    }
    this.#start = text.length;
    this.#column = -1;
  }

  #next(): void {
    this.#moveTo(this.#end + 1);
  }

  /** The mapping or list whose entries stand in this column. */
  #block(column: number): unknown {
    if (this.#depth > DEEPEST) return ODD;
    this.#depth += 1;
    const value = this.#isItem(this.#first) ? this.#list(column) : this.#mapping(column);
    this.#depth -= 1;
    return value;
  }

  #isItem(position: number): boolean {
    if (this.#text.charCodeAt(position) !== DASH) return false;
    const next = this.#text.charCodeAt(position + 1);
    return next === SPACE || next === NEWLINE;
  }

  #list(column: number): unknown[] | Odd {
    const list: unknown[] = [];
    while (this.#column === column && this.#isItem(this.#first)) {
      const item = this.#item(column, this.#contentFrom(this.#first + 1));
      if (item === ODD) return ODD;
      list.push(item);
    }
    return this.#column > column ? ODD : list;
  }

  /** Where something stands on the present line, from `position` on; its end if that is only a comment. */
  #contentFrom(position: number): number {
    let at = position;
    while (this.#text.charCodeAt(at) === SPACE) at += 1;
    return this.#text.charCodeAt(at) === HASH && at > position ? this.#end : at;
  }

  /** What stands behind a dash. */
  #item(column: number, at: number): unknown {
    const entry = this.#first;
    if (at >= this.#end) {
      this.#next();
      return this.#column > column ? this.#below(column, entry) : null;
    }
    if (this.#isItem(at) || this.#keyAt(at) !== undefined) {
      // The entries of a mapping that begins behind the dash stand under its first key.
      this.#column = at - this.#start;
      this.#first = at;
      return this.#block(this.#column);
    }
    const value = this.#value(column, at);
    return value === ODD ? this.#byLibrary(column, entry) : value;
  }

  /** What stands on the lines below a key or a dash. */
  #below(column: number, entry: number): unknown {
    if (this.#isItem(this.#first) || this.#keyAt(this.#first) !== undefined) return this.#block(this.#column);
    const value = this.#value(column, this.#first);
    return value === ODD ? this.#byLibrary(column, entry) : value;
  }

  #mapping(column: number): object | Odd {
    const mapping: Record<string, unknown> = {};
    while (this.#column === column) {
      const entry = this.#first;
      const key = this.#keyAt(entry);
      if (key === undefined || Object.hasOwn(mapping, key.name)) return ODD;
      const value = this.#valueOf(column, entry, key.after);
      if (value === ODD) return ODD;
      if (key.name === '__proto__') Object.defineProperty(mapping, key.name, { value, enumerable: true, writable: true, configurable: true });
      else mapping[key.name] = value;
    }
    return this.#column > column ? ODD : mapping;
  }

  #valueOf(column: number, entry: number, after: number): unknown {
    if (after < this.#end) {
      const value = this.#value(column, after);
      return value === ODD ? this.#byLibrary(column, entry) : value;
    }
    this.#next();
    if (this.#column > column) return this.#below(column, entry);
    // A list may stand in the column of its key.
    return this.#column === column && this.#isItem(this.#first) ? this.#block(column) : null;
  }

  /** The key that begins here, and where its value does (at the line's end: on the next lines). */
  #keyAt(position: number): { readonly name: string; readonly after: number } | undefined {
    const text = this.#text;
    const sign = text.charCodeAt(position);
    let name: string;
    let colon: number;
    if (sign === QUOTE || sign === DOUBLE_QUOTE) {
      const quoted = quotedOnOneLine(text, position, this.#end);
      if (quoted === undefined || text.charCodeAt(quoted.after) !== COLON || ![SPACE, NEWLINE].includes(text.charCodeAt(quoted.after + 1))) return undefined;
      ({ value: name, after: colon } = quoted);
    } else {
      colon = text.indexOf(':', position);
      while (colon !== -1 && colon < this.#end && text.charCodeAt(colon + 1) !== SPACE && text.charCodeAt(colon + 1) !== NEWLINE) colon = text.indexOf(':', colon + 1);
      if (colon === -1 || colon >= this.#end) return undefined;
      name = text.slice(position, colon);
      if (!isPlainKey(name)) return undefined;
    }
    if (colon - position > LONGEST_KEY) return undefined;
    return { name, after: this.#contentFrom(colon + 1) };
  }

  /** A value that begins on the line of its key or dash. Leaves the position behind it, unless it is odd. */
  #value(column: number, at: number): unknown {
    const text = this.#text;
    const sign = text.charCodeAt(at);
    if (sign === BAR || sign === ANGLE) return this.#blockScalar(column, at);
    const rest = withoutBlanks(text.slice(at, this.#end));
    const after = this.#nextStart(column);
    if (after === undefined) {
      if (sign === QUOTE || sign === DOUBLE_QUOTE) {
        const quoted = quotedOnOneLine(text, at, this.#end);
        return quoted !== undefined && quoted.after === at + rest.length ? this.#taken(quoted.value) : ODD;
      }
      const value = plainValue(rest);
      return value === undefined ? ODD : this.#taken(value);
    }
    const folded = foldedLines(text.slice(at, after));
    return folded === undefined ? ODD : this.#taken(folded, after);
  }

  #taken(value: unknown, after?: number): unknown {
    if (after === undefined) this.#next();
    else this.#moveTo(after);
    return value;
  }

  /** Where the lines that belong to the present one end; undefined if it stands alone. */
  #nextStart(column: number): number | undefined {
    const text = this.#text;
    const following = this.#end + 1;
    let position = following;
    let after = following;
    while (position < text.length) {
      let first = position;
      while (text.charCodeAt(first) === SPACE) first += 1;
      const end = text.indexOf('\n', first);
      if (first !== end) {
        if (first - position <= column) break;
        after = end + 1;
      }
      position = end + 1;
    }
    return after === following ? undefined : after;
  }

  #blockScalar(column: number, at: number): unknown {
    const header = withoutBlanks(this.#text.slice(at, this.#end));
    const after = this.#nextStart(column);
    // Of the lines behind it only blanks that stand deeper could belong to it.
    if (after === undefined || this.#isBlankButNotEmpty(after)) return ODD;
    const lines = this.#text.slice(this.#end + 1, after - 1).split('\n');
    const value = header === '|' || header === '|-' ? literalBlock(lines) : header === '>' || header === '>-' ? foldedBlock(lines) : undefined;
    if (value === undefined) return ODD;
    return this.#taken(header.length === 1 ? `${value}\n` : value, after);
  }

  #isBlankButNotEmpty(position: number): boolean {
    let end = position;
    while (this.#text.charCodeAt(end) === NEWLINE) end += 1;
    const empty = end;
    while (this.#text.charCodeAt(end) === SPACE) end += 1;
    return end > empty && (this.#text.charCodeAt(end) === NEWLINE || end === this.#text.length);
  }

  /** The value of one entry of a mapping or list, read by the library. */
  #byLibrary(column: number, entry: number): unknown {
    let after = this.#nextStart(column) ?? this.#end + 1;
    // Blank lines belong to it: a block scalar may keep them.
    for (let end = this.#text.indexOf('\n', after); end !== -1 && withoutBlanks(this.#text.slice(after, end)) === ''; end = this.#text.indexOf('\n', after)) after = end + 1;
    const fragment = `${' '.repeat(column)}${this.#text.slice(entry, after)}`;
    if (isNestedDeeper(fragment, DEEPEST)) return ODD;
    const document = parseDocument(fragment, { prettyErrors: false, logLevel: 'error' });
    const values = document.errors.length > 0 ? [] : valuesOf(document);
    return values.length === 1 ? this.#taken(values[0], after) : ODD;
  }
}

/** The entries of a fragment; none if it refers to what stands elsewhere. */
function valuesOf(fragment: Document): unknown[] {
  try {
    const whole: unknown = fragment.toJS();
    return typeof whole === 'object' && whole !== null ? Object.values(whole) : [];
  } catch (error) {
    if (error instanceof ReferenceError) return [];
    throw error;
  }
}

/** Tabs and other white space are no blanks of YAML's indentation. */
function withoutBlanks(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === SPACE) end -= 1;
  return text.slice(0, end);
}
