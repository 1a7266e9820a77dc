import type { Token } from './split-dump.ts';

/** Goes through the tokens of a statement. */
export class TokenReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  next(): Token | undefined {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  /** Whether these words or signs stand next. */
  isAt(...words: readonly string[]): boolean {
    return words.every((word, i) => {
      const token = this.peek(i);
      return token !== undefined && (token.kind === 'word' || token.kind === 'sign') && token.value.toUpperCase() === word;
    });
  }

  /** Goes over them, if they stand next. */
  skip(...words: readonly string[]): boolean {
    if (!this.isAt(...words)) return false;
    this.#at += words.length;
    return true;
  }

  /** A name, quoted or not; undefined: none stands next. */
  name(): string | undefined {
    const token = this.peek();
    if (!token || token.kind === 'sign') return undefined;
    this.#at += 1;
    return token.value;
  }

  /** The text between the bracket that stands next and its partner; undefined: none stands next. */
  brackets(): string | undefined {
    const open = this.peek();
    if (open?.kind !== 'sign' || open.value !== '(') return undefined;
    let depth = 0;
    for (let token = this.next(); token; token = this.next()) {
      if (token.kind !== 'sign') continue;
      if (token.value === '(') depth += 1;
      else if (token.value === ')') depth -= 1;
      if (depth === 0) return this.#text.slice(open.end, token.start).trim();
    }
    return this.#text.slice(open.end).trim();
  }

  /** Whether an element ends here: at a comma, a closing bracket or the end. */
  isEnd(): boolean {
    const token = this.peek();
    return token === undefined || (token.kind === 'sign' && /[,);]/.test(token.value));
  }

  /** Goes on to the end of the element. */
  skipElement(): void {
    while (!this.isEnd()) if (this.brackets() === undefined) this.next();
  }
}
