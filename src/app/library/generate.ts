import { ApiGenerator as Generator, type GenerateApiOptions, type GeneratedApi } from '../../generate/api-generator.ts';
import { BanyanError } from '../../core/errors.ts';
import { parseTableName } from '../../model/names.ts';
import { databaseOf, type Database, type DatabaseLike } from './database.ts';

export type { GenerateApiOptions, GeneratedApi, WrittenApi } from '../../generate/api-generator.ts';
export { directory, type ProjectFolder } from '../../generate/project-folder.ts';
export { postgres, type Database, type DatabaseLike } from './database.ts';

/** Turns the tables of a service into a REST service's project. */
export class ApiGenerator {
  readonly #monolith: Database;

  constructor(monolith: DatabaseLike) {
    this.#monolith = databaseOf(monolith);
  }

  /**
   * Generates in memory; `writeTo(directory('./accounts'))` writes it.
   * @param boundary What `ServiceBoundaryAnalyzer` suggests, or a name and tables of your own.
   * @throws BANYAN_USAGE without a boundary: there was nothing to cut.
   * @throws BANYAN_TABLE_UNKNOWN if the database has no such table.
   */
  async generate(boundary: { readonly name: string; readonly tables: readonly string[] } | undefined, options: GenerateApiOptions = {}): Promise<GeneratedApi> {
    if (!boundary || boundary.tables.length === 0) {
      throw new BanyanError('BANYAN_USAGE', { message: 'There is no boundary, or none with tables, to generate a service for.', remedy: 'Give a name and tables.' });
    }
    const { name: service, tables } = boundary;
    return new Generator({ introspector: this.#monolith.introspector }).generate({ service, tables: tables.map(parseTableName) }, options);
  }
}
