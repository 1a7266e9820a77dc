import { quoteIdentifier } from './names.ts';

/** The expression with a name replaced wherever it stands. */
export function renamed(expression: string, from: string, to: string): string {
  return expression.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*/gu, (token) => {
    if (token.startsWith("'")) return token;
    const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token.toLowerCase();
    return name === from ? spelled(to) : token;
  });
}

/** As the server prints a name: quoted only where it must be. */
export function spelled(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteIdentifier(name);
}
