/*
 * A dump of MySQL or MariaDB in statements and tokens. Pure, and tolerant: what it does not know it passes on.
 */

/** One word, name, text or sign of a statement. */
export interface Token {
  readonly kind: 'name' | 'text' | 'word' | 'sign';
  /** Without quotes; of words as they are written. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface DumpStatement {
  /** Conditional comments are opened, others are blank. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const NOTHING = /\s+|--(?=\s|$).*|#.*|\/\*(?!M?!)[\s\S]*?\*\//y;
const QUOTED = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`/y;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Those that begin with CREATE or ALTER; rows and settings are passed over. DELIMITER is honoured. */
export function splitDump(dump: string): DumpStatement[] {
  const statements: DumpStatement[] = [];
  let delimiter = ';';
  let line = 1;
  let begin = 0;
  let text = '';
  // Of rows nothing is kept: a dump is rows for the most part.
  let kept = false;
  const take = (part: string, shown: string): void => {
    for (let at = part.indexOf('\n'); at >= 0; at = part.indexOf('\n', at + 1)) line += 1;
    if (kept) text += shown;
  };
  const end = (): void => {
    if (kept) statements.push({ text: text.trim(), line: begin });
    text = '';
    begin = 0;
    kept = false;
  };
  for (let at = 0; at < dump.length;) {
    const blank = matchAt(NOTHING, dump, at);
    if (blank !== undefined && blank !== '') {
      take(blank, ' ');
      at += blank.length;
      continue;
    }
    const change = begin === 0 ? matchAt(/delimiter[ \t]+(\S+)/iy, dump, at) : undefined;
    if (change !== undefined) {
      delimiter = change.replace(/^delimiter\s+/i, '');
      at += change.length;
      continue;
    }
    const opened = matchAt(/\/\*M?!\d*|\*\//y, dump, at);
    if (opened !== undefined) {
      take(opened, ' ');
      at += opened.length;
      continue;
    }
    if (dump.startsWith(delimiter, at)) {
      at += delimiter.length;
      end();
      continue;
    }
    if (begin === 0) {
      begin = line;
      kept = matchAt(/(?:create|alter)\s/iy, dump, at) !== undefined;
    }
    const quoted = matchAt(QUOTED, dump, at);
    // Many at once, but no more than to the next mark.
    const plain = quoted ?? matchAt(/[\w.()=<>!+ ]+/y, dump, at) ?? dump.charAt(at);
    take(plain, plain);
    at += plain.length;
  }
  end();
  return statements;
}

/** The tokens of a statement of {@link splitDump}. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const blank = matchAt(NOTHING, text, at);
    if (blank !== undefined && blank !== '') {
      at += blank.length;
      continue;
    }
    const raw = matchAt(QUOTED, text, at) ?? matchAt(/[\p{L}\p{N}_$@]+(?:\.\d+)?/uy, text, at) ?? text.charAt(at);
    const first = raw.charAt(0);
    const kind = first === '`' ? 'name' : first === "'" || first === '"' ? 'text' : /[\p{L}\p{N}_$@]/u.test(first) ? 'word' : 'sign';
    tokens.push({ kind, value: kind === 'name' ? raw.slice(1, -1).replaceAll('``', '`') : kind === 'text' ? unquoted(raw) : raw, start: at, end: at + raw.length });
    at += raw.length;
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', b: '\b', Z: '\u001A' };

function unquoted(raw: string): string {
  const quote = raw.charAt(0);
  return raw.slice(1, -1).replaceAll(new RegExp(`\\\\([\\s\\S])|${quote}${quote}`, 'g'), (_, escaped: string | undefined) => (escaped === undefined ? quote : (ESCAPES[escaped] ?? escaped)));
}
