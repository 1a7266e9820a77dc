export type Dialect = 'postgres' | 'mysql';

/** What a character begins or goes on with. */
const SPACE = 1;
const WORD = 2;
const DIGIT = 3;
const CLASS = new Uint8Array(256);
for (const code of [9, 10, 11, 12, 13, 32]) CLASS[code] = SPACE;
for (let code = 0; code < 256; code += 1) {
  const letter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95 || code >= 128;
  if (letter) CLASS[code] = WORD;
  if (code >= 48 && code <= 57) CLASS[code] = DIGIT;
}

/** What was read last, as far as lists are concerned. */
const OTHER = 0;
const LITERAL = 1;
const COMMA = 2;
const GROUP = 3;

const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const BACKTICK = 96;
const BACKSLASH = 92;
const DOLLAR = 36;
const MASKED = new Set(['null', 'true', 'false', 'default']);
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\u00ff][A-Za-z0-9_\u0080-\u00ff]*)?\$/y;
const LOOKS_LIKE_A_NAME = /"[A-Za-z_]\w{0,63}"/y;

/**
 * A number for the form of a statement: the same for texts that differ only in literals, parameters,
 * comments, white space, letter case, and how many of them a list or a VALUES holds. 53 bits wide, so that
 * among a million forms two fall together once in ten thousand times. `text` is bytes as latin1.
 */
export function fingerprint(text: string, dialect: Dialect): number {
  const mysql = dialect === 'mysql';
  const { length } = text;
  const form = HASH;
  form.reset();
  let at = 0;
  while (at < length) {
    const code = text.charCodeAt(at);
    const kind = CLASS[code];
    if (kind === SPACE) {
      at += 1;
    } else if (kind === WORD) {
      const end = endOfWord(text, at + 1);
      if (isMasked(text, at, end)) form.literal();
      else form.word(text, at, end);
      at = end;
    } else if (kind === DIGIT) {
      at = endOfNumber(text, at + 1);
      form.literal();
    } else if (code === QUOTE || (code === DOUBLE_QUOTE && mysql && !looksLikeName(text, at))) {
      at = endOfQuoted(text, at, code, mysql || isEscapePrefix(text, at));
      form.literal();
    } else if (code === DOUBLE_QUOTE || (code === BACKTICK && mysql)) {
      const end = endOfQuoted(text, at, code, false);
      form.name(text, at, end);
      at = end;
    } else if (code === DOLLAR && !mysql) {
      at = CLASS[text.charCodeAt(at + 1)] === DIGIT ? endOfNumber(text, at + 1) : endOfDollarQuote(text, at);
      form.literal();
    } else if ((code === 45 && text.charCodeAt(at + 1) === 45) || (code === 35 && mysql)) {
      at = endOfLine(text, at);
    } else if (code === 47 && text.charCodeAt(at + 1) === 42) {
      at = endOfComment(text, at, !mysql);
    } else {
      at += 1;
      if (code === 63 && mysql) form.literal();
      else if (code !== 59 || hasMore(text, at)) form.sign(code);
    }
  }
  return form.value;
}

/** The hash of the tokens so far, without what only makes a list longer. */
class Hash {
  #h1 = 0;
  #h2 = 0;
  #previous = OTHER;
  #before = OTHER;
  // Where the latest literal and the latest group of literals ended: what follows them of the same kind is forgotten.
  #literal1 = 0;
  #literal2 = 0;
  #group1 = 0;
  #group2 = 0;
  /** Only literals since the latest parenthesis opened. */
  #simple = false;
  /** That parenthesis follows a group and a comma. */
  #afterGroup = false;

