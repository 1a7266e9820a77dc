import type { TableName } from '../model/names.ts';
import type { Schema } from '../model/schema.ts';

/** Reads a live database's structure. */
export interface Introspector {
  /**
   * The structure of the given tables (and the types and sequences they need), or of every user
   * table, partitions included, when `tables` is absent. Banyan's own schema is left out.
   * @throws BANYAN_TABLE_UNKNOWN if a named table does not exist.
   */
  readSchema(options?: { readonly tables?: readonly TableName[] }): Promise<Schema>;
}
