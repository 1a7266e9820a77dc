import type { ProjectOptions } from './project-file.ts';
import { emptyRegion } from './regions.ts';
import { canChange, canCreate, canDelete, canRead, type ApiRelation, type ApiResource } from './resource.ts';
import { access, literal } from './source.ts';

/** `src/resources/…/routes.ts`: what the resource answers. */
export function emitRoutes(resource: ApiResource, byPath: ReadonlyMap<string, ApiResource>): string {
  const { type, collection, variable, plural } = resource;
  const one = `/${resource.path}${resource.key.map((part) => `/:${part.parameter}`).join('')}`;
  const children = [...new Set(resource.relations.map((relation) => relation.child))].filter((path) => path !== resource.path);
  const reads = canRead(resource);

  const queries = [
    ...(canCreate(resource) ? [`create${type}`] : []),
    ...(canDelete(resource) ? [`delete${type}`] : []),
    ...(reads ? [`get${type}`] : []),
    `list${collection}`,
    ...(canChange(resource) ? [`patch${type}`, `replace${type}`] : []),
    'table',
    ...(reads ? [`type ${type}Key`] : []),
  ];
  const schemas = [...(canCreate(resource) ? [`${type}Create`] : []), ...(canChange(resource) ? [`${type}Patch`, `${type}Replace`] : [])];
  const replies = [
    ...(canDelete(resource) ? ['ifMatch'] : []),
    ...(canCreate(resource) ? ['sendCreated'] : []),
    ...(canDelete(resource) ? ['sendDeleted'] : []),
    'sendPage',
    ...(reads ? ['sendRow'] : []),
  ];
  const body = [...(canChange(resource) ? ['readReplacement'] : []), ...(canCreate(resource) ? ['readValues'] : [])];

  const imports = [
    ...(body.length > 0 ? [`import { ${body.join(', ')} } from '../../lib/body.ts';`] : []),
    ...(resource.relations.length > 0 ? ["import { Problem } from '../../errors.ts';"] : []),
    `import { ${reads ? 'readFields, ' : ''}readListQuery } from '../../lib/list-query.ts';`,
    `import { ${replies.join(', ')} } from '../../lib/reply.ts';`,
    "import type { Resource } from '../../lib/resource.ts';",
    ...children.map((path) => {
      const child = byPath.get(path);
      return child ? `import { list${child.collection}, table as ${child.variable}Table } from '../${path}/queries.ts';` : '';
    }),
    `import { ${queries.join(', ')} } from './queries.ts';`,
    ...(schemas.length > 0 ? [`import { ${schemas.join(', ')} } from './schema.ts';`] : []),
    ...emptyRegion('imports'),
  ];

  const routes = [
    [
      `    app.get(${literal(`/${resource.path}`)}, async (request, reply) => {`,
      '      const query = readListQuery(table, cursors, request.query);',
      `      return sendPage(request, reply, cursors, query, await list${collection}(pool, query));`,
      '    });',
    ],
  ];
  if (canCreate(resource)) {
    routes.push([
      `    app.post<{ Body: ${type}Create }>(${literal(`/${resource.path}`)}, { schema: { body: ${type}Create } }, async (request, reply) => {`,
      `      const row = await create${type}(pool, readValues(table, request.body));`,
      '      return sendCreated(request, reply, table, row);',
      '    });',
    ]);
  }
  if (reads) {
    routes.push([
      `    app.get<{ Params: ${type}Key }>(${literal(one)}, async (request, reply) => {`,
      `      const row = await get${type}(pool, request.params, readFields(table, request.query));`,
      '      return sendRow(request, reply, table, row);',
      '    });',
    ]);
  }
  if (canChange(resource)) {
    for (const [method, action, read] of [
      ['put', 'Replace', 'readReplacement'],
      ['patch', 'Patch', 'readValues'],
    ] as const) {
      routes.push([
        `    app.${method}<{ Params: ${type}Key; Body: ${type}${action} }>(`,
        `      ${literal(one)},`,
        `      { schema: { body: ${type}${action} } },`,
        '      async (request, reply) => {',
        `        const values = ${read}(table, request.body);`,
        `        const row = await ${action.toLowerCase()}${type}(pool, request.params, values, ifMatch(request));`,
        '        return sendRow(request, reply, table, row);',
        '      },',
        '    );',
      ]);
    }
  }
  if (canDelete(resource)) {
    routes.push([
      `    app.delete<{ Params: ${type}Key }>(${literal(one)}, async (request, reply) => {`,
      `      const deleted = await delete${type}(pool, request.params, ifMatch(request));`,
      '      return sendDeleted(reply, table, deleted);',
      '    });',
    ]);
  }
  for (const relation of resource.relations) {
    const child = byPath.get(relation.child);
    if (child) routes.push(nestedList(resource, relation, child, one));
  }

  return [
    ...imports,
    '',
    `/** What is answered under \`/${resource.path}\`. */`,
    `export const ${variable}Resource: Resource = {`,
    '  table,',
    '  routes(app, { pool, cursors }) {',
    routes.map((lines) => lines.join('\n')).join('\n\n'),
    '',
    ...emptyRegion('routes', '    ', `More routes of ${plural}: \`app.get('/${resource.path}/…', …)\`.`),
    '  },',
    '};',
    '',
  ].join('\n');
}

function nestedList(parent: ApiResource, relation: ApiRelation, child: ApiResource, one: string): string[] {
  const table = child === parent || child.path === parent.path ? 'table' : `${child.variable}Table`;
  const sql = relation.columns.map((pair, i) => `"${pair.child.replaceAll('"', '""')}" = $${i + 1}`).join(' AND ');
  const values = relation.columns.map(({ parameter }) => {
    const text = access('request.params', parameter);
    const isBytes = parent.key.some((part) => part.parameter === parameter && part.column.kind === 'bytes');
    return isBytes ? `Buffer.from(${text}, 'base64url')` : text;
  });
  return [
    `    app.get<{ Params: ${parent.type}Key }>(${literal(`${one}/${relation.path}`)}, async (request, reply) => {`,
    `      const query = readListQuery(${table}, cursors, request.query);`,
    `      const page = await list${child.collection}(pool, query, {`,
    `        sql: ${literal(sql)},`,
    `        values: [${values.join(', ')}],`,
    '      });',
    `      if (page.rows.length === 0 && !(await get${parent.type}(pool, request.params))) {`,
    `        throw new Problem(404, { detail: ${literal(`There is no such ${parent.singular}.`)} });`,
    '      }',
    '      return sendPage(request, reply, cursors, query, page);',
    '    });',
  ];
}

/** `src/resources/index.ts`: every resource of the service. */
export function emitResourceIndex(resources: readonly ApiResource[], options: ProjectOptions): string {
  return [
    "import type { Resource } from '../lib/resource.ts';",
    ...resources.map((resource) => `import { ${resource.variable}Resource } from './${resource.path}/routes.ts';`),
    '',
    '/** What the resources\' paths begin with. */',
    `export const basePath = ${literal(options.basePath)};`,
    '',
    'export const resources: readonly Resource[] = [',
    ...resources.map((resource) => `  ${resource.variable}Resource,`),
    '];',
    '',
  ].join('\n');
}
