import type { AcceptedTables, CatalogTable, SchemaChange } from '../model/catalog.ts';
import type { TableName } from '../model/names.ts';

/** One database's catalogue, as far as a running stream asks for it. */
export interface TableCatalog {
  /** A table as it is now; undefined if there is none. */
  read(table: TableName): Promise<CatalogTable | undefined>;
  /**
   * Makes a change, whole or not at all. Gives up after two seconds of waiting for a lock; that error is transient.
   * Finding it done already is no error.
   */
  make(changes: readonly SchemaChange[]): Promise<void>;
  /** Statements that make a change, each without its semicolon. */
  sqlOf(change: SchemaChange): readonly string[];
  /** What the stream that writes into this database had found to fit, by the tables' shared names. */
  accepted(stream: string): Promise<ReadonlyMap<TableName, AcceptedTables>>;
  accept(stream: string, table: TableName, tables: AcceptedTables): Promise<void>;
  isTransient(error: unknown): boolean;
}
