/** Marks of the parts of a generated file that belong to people. */
const START = /^[ \t]*\/\/ #region yours: ([\w-]+)/;
const END = /^[ \t]*\/\/ #endregion yours: ([\w-]+)/;

/** An empty region: what people write between its lines is kept when the file is generated again. */
export function emptyRegion(name: string, indent = '', hint?: string): string[] {
  return [
    `${indent}// #region yours: ${name} (kept when generated again)${hint === undefined ? '' : ` ${hint}`}`,
    `${indent}// #endregion yours: ${name}`,
  ];
}

/** What stands inside each region, by its name, without the marks. */
export function regionsOf(content: string): Map<string, string> {
  const found = new Map<string, string>();
  let inside: { name: string; lines: string[] } | undefined;
  for (const line of content.split('\n')) {
    if (inside && END.exec(line)?.[1] === inside.name) {
      found.set(inside.name, inside.lines.join('\n'));
      inside = undefined;
    } else if (inside) {
      inside.lines.push(line);
    } else {
      const name = START.exec(line)?.[1];
      if (name !== undefined) inside = { name, lines: [] };
    }
  }
  return found;
}

/** `content` with its regions filled from `regions`; those it does not name become empty. */
export function withRegions(content: string, regions: ReadonlyMap<string, string>): string {
  const lines: string[] = [];
  let inside: string | undefined;
  for (const line of content.split('\n')) {
    if (inside !== undefined && END.exec(line)?.[1] === inside) inside = undefined;
    if (inside !== undefined) continue;
    lines.push(line);
    const name = START.exec(line)?.[1];
    if (name !== undefined) {
      inside = name;
      const text = regions.get(name);
      if (text !== undefined && text !== '') lines.push(text);
    }
  }
  return lines.join('\n');
}
