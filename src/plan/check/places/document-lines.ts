import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { Keys } from './api-place.ts';

/** A place in a file, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Longer documents are not read a second time for the lines of their parts. */
export const LONGEST_WITH_LINES = 2 * 1024 * 1024;

/** Finds the lines of a document's parts, JSON or YAML; undefined where it is too long to be read again. */
export function documentLines(text: string): ((keys: Keys) => Position | undefined) | undefined {
  if (text.length > LONGEST_WITH_LINES) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  return (keys) => {
    const offset = offsetOf(document, keys);
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
}

/** Where the last of the keys that is there stands. */
function offsetOf(document: Document.Parsed, keys: Keys): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (const key of keys) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key));
      if (!pair) return offset;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = rangeOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function rangeOf(node: unknown): number | undefined {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range?.[0] : undefined;
}
