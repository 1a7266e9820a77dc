import type { Change, Relation } from '../../model/change.ts';
import { tableName } from '../../model/names.ts';
import type { Value } from '../../model/change.ts';
import { malformed } from '../wal/reader.ts';
import { parseRow } from './composite.ts';

/** One line of the log, as the server gives it. */
export interface Entry {
  readonly id: bigint;
  readonly xid: bigint;
  readonly relation: string;
  /** I, U, D; of truncations, T: its sequences go on, R: they were restarted, N: there was nothing to restart. */
  readonly kind: string;
  /** Commit time in microseconds since 1970; of the entry itself where the server does not keep it. */
  readonly committedAt: bigint;
  readonly oldVersion: Value;
  readonly newVersion: Value;
  readonly oldRow: Value;
  readonly newRow: Value;
}

/** A table as the trigger described it when it wrote its entries. */
export interface LoggedRelation {
  /** The partition, where it is one; versions of rows are numbered within it. */
  readonly relid: string;
  readonly relation: Relation;
  /** Which of the row's fields are carried; generated columns are not. */
  readonly fields: readonly number[];
  /** How many there are. */
  readonly width: number;
}

interface Definition {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly type: number; readonly modifier?: number; readonly generated: boolean; readonly key: boolean }[];
}

export function readRelation(relid: string, definition: string): LoggedRelation {
  const { schema, table, columns } = JSON.parse(definition) as Definition;
  const fields = columns.map((_, i) => i).filter((i) => columns[i]?.generated === false);
  return {
    relid, fields, width: columns.length,
    relation: {
      table: tableName(schema, table),
      replicaIdentity: 'full',
      columns: columns.filter((column) => !column.generated).map(({ name, type, modifier, key }) => ({
        name, typeId: type, identity: key, ...(modifier === undefined ? {} : { modifier }),
      })),
    },
  };
}

/** The change that an entry stands for; of a truncation, of its one table. */
export function changeOf(entry: Entry, logged: LoggedRelation): Change {
  const { relation } = logged;
  switch (entry.kind) {
    case 'I':
      return { kind: 'insert', relation, row: cells(entry.newRow, logged) };
    case 'U':
      return { kind: 'update', relation, row: cells(entry.newRow, logged), old: cells(entry.oldRow, logged), oldIsKey: false };
    case 'D':
      return { kind: 'delete', relation, old: cells(entry.oldRow, logged), oldIsKey: false };
    case 'T':
    case 'R':
    case 'N':
      return { kind: 'truncate', relations: [relation], cascade: false, restartIdentity: entry.kind === 'R' };
    default:
      throw malformed(`a log entry of unknown kind "${entry.kind}"`);
  }
}

export const isTruncation = ({ kind }: Entry): boolean => kind === 'T' || kind === 'R' || kind === 'N';

function cells(text: Value, { relation, fields, width }: LoggedRelation): Value[] {
  if (text === null) throw malformed(`a log entry of ${relation.table} without its row`);
  const all = parseRow(text);
  if (all.length !== width) throw malformed(`a row of ${all.length} columns for ${relation.table}, which has ${width}`);
  return fields.map((i) => all[i] ?? null);
}
