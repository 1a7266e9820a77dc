import type { TableName } from '../../model/names.ts';
import { later, ORIGIN_OF_TIME, type Position } from '../../model/position.ts';
import type { WriteOperation } from '../../model/workload.ts';
import { PgoutputDecoder } from '../wal/pgoutput.ts';

const KINDS: ReadonlyMap<number, WriteOperation['kind']> = new Map([[0x49, 'insert'], [0x55, 'update'], [0x44, 'delete']]);

/**
 * Tells of each committed transaction which tables it wrote and how. Rows are not looked at, and nothing
 * of a transaction is kept but one entry for each table and kind of change, however large it is.
 */
export class CommitTables {
  readonly #decoder = new PgoutputDecoder();
  readonly #operations = new Map<string, WriteOperation>();
  #last: { readonly table: TableName; readonly kind: WriteOperation['kind'] } | undefined;
  #replicated = false;
  /** Up to here everything was seen. */
  position: Position = ORIGIN_OF_TIME;

  /** Takes one message of pgoutput that is sent when its transaction has committed; gives what the transaction it completes has written. */
  take(bytes: Buffer, from = 0, end = bytes.length): readonly WriteOperation[] | undefined {
    const table = this.#decoder.tableOf(bytes, from, end);
    const kind = KINDS.get(bytes[from] ?? 0);
    if (table !== undefined && kind !== undefined) {
      this.#add(table, kind);
      return undefined;
    }
    const message = this.#decoder.decode(bytes, from, end);
    if (message.kind === 'begin') {
      this.#operations.clear();
      this.#last = undefined;
      this.#replicated = false;
    } else if (message.kind === 'origin') {
      this.#replicated = true;
    } else if (message.kind === 'truncate') {
      for (const relation of message.relations) this.#add(relation.table, 'delete');
    } else if (message.kind === 'commit') {
      this.position = later(this.position, message.endPosition);
      // What another server decided to write together says nothing about this one.
      if (!this.#replicated && this.#operations.size > 0) return [...this.#operations.values()];
    }
    return undefined;
  }

  #add(table: TableName, kind: WriteOperation['kind']): void {
    if (this.#last?.table === table && this.#last.kind === kind) return;
    this.#last = { table, kind };
    this.#operations.set(`${kind} ${table}`, this.#last);
  }
}
