/** Whether a text fits. Linear in the text's length, whatever the pattern is. */
export type TextPattern = (text: string) => boolean;

/**
 * A text that is compared whole, in which `*` stands for any text, also none. There are no regular
 * expressions: one that backtracks lets a single client stop the router for all.
 */
export function compilePattern(pattern: string): TextPattern {
  if (!pattern.includes('*')) return (text) => text === pattern;
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '');
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    // The leftmost place of each piece leaves the most room for the next, so nothing is tried twice.
    let from = first.length;
    const end = text.length - last.length;
    for (const piece of middle) {
      const at = text.indexOf(piece, from);
      if (at < 0 || at + piece.length > end) return false;
      from = at + piece.length;
    }
    return true;
  };
}

/** Whether a host is one of those named: whole, or with `*.` any name below. */
export function compileHost(pattern: string): TextPattern {
  const wanted = pattern.toLowerCase();
  if (!wanted.startsWith('*.')) return (host) => host === wanted;
  const below = wanted.slice(1);
  return (host) => host.length > below.length && host.endsWith(below);
}
