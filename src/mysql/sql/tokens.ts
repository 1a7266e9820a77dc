/** One part of a MySQL statement that can matter to which tables it names. */
export interface Token {
  readonly kind: 'word' | 'name' | 'literal' | 'sign';
  /** Of a word as written, of a quoted name without its quotes, of a sign itself; empty for a literal. */
  readonly text: string;
}

const TOKEN = new RegExp(
  [
    String.raw`(?<skip>\s+|--(?:\s[^\n]*|(?=\n|$))|#[^\n]*|/\*(?!!)[\s\S]*?\*/|/\*!\d*|\*/)`,
    String.raw`(?<literal>'(?:[^'\\]|\\[\s\S]|'')*'|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w$])|\.\d+|@@?[\w$.]*|\?)`,
    String.raw`(?<double>"(?:[^"\\]|\\[\s\S]|"")*")`,
    String.raw`\x60(?<name>(?:[^\x60]|\x60\x60)+)\x60`,
    String.raw`(?<word>[\w$\u0080-\uffff]+)`,
    String.raw`(?<sign>:=|[^\s\w])`,
  ].join('|'),
  'gy',
);

/**
 * The tokens of a statement. Executable comments (`/*! … *\/`) count as what is in them.
 * @throws where a string, a quoted name or a comment has no end.
 */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (!groups) throw new Error(`syntax error at "${text.slice(at, at + 20)}"`);
    const { literal, double, name, word, sign } = groups;
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name.replaceAll('``', '`') });
    // Under ANSI_QUOTES a name, else a string; where a table is expected only one of them makes sense.
    else if (double !== undefined) tokens.push({ kind: 'name', text: double.slice(1, -1) });
    else if (literal !== undefined) tokens.push({ kind: 'literal', text: '' });
    else if (sign === "'" || sign === '"' || sign === '`') throw new Error(`no end of the text that begins at ${text.slice(at, at + 20)}`);
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
  }
  return tokens;
}

export function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text.toUpperCase());
}

export function isSign(token: Token | undefined, sign: string): boolean {
  return token?.kind === 'sign' && token.text === sign;
}
