import type { Schema } from '../model/schema.ts';
import { buildResources, type BuildOptions } from './build-resources.ts';
import { emitOpenApi } from './emit-openapi.ts';
import { emitProjectFiles } from './emit-project.ts';
import { emitQueries } from './emit-queries.ts';
import { emitResourceIndex, emitRoutes } from './emit-routes.ts';
import { emitSchema } from './emit-schema.ts';
import { emitServer, emitTest } from './emit-server.ts';
import type { ProjectFile, ProjectOptions } from './project-file.ts';
import { endpointCount } from './resource.ts';

export interface GenerateOptions extends BuildOptions {
  /** The service's name, as in the configuration: `accounts`. */
  readonly service: string;
  /** Where the resources are. Default `/v1`. */
  readonly basePath?: string;
  /** What {@link readTemplates} read. */
  readonly templates: readonly ProjectFile[];
}

export interface Project {
  /** Ordered by path. */
  readonly files: readonly ProjectFile[];
  /** Tables and views that became resources. */
  readonly tables: number;
  /** Operations of the resources; health and metrics are not counted. */
  readonly endpoints: number;
}

/**
 * The whole project of a service's REST API, in memory. Pure: the same schema and options give the
 * same bytes.
 * @throws BANYAN_TABLE_UNKNOWN if a table is not in the schema.
 */
export function generateProject(schema: Schema, options: GenerateOptions): Project {
  const project: ProjectOptions = { service: options.service, basePath: options.basePath ?? '/v1' };
  const resources = buildResources(schema, options);
  const byPath = new Map(resources.map((resource) => [resource.path, resource]));
  const files: ProjectFile[] = [
    ...options.templates,
    ...emitProjectFiles(resources, project),
    { path: 'openapi.json', content: emitOpenApi(resources, project) },
    { path: 'src/server.ts', content: emitServer(project) },
    { path: 'src/resources/index.ts', content: emitResourceIndex(resources, project) },
    { path: 'test/service.spec.ts', content: emitTest() },
    ...resources.flatMap((resource) => [
      { path: `src/resources/${resource.path}/routes.ts`, content: emitRoutes(resource, byPath) },
      { path: `src/resources/${resource.path}/schema.ts`, content: emitSchema(resource) },
      { path: `src/resources/${resource.path}/queries.ts`, content: emitQueries(resource) },
    ]),
  ];
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    tables: resources.length,
    endpoints: resources.reduce((sum, resource) => sum + endpointCount(resource), 0),
  };
}
