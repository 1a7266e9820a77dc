import { hash } from 'node:crypto';
import type { Row } from './statements.ts';

/** A row as a JSON object. Built from PostgreSQL's text, so that no digit is lost. */
export function rowJson(row: Row): string {
  let json = '';
  for (const [i, column] of row.columns.entries()) {
    const value = row.values[i] ?? null;
    json += `${i === 0 ? '{' : ','}${column.jsonName}${value === null ? 'null' : column.toJson(value)}`;
  }
  return json === '' ? '{}' : `${json}}`;
}

/** The strong entity tag of a row's JSON. */
export function entityTag(row: Row): string {
  return tagOf(rowJson(row));
}

export function tagOf(json: string): string {
  return `"${hash('sha1', json, 'base64url')}"`;
}

/** Whether a list of tags, as If-Match and If-None-Match have it, names `tag`. */
export function matches(list: string, tag: string): boolean {
  return list.split(',').some((entry) => {
    const candidate = entry.trim();
    return candidate === '*' || candidate === tag;
  });
}
