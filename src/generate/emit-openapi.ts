import { resourceSchemas, type JsonSchema } from './json-schema.ts';
import type { ProjectOptions } from './project-file.ts';
import { canChange, canCreate, canDelete, canRead, visible, type ApiColumn, type ApiResource } from './resource.ts';
import { isSortable, operatorsOf, type KindName, type Operator } from './template/lib/kinds.ts';
import { DEFAULT_LIMIT, MOST_ROWS } from './template/lib/list-query.ts';

type Json = Readonly<Record<string, unknown>>;

const ref = (kind: string, name: string): Json => ({ $ref: `#/components/${kind}/${name}` });

const RESERVED = new Set(['limit', 'cursor', 'sort', 'fields']);

const MEANING: Readonly<Record<Operator, string>> = {
  eq: 'equals',
  ne: 'differs from',
  gt: 'is greater than',
  gte: 'is at least',
  lt: 'is less than',
  lte: 'is at most',
  in: 'is one of (separated by commas; a comma in a value is written \\,)',
  like: 'matches (% any text, _ any character)',
  ilike: 'matches, whatever the case (% any text, _ any character)',
  contains: 'contains',
  overlaps: 'has one of (separated by commas)',
  is: 'is null, or is not',
};

/** `openapi.json`: everything the service answers, OpenAPI 3.1. */
export function emitOpenApi(resources: readonly ApiResource[], options: ProjectOptions): string {
  const byPath = new Map(resources.map((resource) => [resource.path, resource]));
  const paths: Record<string, Json> = {};
  for (const resource of resources) {
    Object.assign(paths, resourcePaths(resource, byPath, options.basePath));
  }
  const schemas: Record<string, unknown> = {};
  for (const resource of resources) {
    Object.assign(schemas, resourceSchemas(resource));
    schemas[`${resource.type}Page`] = pageSchema(resource);
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: `${options.service} service`,
      version: '1.0.0',
      description:
        'Every answer that is no success is application/problem+json (RFC 9457). 64-bit integers and numerics are ' +
        'strings, so that no digit is lost; times have microseconds.',
      contact: { name: `${options.service} team` },
      license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
    },
    servers: [{ url: '/', description: 'Where this document is served from.' }],
    security: [],
    tags: [
      ...resources.map((resource) => ({
        name: resource.path,
        description: resource.comment?.trim() ?? `The ${resource.view ? 'view' : 'table'} ${resource.tableName}.`,
      })),
      { name: 'operation', description: 'Health and metrics.' },
    ],
    paths: { ...paths, ...operationPaths() },
    components: { schemas: { ...schemas, ...problemSchemas() }, responses: sharedResponses(), headers: sharedHeaders() },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function resourcePaths(resource: ApiResource, byPath: ReadonlyMap<string, ApiResource>, basePath: string): Record<string, Json> {
  const { type, collection, singular, plural } = resource;
  const tags = [resource.path];
  const many = `${basePath}/${resource.path}`;
  const one = many + resource.key.map((part) => `/{${part.parameter}}`).join('');
  const keyParameters = resource.key.map((part) => ({
    name: part.parameter,
    in: 'path',
    required: true,
    description: part.column.comment?.trim() ?? `Key: ${part.column.name} (${part.column.sqlType}).`,
    schema: keySchema(part.column),
  }));
  const row = (description: string): Json => ({ description, headers: { ETag: ref('headers', 'ETag') }, content: json(ref('schemas', type)) });
  const ifMatch = {
    name: 'If-Match',
    in: 'header',
    required: false,
    description: 'Only if the row still has this ETag; else 412.',
    schema: { type: 'string' },
  };

  const paths: Record<string, Json> = {
    [many]: {
      get: {
        operationId: `list${collection}`,
        summary: `List ${plural}`,
        description: listDescription(resource),
        tags,
        parameters: listParameters(resource),
        responses: { 200: { description: 'One page.', content: json(ref('schemas', `${type}Page`)) }, ...problems(400, 503) },
      },
      ...(canCreate(resource)
        ? {
            post: {
              operationId: `create${type}`,
              summary: `Create one ${singular}`,
              description: `Creates one ${singular} and answers with it, its defaults included.`,
              tags,
              requestBody: { required: true, content: json(ref('schemas', `${type}Create`)) },
              responses: {
                201: {
                  ...row('Created.'),
                  headers: canRead(resource) ? { Location: ref('headers', 'Location'), ETag: ref('headers', 'ETag') } : {},
                },
                ...problems(400, 409, 413, 415, 422, 503),
              },
            },
          }
        : {}),
    },
  };
  if (canRead(resource)) {
    paths[one] = {
      parameters: keyParameters,
      get: {
        operationId: `get${type}`,
        summary: `Get one ${singular}`,
        description: `Answers with one ${singular}, or with those of its properties that \`fields\` names.`,
        tags,
        parameters: [
          fieldsParameter(resource),
          {
            name: 'If-None-Match',
            in: 'header',
            required: false,
            description: 'If the row still has this ETag, answers 304 without a body.',
            schema: { type: 'string' },
          },
        ],
        responses: { 200: row('The row.'), 304: { description: 'Not changed.' }, ...problems(400, 404, 503) },
      },
      ...(canChange(resource)
        ? {
            put: {
              operationId: `replace${type}`,
              summary: `Replace one ${singular}`,
              description: 'Sets every column that can be written; one that is left out goes back to its default.',
              tags,
              parameters: [ifMatch],
              requestBody: { required: true, content: json(ref('schemas', `${type}Replace`)) },
              responses: { 200: row('As it is now.'), ...problems(400, 404, 409, 412, 413, 415, 422, 503) },
            },
            patch: {
              operationId: `patch${type}`,
              summary: `Change one ${singular}`,
              description: 'JSON Merge Patch (RFC 7396): null removes a value, an object in a JSON column is merged.',
              tags,
              parameters: [ifMatch],
              requestBody: {
                required: true,
                content: { 'application/merge-patch+json': { schema: ref('schemas', `${type}Patch`) }, ...json(ref('schemas', `${type}Patch`)) },
              },
              responses: { 200: row('As it is now.'), ...problems(400, 404, 409, 412, 413, 415, 422, 503) },
            },
          }
        : {}),
      ...(canDelete(resource)
        ? {
            delete: {
              operationId: `delete${type}`,
              summary: `Delete one ${singular}`,
              description: `Deletes one ${singular}; 409 if other rows refer to it.`,
              tags,
              parameters: [ifMatch],
              responses: { 204: { description: 'Deleted.' }, ...problems(400, 404, 409, 412, 503) },
            },
          }
        : {}),
    };
  }
  for (const relation of resource.relations) {
    const child = byPath.get(relation.child);
    if (!child) continue;
    const suffix = relation.path
      .split('-')
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join('');
    paths[`${one}/${relation.path}`] = {
      parameters: keyParameters,
      get: {
        operationId: `list${suffix}Of${type}`,
        summary: `List the ${child.plural} of one ${singular}`,
        description: listDescription(child),
        tags,
        parameters: listParameters(child),
        responses: { 200: { description: 'One page.', content: json(ref('schemas', `${child.type}Page`)) }, ...problems(400, 404, 503) },
      },
    };
  }
  return paths;
}

const json = (schema: Json): Json => ({ 'application/json': { schema } });

const KEY_SCHEMAS: Readonly<Partial<Record<KindName, JsonSchema>>> = {
  integer: { type: 'integer' },
  bigint: { type: 'string', pattern: '^-?[0-9]+$' },
  uuid: { type: 'string', format: 'uuid' },
  boolean: { type: 'boolean' },
};

/** One value of a column in a path or a query. */
function keySchema(column: ApiColumn): JsonSchema {
  return column.labels ? { enum: column.labels } : (KEY_SCHEMAS[column.kind] ?? { type: 'string' });
}

function listDescription(resource: ApiResource): string {
  return resource.key.length > 0
    ? 'Pages are stable: rows written meanwhile make none repeat or be skipped. Pass next_cursor as cursor for the next page.'
    : `A ${resource.singular} has no key, so pages count rows and may repeat or skip some that are written meanwhile.`;
}

function fieldsParameter(resource: ApiResource): Json {
  return {
    name: 'fields',
    in: 'query',
    required: false,
    description: `Only these properties, separated by commas: ${visible(resource)
      .map((column) => column.name)
      .join(', ')}.`,
    schema: { type: 'string' },
  };
}

function listParameters(resource: ApiResource): Json[] {
  const columns = visible(resource);
  const sortable = columns.filter((column) => isSortable(column.kind, column.array)).map((column) => column.name);
  const parameters: Json[] = [
    {
      name: 'limit',
      in: 'query',
      required: false,
      description: `Rows of a page; more than ${MOST_ROWS} are given as ${MOST_ROWS}.`,
      schema: { type: 'integer', minimum: 1, default: DEFAULT_LIMIT },
    },
    { name: 'cursor', in: 'query', required: false, description: 'next_cursor of the page before.', schema: { type: 'string' } },
    fieldsParameter(resource),
  ];
  if (sortable.length > 0) {
    parameters.push({
      name: 'sort',
      in: 'query',
      required: false,
      description: `Properties to sort by, separated by commas, with - before one for the greatest first: ${sortable.join(', ')}.`,
      schema: { type: 'string' },
    });
  }
  const taken = new Set(columns.flatMap((column) => operatorsOf(column.kind, column.array).map((operator) => `${column.name}[${operator}]`)));
  for (const column of columns) {
    for (const operator of operatorsOf(column.kind, column.array)) {
      const bare = operator === 'eq' && !RESERVED.has(column.name) && !taken.has(column.name);
      parameters.push({
        name: bare ? column.name : `${column.name}[${operator}]`,
        in: 'query',
        required: false,
        description: `${column.name} ${MEANING[operator]}.${bare ? ` Also ${column.name}[eq].` : ''}`,
        schema: filterSchema(column, operator),
      });
    }
  }
  return parameters;
}

function filterSchema(column: ApiColumn, operator: Operator): JsonSchema {
  if (operator === 'is') return { enum: ['null', 'not-null'] };
  if (column.array || operator === 'in' || operator === 'like' || operator === 'ilike') return { type: 'string' };
  return keySchema(column);
}

function pageSchema(resource: ApiResource): Json {
  return {
    type: 'object',
    description: `One page of ${resource.plural}.`,
    properties: {
      items: { type: 'array', items: ref('schemas', resource.type) },
      next_cursor: { anyOf: [{ type: 'string' }, { type: 'null' }], description: 'For the next page; null on the last one.' },
    },
    required: ['items', 'next_cursor'],
    additionalProperties: false,
  };
}

const PROBLEMS: Readonly<Record<number, readonly [name: string, description: string]>> = {
  400: ['BadRequest', 'Something in the request is wrong; errors names the fields.'],
  404: ['NotFound', 'There is no such row.'],
  409: ['Conflict', 'Another row or another change stands against it; errors names the fields of a unique key.'],
  412: ['PreconditionFailed', 'The row has another ETag than If-Match says.'],
  413: ['ContentTooLarge', 'The body is larger than the service accepts.'],
  415: ['UnsupportedMediaType', 'The body is no JSON.'],
  422: ['UnprocessableContent', 'A rule of the database does not hold, or a row referred to does not exist.'],
  503: ['ServiceUnavailable', 'The database is not available or the statement took too long; try again.'],
};

function problems(...codes: number[]): Record<number, Json> {
  return Object.fromEntries(codes.map((code) => [code, ref('responses', PROBLEMS[code]?.[0] ?? '')]));
}

function sharedResponses(): Json {
  return Object.fromEntries(
    Object.values(PROBLEMS).map(([name, description]) => [
      name,
      { description, content: { 'application/problem+json': { schema: ref('schemas', 'Problem') } } },
    ]),
  );
}

function sharedHeaders(): Json {
  return {
    ETag: { description: 'The tag of this state of the row.', schema: { type: 'string' } },
    Location: { description: 'The path of the new row.', schema: { type: 'string' } },
  };
}

function problemSchemas(): Json {
  return {
    Problem: {
      type: 'object',
      description: 'Problem details (RFC 9457).',
      properties: {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        instance: { type: 'string' },
        request_id: { type: 'string', description: 'Finds the request in the logs.' },
        errors: { type: 'array', items: ref('schemas', 'FieldError') },
      },
      required: ['type', 'title', 'status', 'detail'],
    },
    FieldError: {
      type: 'object',
      description: 'What is wrong with one field or parameter.',
      properties: { field: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
      required: ['field', 'code', 'message'],
    },
  };
}

function operationPaths(): Json {
  const status = json({ type: 'object', description: 'A status.', properties: { status: { type: 'string' } }, required: ['status'] });
  const operation = (operationId: string, summary: string, responses: Json): Json => ({
    get: { operationId, summary, description: `${summary}.`, tags: ['operation'], responses },
  });
  const alive = { description: 'Yes.', content: status };
  const notFound = problems(404);
  return {
    '/healthz': operation('health', 'Does the process answer', { 200: alive, ...notFound }),
    '/readyz': operation('readiness', 'Can the service do its work', { 200: alive, 503: { description: 'Not now.', content: status }, ...notFound }),
    '/metrics': operation('metrics', 'Metrics for Prometheus', {
      200: { description: 'The text format.', content: { 'text/plain': { schema: { type: 'string' } } } },
      ...notFound,
    }),
  };
}
