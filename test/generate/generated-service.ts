import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { Pool } from 'pg';
import type { ProjectFile } from '../../src/generate/project-file.ts';
import { ApiGenerator, type GeneratedApi } from '../../src/generate/api-generator.ts';
import { buildApp } from '../../src/generate/template/app.ts';
import { readConfig } from '../../src/generate/template/config.ts';
import { createPool } from '../../src/generate/template/db.ts';
import type { Extension } from '../../src/generate/template/extensions.ts';
import type { Resource } from '../../src/generate/template/lib/resource.ts';
import type { TableName } from '../../src/model/names.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { createPool as createOpaquePool } from '../../src/postgres/connect.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const template = path.join(repository, 'src/generate/template');

/** Runs `sql` in the database. */
export async function execute(url: string, sql: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  await pool.query(sql);
  await pool.end();
}

/** Generates the API of every table of the database, or of some. */
export async function generateFrom(url: string, options: { service: string; tables?: readonly TableName[] }): Promise<GeneratedApi> {
  const pool = createOpaquePool({ url, max: 1 });
  try {
    const introspector = new PostgresIntrospector({ pool });
    const schema = await introspector.readSchema();
    const tables = options.tables ?? schema.tables.filter((table) => !table.partitionOf).map((table) => table.name);
    return await new ApiGenerator({ introspector }).generate({ service: options.service, tables });
  } finally {
    await pool.end();
  }
}

/** An empty folder that finds this repository's packages. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'generated-'));
  await symlink(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

/**
 * Writes a project with its templates as links to where they come from, so that running it here
 * counts as running them.
 */
export async function writeLinked(folder: string, files: readonly ProjectFile[], templates: readonly ProjectFile[]): Promise<void> {
  const linked = new Set(templates.map((file) => file.path));
  for (const file of files) {
    const target = path.join(folder, file.path);
    await mkdir(path.dirname(target), { recursive: true });
    if (linked.has(file.path)) await symlink(path.join(template, file.path.replace(/^src\//, '')), target);
    else await writeFile(target, file.content);
  }
}

export interface RunningService {
  readonly app: FastifyInstance;
  readonly pool: Pool;
  close(): Promise<void>;
}

/** Loads the linked project's resources and builds its application in this process. */
export async function startInProcess(options: {
  readonly folder: string;
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly extensions?: readonly Extension[];
}): Promise<RunningService> {
  const index = pathToFileURL(path.join(options.folder, 'src/resources/index.ts')).href;
  const { basePath, resources } = (await import(/* @vite-ignore */ index)) as { basePath: string; resources: readonly Resource[] };
  const config = readConfig({ DATABASE_URL: options.url, ...options.env });
  const pool = createPool(config, () => {});
  const app = await buildApp({ config, pool, basePath, resources, logger: false, extensions: options.extensions ?? [] });
  return {
    app,
    pool,
    close: async () => {
      await app.close();
      await pool.end();
    },
  };
}
