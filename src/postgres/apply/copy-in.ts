import { Query } from 'pg';
import type pg from 'pg';
import type { Row } from '../../model/change.ts';
import { copyLine } from '../copy-text.ts';
import { IN_FAILED_TRANSACTION, sqlState } from '../transient.ts';
import type { TableShape } from './table-shape.ts';

/** Fewer rows than this are not worth a statement that the server must read anew each time. */
export const WORTH_COPYING = 50;

/**
 * Inserts rows that are taken to be new, at half of what an INSERT with ON CONFLICT costs the server. Nothing
 * is overwritten: a row that is there already fails the transaction, whose owner applies it again without.
 *
 * @throws CopyMissed, or what the server refused
 */
export async function copyIn(client: pg.Client, shape: TableShape, rows: readonly Row[]): Promise<void> {
  const text = `COPY ${shape.sqlName} (${shape.sqlColumns.join(', ')}) FROM STDIN`;
  const result = await new Promise<pg.QueryResultBase>((resolve, reject) => {
    // The client's own way of queueing; it refuses classes that keep a portal, which this one does not.
    client.query(new CopyIn(text, frameOf(rows), (error, done) => (error ? reject(error) : resolve(done))));
  });
  if (result.rowCount !== rows.length) throw new CopyMissed(shape, rows.length - (result.rowCount ?? 0));
}

/** A trigger has kept rows out, of which COPY does not tell which. */
export class CopyMissed extends Error {
  constructor(shape: TableShape, rows: number) {
    super(`${rows} rows were not copied into ${shape.name}`);
  }
}

/** Whether COPY itself failed, and not the transaction or the connection that it was in. */
export function isCopyFault(error: unknown): boolean {
  const state = sqlState(error);
  return error instanceof CopyMissed || (state !== undefined && state !== IN_FAILED_TRANSACTION && !/^(08|40|53|55|57|58)/.test(state));
}

type Done = (error: Error | undefined, result: pg.QueryResultBase) => void;

/**
 * A COPY whose rows are sent with it, without waiting until the server asks for them: if it refuses the
 * statement, it skips them.
 */
class CopyIn extends Query {
  readonly #text: string;
  readonly #rows: Buffer;

  constructor(text: string, rows: Buffer, done: Done) {
    super(text, undefined, done);
    this.#text = text;
    this.#rows = rows;
  }

  override submit = (connection: pg.Connection): void => {
    connection.stream.cork();
    connection.query(this.#text);
    connection.stream.write(this.#rows);
    connection.stream.uncork();
  };

  /** The server asks for the rows, which are on their way. */
  handleCopyInResponse(): void {}
}

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/** Rows in COPY's text form, as the protocol carries them, with their end. */
function frameOf(rows: readonly Row[]): Buffer {
  let lines = '';
  for (const row of rows) lines += copyLine(row);
  const length = Buffer.byteLength(lines);
  const frame = Buffer.allocUnsafe(5 + length + COPY_DONE.length);
  frame.writeUInt8(COPY_DATA, 0);
  frame.writeUInt32BE(4 + length, 1);
  frame.write(lines, 5);
  COPY_DONE.copy(frame, 5 + length);
  return frame;
}
