import type { FastifyInstance } from 'fastify';
import { Compile } from 'typebox/compile';
import type { TSchema } from 'typebox';
import type { Parameter } from '../db.ts';
import { Problem, type FieldError } from '../errors.ts';
import { members } from './json-text.ts';
import { parameterOf } from './kinds.ts';
import type { Values } from './statements.ts';
import type { Column, Table } from './table.ts';

/** The text each JSON body was parsed from: numbers have all their digits there. */
const sources = new WeakMap<object, string>();

/** Accepts JSON bodies, keeps their text, and refuses keys that would reach into a prototype. */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, text, done) => {
      void parse(request, text, (error, body: unknown) => {
        if (typeof body === 'object' && body !== null) sources.set(body, text);
        done(error, body);
      });
    },
  );
}

function fieldErrors(errors: readonly { keyword: string; instancePath: string; params: object; message: string }[]): FieldError[] {
  const found = new Map<string, FieldError>();
  for (const { keyword, instancePath, params, message } of errors) {
    let fields = [instancePath.slice(1).replaceAll('~1', '/').replaceAll('~0', '~')];
    if ('requiredProperties' in params && Array.isArray(params.requiredProperties)) fields = params.requiredProperties.map(String);
    if ('additionalProperties' in params && Array.isArray(params.additionalProperties)) fields = params.additionalProperties.map(String);
    if (keyword === 'boolean' || fields[0] === '') continue;
    const text = keyword === 'additionalProperties' ? 'cannot be written' : keyword === 'required' ? 'is required' : message;
    for (const field of fields) if (!found.has(field)) found.set(field, { field, code: keyword, message: text });
  }
  return [...found.values()];
}

/** Checks request bodies with TypeBox: nothing is coerced, nothing is dropped in silence. */
export function validateWithTypeBox(app: FastifyInstance): void {
  app.setValidatorCompiler<TSchema>(({ schema }) => {
    const validator = Compile(schema);
    return (body: unknown) => {
      if (validator.Check(body)) return { value: body };
      const errors = fieldErrors(validator.Errors(body));
      const detail = errors.length > 0 ? errors.map(({ field, message }) => `${field} ${message}`).join('; ') : 'The body must be a JSON object.';
      return { error: new Problem(400, { detail, errors }) };
    };
  });
}

/** What the body writes, column by column, from its own text. */
export function readValues(table: Table, body: object): Map<Column, Parameter | undefined> {
  const values = new Map<Column, Parameter | undefined>();
  for (const [name, json] of members(sources.get(body) ?? JSON.stringify(body)) ?? []) {
    const column = table.byName.get(name);
    if (column) values.set(column, parameterOf(column.kind, column.array, json));
  }
  return values;
}

/** What a replacement writes: a column that the body leaves out goes back to its default. */
export function readReplacement(table: Table, body: object): Values {
  const values = readValues(table, body);
  for (const column of table.byName.values()) {
    if (!column.readOnly && !table.key.includes(column) && !values.has(column)) values.set(column, undefined);
  }
  return values;
}
