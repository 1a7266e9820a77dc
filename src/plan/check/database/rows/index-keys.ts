/** What a unique index is over, and of which rows. */
export interface IndexKeys {
  /** SQL of each. */
  readonly values: readonly string[];
  readonly where?: string;
  readonly nullsNotDistinct: boolean;
}

/** Reads what stands after the table in CREATE INDEX, as the server or a person wrote it; undefined: it could not be taken apart. Pure. */
export function indexKeys(tail: string): IndexKeys | undefined {
  const open = tail.indexOf('(');
  const close = open < 0 ? -1 : closing(tail, open);
  if (close < 0) return undefined;
  const rest = tail.slice(close + 1).replace(/;\s*$/, '');
  const values = split(tail.slice(open + 1, close)).map(valueOf);
  if (values.length === 0 || values.includes('')) return undefined;
  const where = /\bWHERE\s+([\s\S]+)$/i.exec(rest)?.[1];
  return { values, nullsNotDistinct: /NULLS\s+NOT\s+DISTINCT/i.test(rest), ...(where === undefined ? {} : { where }) };
}

/** An item without its operator class, order and storage. */
function valueOf(item: string): string {
  const text = item.trim();
  const name = /^(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)(?:\.(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*))*/u.exec(text)?.[0] ?? '';
  const end = text[name.length] === '(' ? closing(text, name.length) + 1 : name.length;
  const collation = /^\s+COLLATE\s+(?:"(?:[^"]|"")*"|\w+)(?:\.(?:"(?:[^"]|"")*"|\w+))?/i.exec(text.slice(end))?.[0] ?? '';
  return text.slice(0, end) + collation;
}

/** Where the bracket that opens at `from` is closed; -1: nowhere. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (const { at, mark } of marks(text, from)) {
    depth += mark === '(' ? 1 : mark === ')' ? -1 : 0;
    if (depth === 0) return at;
  }
  return -1;
}

function split(list: string): string[] {
  const parts: string[] = [];
  let [depth, start] = [0, 0];
  for (const { at, mark } of marks(list, 0)) {
    depth += mark === '(' ? 1 : mark === ')' ? -1 : 0;
    if (mark !== ',' || depth > 0) continue;
    parts.push(list.slice(start, at));
    start = at + 1;
  }
  return [...parts, list.slice(start)].filter((part) => part.trim() !== '');
}

/** Brackets and commas outside of quotes. */
function* marks(text: string, from: number): Generator<{ readonly at: number; readonly mark: string }> {
  for (const match of text.slice(from).matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[(),]/g)) {
    const [mark] = match;
    if (mark.length === 1) yield { at: from + match.index, mark };
  }
}
