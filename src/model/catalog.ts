import type { TableName } from './names.ts';

/** A column as the catalogue has it now. Columns that the server computes are none here. */
export interface CatalogColumn {
  /** The server's own number: a column that is renamed keeps it. */
  readonly number: number;
  readonly name: string;
  /** With its modifiers, as the server spells it: `numeric(12,2)`. */
  readonly type: string;
  readonly typeId: number;
  /** Length or precision as the log tells it; -1: none. */
  readonly modifier: number;
  readonly notNull: boolean;
  /** SQL; absent: none. */
  readonly default?: string;
  /** The server gives a value where a row brings none: by default or identity. */
  readonly filled: boolean;
  readonly identity: boolean;
  /** SQL of a collation that is not the type's own. */
  readonly collation?: string;
  /** SQL of what rows hold that were there before the column was, where the catalogue and not the rows say so. */
  readonly existing?: string;
  /** The same as text. */
  readonly existingText?: string;
  /** It came while the stream ran. */
  readonly added?: boolean;
  /** Names it had before, latest last. */
  readonly formerly?: readonly string[];
}

/** A table as the catalogue has it now. */
export interface CatalogTable {
  readonly name: TableName;
  /** In their own order. */
  readonly columns: readonly CatalogColumn[];
  /** Of the primary key, else of the replica identity's index; empty: none. */
  readonly key: readonly string[];
  /** The name of the primary key's constraint. */
  readonly keyName?: string;
  /** Names the files that hold its rows: rewriting the rows gives it others. */
  readonly files: string;
  /** Rights that the asking role lacks: `UPDATE`. */
  readonly lacking: readonly string[];
  /** The asking role. */
  readonly role: string;
}

/** Both ends of a stream's table, as they were found to fit. */
export interface AcceptedTables {
  readonly source: CatalogTable;
  readonly target: CatalogTable;
}

/** What would make two tables fit. */
export type SchemaChange =
  | { readonly kind: 'add-column'; readonly table: TableName; readonly column: CatalogColumn; readonly notNull: boolean }
  | { readonly kind: 'rename-column'; readonly table: TableName; readonly from: string; readonly to: string }
  | { readonly kind: 'change-type'; readonly table: TableName; readonly column: string; readonly type: string }
  | { readonly kind: 'drop-column'; readonly table: TableName; readonly column: string }
  | { readonly kind: 'allow-null'; readonly table: TableName; readonly column: string }
  | { readonly kind: 'change-key'; readonly table: TableName; readonly columns: readonly string[]; readonly formerKey?: string }
  /** Writes rows anew, as they are, so that the log tells of them. */
  | { readonly kind: 'write-again'; readonly table: TableName; readonly column: string }
  | { readonly kind: 'grant'; readonly table: TableName; readonly rights: readonly string[]; readonly role: string };