  get value(): number {
    return (this.#h1 >>> 0) * 0x200000 + ((this.#h2 ^ (this.#h2 >>> 15)) >>> 11);
  }

  reset(): void {
    this.#h1 = 0x811c9dc5 | 0;
    this.#h2 = 0x2f0b4c47 | 0;
    this.#previous = OTHER;
    this.#before = OTHER;
    this.#simple = false;
    this.#afterGroup = false;
  }

  /** A word, in whatever case. */
  word(text: string, from: number, to: number): void {
    let h1 = this.#h1;
    let h2 = this.#h2;
    for (let i = from; i < to; i += 1) {
      const code = text.charCodeAt(i);
      const letter = code >= 65 && code <= 90 ? code | 32 : code;
      h1 = Math.imul(h1 ^ letter, 0x01000193);
      h2 = Math.imul(h2 + letter, 0x5bd1e995) ^ (h2 >>> 13);
    }
    this.#h1 = h1;
    this.#h2 = h2;
    this.#mix(31);
    this.#other();
  }

  /** A quoted name, as it is. */
  name(text: string, from: number, to: number): void {
    for (let i = from; i < to; i += 1) this.#mix(text.charCodeAt(i));
    this.#other();
  }

  literal(): void {
    if (this.#previous === COMMA && this.#before === LITERAL) {
      this.#h1 = this.#literal1;
      this.#h2 = this.#literal2;
      this.#before = OTHER;
      this.#previous = LITERAL;
      return;
    }
    this.#mix(63);
    this.#literal1 = this.#h1;
    this.#literal2 = this.#h2;
    this.#token(LITERAL);
  }

  sign(code: number): void {
    if (code === 41 && this.#simple && this.#previous === LITERAL) {
      this.#endGroup();
      return;
    }
    this.#mix(code);
    if (code === 44) {
      this.#token(COMMA);
    } else if (code === 40) {
      this.#afterGroup = this.#previous === COMMA && this.#before === GROUP;
      this.#simple = true;
      this.#token(OTHER);
    } else {
      this.#other();
    }
  }

  #endGroup(): void {
    if (this.#afterGroup) {
      this.#h1 = this.#group1;
      this.#h2 = this.#group2;
    } else {
      this.#mix(41);
      this.#group1 = this.#h1;
      this.#group2 = this.#h2;
    }
    this.#simple = false;
    this.#token(GROUP);
  }

  #mix(code: number): void {
    this.#h1 = Math.imul(this.#h1 ^ code, 0x01000193);
    this.#h2 = Math.imul(this.#h2 + code, 0x5bd1e995) ^ (this.#h2 >>> 13);
  }

  #token(kind: number): void {
    this.#before = this.#previous;
    this.#previous = kind;
  }

  #other(): void {
    this.#simple = false;
    this.#token(OTHER);
  }
}

/** One for all: a statement is hashed in one go. */
const HASH = new Hash();

function endOfWord(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const kind = CLASS[code];
    if (kind !== WORD && kind !== DIGIT && code !== DOLLAR) break;
  }
  return at;
}

function isMasked(text: string, from: number, to: number): boolean {
  const length = to - from;
  if (length !== 4 && length !== 5 && length !== 7) return false;
  const first = text.charCodeAt(from) | 32;
  return (first === 110 || first === 116 || first === 102 || first === 100) && MASKED.has(text.slice(from, to).toLowerCase());
}

/** A semicolon at the very end is no difference. */
function hasMore(text: string, from: number): boolean {
  for (let i = from; i < text.length; i += 1) if (CLASS[text.charCodeAt(i)] !== SPACE) return true;
  return false;
}

function endOfNumber(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const kind = CLASS[code];
    const exponentSign = (code === 43 || code === 45) && (text.charCodeAt(at - 1) | 32) === 101 && CLASS[text.charCodeAt(at + 1)] === DIGIT;
    if (kind !== DIGIT && kind !== WORD && code !== 46 && !exponentSign) break;
    at += 1;
  }
  return at;
}

function isEscapePrefix(text: string, quote: number): boolean {
  if (quote === 0 || (text.charCodeAt(quote - 1) | 32) !== 101) return false;
  const kind = quote > 1 ? CLASS[text.charCodeAt(quote - 2)] : 0;
  return kind !== WORD && kind !== DIGIT;
}

function endOfQuoted(text: string, from: number, quote: number, escapes: boolean): number {
  const mark = String.fromCharCode(quote);
  let at = from + 1;
  if (!escapes) {
    for (;;) {
      const found = text.indexOf(mark, at);
      if (found === -1) return text.length;
      if (text.charCodeAt(found + 1) !== quote) return found + 1;
      at = found + 2;
    }
  }
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 2;
    else if (code !== quote) at += 1;
    else if (text.charCodeAt(at + 1) === quote) at += 2;
    else return at + 1;
  }
  return text.length;
}

/** Under ANSI_QUOTES these are names; as strings they are rare enough to cost a few more forms. */
function looksLikeName(text: string, at: number): boolean {
  LOOKS_LIKE_A_NAME.lastIndex = at;
  return LOOKS_LIKE_A_NAME.test(text);
}

function endOfDollarQuote(text: string, from: number): number {
  DOLLAR_QUOTE.lastIndex = from;
  const quote = DOLLAR_QUOTE.exec(text)?.[0];
  if (quote === undefined) return from + 1;
  const end = text.indexOf(quote, from + quote.length);
  return end === -1 ? text.length : end + quote.length;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end + 1;
}

function endOfComment(text: string, from: number, nested: boolean): number {
  let depth = 1;
  let at = from + 2;
  while (depth > 0) {
    const close = text.indexOf('*/', at);
    if (close === -1) return text.length;
    const open = nested ? text.indexOf('/*', at) : -1;
    if (open !== -1 && open < close) {
      depth += 1;
      at = open + 2;
    } else {
      depth -= 1;
      at = close + 2;
    }
  }
  return at;
}
