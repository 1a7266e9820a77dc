import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';
import type { CursorCodec } from './cursor.ts';
import { matches, rowJson, tagOf } from './entity-tag.ts';
import { keySegment } from './kinds.ts';
import type { ListQuery } from './list-query.ts';
import type { Page, Row } from './statements.ts';
import type { Table } from './table.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

function found(table: Table, row: Row | undefined): Row {
  if (!row) throw new Problem(404, { detail: `There is no such ${table.singular}.` });
  return row;
}

/** Answers with the row and its tag; 304 if the client has it already, 404 if there is none. */
export function sendRow(request: FastifyRequest, reply: FastifyReply, table: Table, row: Row | undefined): FastifyReply {
  const json = rowJson(found(table, row));
  const tag = tagOf(json);
  reply.header('etag', tag);
  const known = request.headers['if-none-match'];
  if (known !== undefined && request.method === 'GET' && matches(known.replaceAll('W/', ''), tag)) return reply.code(304).send();
  return reply.type(JSON_TYPE).send(json);
}

/** Answers 201 with the new row, its tag and its place. */
export function sendCreated(request: FastifyRequest, reply: FastifyReply, table: Table, row: Row | undefined): FastifyReply {
  if (!row) throw new Problem(409, { detail: 'The database did not store the row.' });
  const json = rowJson(row);
  const segments = table.key.map((column) => {
    const value = row.values[row.columns.indexOf(column)] ?? '';
    return `/${keySegment(column.kind, value)}`;
  });
  if (segments.length > 0) {
    reply.header('location', `${request.url.split('?', 1)[0] ?? ''}${segments.join('')}`).header('etag', tagOf(json));
  }
  return reply.code(201).type(JSON_TYPE).send(json);
}

export function sendDeleted(reply: FastifyReply, table: Table, deleted: boolean): FastifyReply {
  if (!deleted) throw new Problem(404, { detail: `There is no such ${table.singular}.` });
  return reply.code(204).send();
}

/** Answers with a page and, unless it is the last, with where the next one begins. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, cursors: CursorCodec, query: ListQuery, page: Page): FastifyReply {
  const next = page.next && cursors.write({ sort: query.sortText, values: page.next });
  if (next !== undefined) {
    const [path = '', search = ''] = request.url.split('?', 2);
    const parameters = new URLSearchParams(search);
    parameters.set('cursor', next);
    reply.header('link', `<${path}?${parameters.toString()}>; rel="next"`);
  }
  const items = page.rows.map(rowJson).join(',');
  return reply.type(JSON_TYPE).send(`{"items":[${items}],"next_cursor":${next === undefined ? 'null' : `"${next}"`}}`);
}

/** The If-Match header, if the client sent one. */
export function ifMatch(request: FastifyRequest): string | undefined {
  return request.headers['if-match'];
}
