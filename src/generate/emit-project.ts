import { packageName, type ProjectFile, type ProjectOptions } from './project-file.ts';
import { canChange, canCreate, canDelete, canRead, endpointCount, type ApiResource } from './resource.ts';
import { DEPENDENCIES, DEV_DEPENDENCIES, OVERRIDES } from './versions.ts';

const asJson = (content: unknown): string => `${JSON.stringify(content, null, 2)}\n`;

/** The files around the source: package, compiler, container, environment, README. */
export function emitProjectFiles(resources: readonly ApiResource[], options: ProjectOptions): ProjectFile[] {
  return [
    { path: 'package.json', content: asJson(packageJson(options)) },
    { path: 'tsconfig.json', content: asJson(tsconfig) },
    { path: 'tsconfig.build.json', content: asJson(tsconfigBuild) },
    { path: '.env.example', content: envExample },
    { path: '.gitignore', content: 'node_modules/\ndist/\n.env\n' },
    { path: '.dockerignore', content: 'node_modules/\ndist/\n.env\n.git/\n' },
    { path: 'Dockerfile', content: dockerfile },
    { path: 'README.md', content: readme(resources, options) },
    { path: 'src/extensions/README.md', content: extensionsReadme },
  ];
}

function packageJson(options: ProjectOptions): object {
  return {
    name: `${packageName(options.service)}-service`,
    version: '1.0.0',
    private: true,
    description: `The REST API of the ${options.service} service.`,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: {
      dev: 'node --env-file-if-exists=.env --import tsx --watch src/server.ts',
      build: 'tsc -p tsconfig.build.json',
      start: 'node dist/server.js',
      typecheck: 'tsc -p tsconfig.json',
      test: 'node --import tsx --test test/*.spec.ts',
    },
    dependencies: DEPENDENCIES,
    devDependencies: DEV_DEPENDENCIES,
    overrides: OVERRIDES,
  };
}

const tsconfig = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noFallthroughCasesInSwitch: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: true,
    noEmit: true,
    rewriteRelativeImportExtensions: true,
  },
  include: ['src', 'test'],
};

const tsconfigBuild = {
  extends: './tsconfig.json',
  compilerOptions: { noEmit: false, rootDir: 'src', outDir: 'dist', sourceMap: true },
  include: ['src'],
};

const envExample = `# The service's own database.
DATABASE_URL=postgres://user:password@127.0.0.1:5432/database
HOST=127.0.0.1
# 0: any free port; the line printed at start names it.
PORT=3000
# trace, debug, info, warn, error, fatal or silent
LOG_LEVEL=info
# Most database connections of one process.
POOL_SIZE=10
# A statement that takes longer is cancelled and answered with 503.
STATEMENT_TIMEOUT_MS=10000
# How long a request waits for a free connection.
CONNECT_TIMEOUT_MS=5000
BODY_LIMIT_BYTES=1048576
# Requests that still run this long after SIGTERM are cut.
SHUTDOWN_TIMEOUT_MS=10000
# Signs page cursors; the same for every instance.
CURSOR_SECRET=
`;

const dockerfile = `FROM node:20-slim AS build
WORKDIR /service
COPY package.json package-lock.json* ./
RUN npm install
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /service
COPY --from=build /service/package.json ./
COPY --from=build /service/node_modules ./node_modules
COPY --from=build /service/dist ./dist
USER node
EXPOSE 3000
CMD ["node", "dist/server.js"]
`;

const extensionsReadme = `# Extensions

Your own modules. Each file that lies directly in this folder is loaded at start, in the order of their names, and
exports a function by default:

\`\`\`ts
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';

export default async function greetings(app: FastifyInstance, context: { pool: Pool }): Promise<void> {
  app.get('/hello', async () => ({ hello: 'world' }));
}
\`\`\`

Each gets a scope of its own: hooks, parsers and error handlers it adds concern its routes only. Modules that
extensions share go into folders below. Values read through the pool are text, as PostgreSQL wrote them.

Nothing here is touched when the service is generated again.
`;

