import type { Finding } from '../finding.ts';
import { placeOf } from './api-place.ts';
import { documentLines, type Position } from './document-lines.ts';
import { graphqlLines } from './graphql-lines.ts';

export interface WithLinesOptions {
  readonly findings: readonly Finding[];
  readonly type: 'api' | 'graphql' | 'schema';
  /** The new document: its path, its text, and what it says; of GraphQL the text is enough. */
  readonly file: string;
  readonly text: string;
  readonly document?: unknown;
}

/** The findings with the line of the new document on which what they are about stands, or what is around it where it is gone. */
export function withLines({ findings, type, file, text, document }: WithLinesOptions): readonly Finding[] {
  if (findings.length === 0) return findings;
  const find = finder({ type, text, document });
  if (!find) return findings;
  return findings.map((finding) => {
    const position = find(finding.field_path);
    return position === undefined ? finding : { ...finding, location: { file, ...position } };
  });
}

function finder({ type, text, document }: Pick<WithLinesOptions, 'type' | 'text' | 'document'>): ((path: string) => Position | undefined) | undefined {
  if (type === 'graphql') return graphqlLines(text);
  const lines = documentLines(text);
  if (!lines) return undefined;
  const known = new Map<string, Position | undefined>();
  return (path) => {
    const place = type === 'schema' ? path.replace(/^message\.?/, '') : path;
    if (!known.has(place)) known.set(place, lines(placeOf(document, place)));
    return known.get(place);
  };
}
