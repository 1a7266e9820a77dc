import { systemClock, type Clock } from '../core/clock.ts';
import type { TableName } from '../model/names.ts';
import type { Schema } from '../model/schema.ts';
import { generateProject } from './generate-project.ts';
import { MANIFEST, mergeProject } from './merge-project.ts';
import type { ProjectFile } from './project-file.ts';
import type { ProjectFolder } from './project-folder.ts';
import { readTemplates } from './templates.ts';

/** What belongs to a service: its name and its tables. */
export interface ServiceBoundary {
  readonly service: string;
  readonly tables: readonly TableName[];
}

export interface ApiGeneratorOptions {
  /** Reads the database's structure; an `Introspector` of an adapter will do. */
  readonly introspector: { readSchema(): Promise<Schema> };
  /** Measures how long it took. Default: the system's. */
  readonly clock?: Clock;
}

export interface GenerateApiOptions {
  /** Where the resources are. Default `/v1`. */
  readonly basePath?: string;
  /** Which columns can be written but are never shown. Default: those named like passwords and secrets. */
  readonly isSecret?: (table: TableName, column: string) => boolean;
}

/** A generated project in memory. */
export interface GeneratedApi {
  readonly service: string;
  /** Tables and views that became resources. */
  readonly tables: number;
  /** Operations of the resources; health and metrics are not counted. */
  readonly endpoints: number;
  /** Reading the schema and generating, in seconds. */
  readonly seconds: number;
  readonly files: readonly ProjectFile[];
  /** Writes the project into a folder, keeping what people wrote there. */
  writeTo(folder: ProjectFolder): Promise<WrittenApi>;
}

/** What `banyan generate --json` prints. Paths are relative to the folder. */
export interface WrittenApi {
  readonly service: string;
  readonly tables: number;
  readonly endpoints: number;
  readonly seconds: number;
  /** Every file of the generated project. */
  readonly files: readonly string[];
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly unchanged: readonly string[];
  /** Changed by people outside their regions, so left as they are. */
  readonly kept: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Turns the tables of one service into a separate TypeScript project with its REST API.
 *
 * @example
 * const api = await new ApiGenerator({ introspector }).generate({ service: 'accounts', tables });
 * await api.writeTo(directory('./accounts-service'));
 */
export class ApiGenerator {
  readonly #introspector: ApiGeneratorOptions['introspector'];
  readonly #clock: Clock;

  constructor(options: ApiGeneratorOptions) {
    this.#introspector = options.introspector;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Generates the project in memory; nothing is written before {@link GeneratedApi.writeTo}.
   * @throws BANYAN_TABLE_UNKNOWN if the database has no such table.
   */
  async generate(boundary: ServiceBoundary, options: GenerateApiOptions = {}): Promise<GeneratedApi> {
    const started = this.#clock.monotonic();
    const [schema, templates] = await Promise.all([
      // The whole schema: views are read with nothing less, and some read only the service's tables.
      this.#introspector.readSchema(),
      readTemplates(),
    ]);
    const project = generateProject(schema, { ...options, service: boundary.service, tables: boundary.tables, templates });
    const summary = {
      service: boundary.service,
      tables: project.tables,
      endpoints: project.endpoints,
      seconds: (this.#clock.monotonic() - started) / 1000,
    };
    return {
      ...summary,
      files: project.files,
      writeTo: async (folder) => ({
        ...summary,
        files: project.files.map((file) => file.path),
        ...(await writeProject(project.files, folder)),
      }),
    };
  }
}

async function writeProject(
  files: readonly ProjectFile[],
  folder: ProjectFolder,
): Promise<Pick<WrittenApi, 'created' | 'changed' | 'unchanged' | 'kept' | 'removed'>> {
  const existing = new Map<string, string>();
  const read = async (path: string): Promise<void> => {
    const content = await folder.read(path);
    if (content !== undefined) existing.set(path, content);
  };
  await read(MANIFEST);
  const before = [...(existing.get(MANIFEST) ?? '').matchAll(/^ {2}("(?:[^"\\]|\\.)+"):/gm)].map((match) => String(JSON.parse(match[1] ?? '""')));
  await Promise.all([...new Set([...files.map((file) => file.path), ...before])].map(read));
  const { writes, removes, created, changed, unchanged, kept, removed } = mergeProject(files, existing);
  await Promise.all(removes.map(async (path) => folder.remove(path)));
  await Promise.all(writes.map(async (file) => folder.write(file.path, file.content)));
  return { created, changed, unchanged, kept, removed };
}
