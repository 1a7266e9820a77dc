/** One statement of a script, without its semicolon. */
export interface ScriptStatement {
  readonly text: string;
  /** Line of its first token, from 1. */
  readonly line: number;
  /** The comments between the previous statement and this one, without their markers. */
  readonly comments: readonly string[];
}

const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const COPY_FROM_STDIN = /^COPY\s[\s\S]*\sFROM\s+STDIN\b/i;

/**
 * Cuts a script into statements at the semicolons a server would see: not those in strings, quoted
 * names, comments, dollar quotes or SQL-standard function bodies. psql's own lines (`\connect`) and
 * the data of `COPY … FROM stdin` are skipped. Never fails: what is left open ends with the script.
 */
export function* splitStatements(script: string): Generator<ScriptStatement> {
  let at = 0;
  let line = 1;
  let comments: string[] = [];
  let start = -1;
  let startLine = 1;
  let atomicDepth = 0;
  let previousWord = '';

  let newline = script.indexOf('\n');
  const advanceTo = (end: number): void => {
    while (newline !== -1 && newline < end) {
      line += 1;
      newline = script.indexOf('\n', newline + 1);
    }
    at = end;
  };
  const through = (marker: string, from: number): number => {
    const found = script.indexOf(marker, from);
    return found === -1 ? script.length : found + marker.length;
  };
  const begin = (): void => {
    if (start === -1) {
      start = at;
      startLine = line;
    }
  };

  while (at < script.length) {
    const char = script.charAt(at);
    const next = script.charAt(at + 1);
    if (char === '-' && next === '-') {
      const end = through('\n', at);
      if (start === -1) comments.push(script.slice(at + 2, end).trim());
      advanceTo(end);
    } else if (char === '/' && next === '*') {
      const end = endOfBlockComment(script, at);
      if (start === -1) comments.push(script.slice(at + 2, Math.max(at + 2, end - 2)).trim());
      advanceTo(end);
    } else if (char === '\\' && start === -1) {
      advanceTo(through('\n', at));
    } else if (char === "'") {
      begin();
      const before = script.charAt(at - 1);
      const escapes = (before === 'e' || before === 'E') && !/[\w$]/.test(script.charAt(at - 2));
      advanceTo(endOfString(script, at, "'", escapes));
    } else if (char === '"') {
      begin();
      advanceTo(endOfString(script, at, '"', false));
    } else if (char === ';') {
      if (atomicDepth > 0) {
        advanceTo(at + 1);
        continue;
      }
      if (start !== -1) {
        const text = script.slice(start, at);
        yield { text: text.trimEnd(), line: startLine, comments };
        advanceTo(at + 1);
        if (COPY_FROM_STDIN.test(text)) advanceTo(endOfCopy(script, at));
      } else {
        advanceTo(at + 1);
      }
      start = -1;
      comments = [];
      previousWord = '';
    } else if (char === '$') {
      begin();
      DOLLAR_QUOTE.lastIndex = at;
      const quote = DOLLAR_QUOTE.exec(script)?.[0];
      advanceTo(quote === undefined ? at + 1 : through(quote, at + quote.length));
    } else {
      WORD.lastIndex = at;
      const word = WORD.exec(script)?.[0];
      if (word !== undefined) {
        begin();
        const upper = word.toUpperCase();
        if (upper === 'ATOMIC' && previousWord === 'BEGIN') atomicDepth = 1;
        else if (upper === 'CASE' && atomicDepth > 0 && previousWord !== 'END') atomicDepth += 1;
        else if (upper === 'END' && atomicDepth > 0) atomicDepth -= 1;
        previousWord = upper;
        advanceTo(at + word.length);
      } else {
        if (char.trim() !== '') {
          begin();
          previousWord = '';
        }
        advanceTo(at + 1);
      }
    }
  }
  if (start !== -1) yield { text: script.slice(start).trimEnd(), line: startLine, comments };
}

function endOfString(script: string, from: number, quote: string, escapes: boolean): number {
  for (let i = from + 1; i < script.length; i += 1) {
    const char = script.charAt(i);
    if (escapes && char === '\\') i += 1;
    else if (char === quote) {
      if (script.charAt(i + 1) !== quote) return i + 1;
      i += 1;
    }
  }
  return script.length;
}

function endOfBlockComment(script: string, from: number): number {
  let depth = 0;
  for (let i = from; i < script.length; i += 1) {
    if (script.startsWith('/*', i)) {
      depth += 1;
      i += 1;
    } else if (script.startsWith('*/', i)) {
      depth -= 1;
      i += 1;
      if (depth === 0) return i + 1;
    }
  }
  return script.length;
}

function endOfCopy(script: string, from: number): number {
  const end = /^\\\.\r?$/m;
  const match = end.exec(script.slice(from));
  return match ? from + match.index + match[0].length : script.length;
}