function operations(resource: ApiResource): string {
  const names = [
    'list',
    ...(canRead(resource) ? ['get'] : []),
    ...(canCreate(resource) ? ['create'] : []),
    ...(canChange(resource) ? ['replace', 'patch'] : []),
    ...(canDelete(resource) ? ['delete'] : []),
  ];
  return names.join(', ');
}

function readme(resources: readonly ApiResource[], options: ProjectOptions): string {
  const cuts = resources.flatMap((resource) =>
    resource.columns
      .filter((column) => column.cutFrom !== undefined)
      .map((column) => `- \`${resource.tableName}.${column.name}\` held a reference to \`${column.cutFrom ?? ''}\`.`),
  );
  const endpoints = resources.reduce((sum, resource) => sum + endpointCount(resource), 0);
  return `# ${options.service} service

A REST API with ${endpoints} endpoints over ${resources.length} tables and views: Fastify, TypeBox and plain SQL through
\`pg\`. It is yours: read it, change it, run it anywhere.

## Run it

\`\`\`
npm install
cp .env.example .env    # and set DATABASE_URL
npm run dev
npm test                # reads only; needs DATABASE_URL
npm run build && npm start
\`\`\`

It prints one line when it listens, logs JSON on stdout, and stops on SIGTERM after finishing the requests that run.
\`GET /healthz\`, \`GET /readyz\` and \`GET /metrics\` are for the platform. \`openapi.json\` describes everything else.

## Resources

| path | rows of | operations | relations |
| --- | --- | --- | --- |
${resources
  .map(
    (resource) =>
      `| \`${options.basePath}/${resource.path}${resource.key.map((part) => `/{${part.parameter}}`).join('')}\` | \`${resource.tableName}\` | ${operations(resource)} | ${resource.relations
        .map((relation) => `\`${relation.path}\``)
        .join(', ')} |`,
  )
  .join('\n')}

Paths are plural, types singular; properties have the names of the columns.

- **Lists** answer \`{"items": […], "next_cursor": …}\`. \`?limit=50\` (at most 200), \`?cursor=…\`, \`?sort=-created_at,id\`,
  \`?fields=id,name\`. Filters: \`?status=active\`, \`?price[gte]=10\`, with \`eq ne gt gte lt lte in like ilike contains
  overlaps is\` as the type allows; \`?deleted_at[is]=null\`.
- **Values**: 64-bit integers and numerics are strings, and may be written as strings or numbers. Times have
  microseconds; \`timestamptz\` is UTC. Bytes are base64. JSON columns keep every digit of their numbers.
- **Changes**: PUT replaces (what is left out goes back to its default), PATCH is JSON Merge Patch. Send the \`ETag\` of
  an answer as \`If-Match\`, and a change that would overwrite somebody else's is refused with 412.
- **Errors** are problem details (RFC 9457) with \`errors: [{field, code, message}]\`: 400 wrong request, 404, 409 unique
  key, reference or retry, 412, 422 a rule of the database, 503 try again.
${cuts.length === 0 ? '' : `\n## Cut relations\n\nThese columns are plain ids of rows that another service owns; no foreign key checks them here.\n\n${cuts.join('\n')}\n`}
## Where things are

\`\`\`
src/server.ts       the process: configuration, start, stop
src/app.ts          the Fastify application, without listening
src/resources/*/    one folder per resource: routes, schema, queries
src/lib/            what the resources share: lists, filters, cursors, statements
src/extensions/     your own modules
\`\`\`

Generated again after a change of the schema, files in \`src/extensions\`, files you have added, and what stands between
\`#region yours\` and \`#endregion\` are kept. A generated file that you changed elsewhere is kept as a whole and reported;
delete it to have it generated again. \`.generated.json\` is how the generator knows.
`;
}
