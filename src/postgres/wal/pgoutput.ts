import { tableName, type TableName } from '../../model/names.ts';
import type { Position } from '../../model/position.ts';
import { UNCHANGED, type Cell, type Change, type Relation, type RelationColumn, type Row } from '../../model/change.ts';
import { ByteReader, malformed } from './reader.ts';

/**
 * One message of the pgoutput plugin, decoded. Field meanings: "Logical Replication Message Formats"
 * in PostgreSQL's documentation.
 */
export type PgoutputMessage =
  | Change
  | { readonly kind: 'begin'; readonly committedAt: bigint; readonly xid: number }
  | { readonly kind: 'commit'; readonly endPosition: Position }
  | { readonly kind: 'origin'; readonly name: string; readonly position: Position }
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'type' }
  | { readonly kind: 'message'; readonly prefix: string };

/** Microseconds between 1970-01-01 and PostgreSQL's epoch, 2000-01-01. */
const POSTGRES_EPOCH = 946_684_800_000_000n;

const IDENTITY = new Map([
  ['d', 'default'],
  ['f', 'full'],
  ['n', 'nothing'],
  ['i', 'index'],
] as const);

const BYTE = {
  begin: 0x42, commit: 0x43, origin: 0x4f, relation: 0x52, type: 0x59, insert: 0x49, update: 0x55,
  delete: 0x44, truncate: 0x54, message: 0x4d, newRow: 0x4e, keyRow: 0x4b, oldRow: 0x4f,
  null: 0x6e, unchanged: 0x75, text: 0x74,
} as const;

/**
 * Decodes pgoutput's messages (protocol version 1, text format). A pure function of the bytes so
 * far: Relation messages, not today's catalogue, say what the columns were at that point of the log.
 */
export class PgoutputDecoder {
  readonly #relations = new Map<number, Relation>();

  /** @throws BANYAN_WAL_FORMAT if the bytes are not one whole, known message. */
  decode(bytes: Buffer): PgoutputMessage {
    const reader = new ByteReader(bytes);
    const kind = reader.uint8();
    const message = this.#body(kind, reader);
    reader.end(`message "${String.fromCharCode(kind)}"`);
    return message;
  }

  /** The table whose row a message carries, without looking at the row; undefined for other messages. */
  tableOf(bytes: Buffer): TableName | undefined {
    const kind = bytes[0];
    if ((kind !== BYTE.insert && kind !== BYTE.update && kind !== BYTE.delete) || bytes.length < 5) return undefined;
    return this.#relation(bytes.readUInt32BE(1)).table;
  }

  #body(kind: number, reader: ByteReader): PgoutputMessage {
    switch (kind) {
      case BYTE.insert: {
        const relation = this.#relation(reader.uint32());
        expectByte(reader, BYTE.newRow);
        return { kind: 'insert', relation, row: readRow(reader, relation) };
      }
      case BYTE.update:
        return this.#update(reader);
      case BYTE.delete: {
        const relation = this.#relation(reader.uint32());
        const which = reader.uint8();
        if (which !== BYTE.keyRow && which !== BYTE.oldRow) throw malformed('a delete without an old row');
        return { kind: 'delete', relation, old: readRow(reader, relation), oldIsKey: which === BYTE.keyRow };
      }
      case BYTE.begin:
        reader.uint64();
        return { kind: 'begin', committedAt: reader.int64() + POSTGRES_EPOCH, xid: reader.uint32() };
      case BYTE.commit: {
        reader.uint8();
        reader.uint64();
        const endPosition = reader.uint64() as Position;
        reader.int64();
        return { kind: 'commit', endPosition };
      }
      case BYTE.origin: {
        const position = reader.uint64() as Position;
        return { kind: 'origin', position, name: reader.cstring() };
      }
      case BYTE.relation:
        return { kind: 'relation', relation: this.#learn(reader) };
      case BYTE.truncate: {
        const count = reader.uint32();
        const options = reader.uint8();
        if (count * 4 !== reader.remaining) throw malformed('a truncate whose length is off');
        const relations = Array.from({ length: count }, () => this.#relation(reader.uint32()));
        return { kind: 'truncate', relations, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 };
      }
      case BYTE.message: {
        reader.uint8();
        reader.uint64();
        const prefix = reader.cstring();
        reader.bytes(reader.uint32());
        return { kind: 'message', prefix };
      }
      case BYTE.type:
        reader.uint32();
        reader.cstring();
        reader.cstring();
        return { kind: 'type' };
      default:
        throw malformed(`an unknown message, byte ${kind}`);
    }
  }

  #update(reader: ByteReader): PgoutputMessage {
    const relation = this.#relation(reader.uint32());
    const which = reader.uint8();
    if (which === BYTE.newRow) return { kind: 'update', relation, row: readRow(reader, relation) };
    if (which !== BYTE.keyRow && which !== BYTE.oldRow) throw malformed('an update without a row');
    const old = readRow(reader, relation);
    expectByte(reader, BYTE.newRow);
    return { kind: 'update', relation, old, oldIsKey: which === BYTE.keyRow, row: readRow(reader, relation) };
  }

  #learn(reader: ByteReader): Relation {
    const id = reader.uint32();
    const schema = reader.cstring();
    const name = reader.cstring();
    const letter = String.fromCharCode(reader.uint8());
    const replicaIdentity = IDENTITY.get(letter as 'd');
    if (replicaIdentity === undefined) throw malformed(`a relation with replica identity "${letter}"`);
    const count = reader.uint16();
    const columns: RelationColumn[] = [];
    for (let i = 0; i < count; i++) {
      const flags = reader.uint8();
      const column = reader.cstring();
      const typeId = reader.uint32();
      reader.uint32();
      columns.push({ name: column, identity: (flags & 1) !== 0, typeId });
    }
    const relation: Relation = { table: tableName(schema === '' ? 'pg_catalog' : schema, name), columns, replicaIdentity };
    this.#relations.set(id, relation);
    return relation;
  }

  #relation(id: number): Relation {
    const relation = this.#relations.get(id);
    if (!relation) throw malformed(`a change of relation ${id}, which was never described`);
    return relation;
  }
}

function expectByte(reader: ByteReader, byte: number): void {
  if (reader.uint8() !== byte) throw malformed('another part where a new row was expected');
}

function readRow(reader: ByteReader, relation: Relation): Row {
  const count = reader.uint16();
  if (count !== relation.columns.length) {
    throw malformed(`a row of ${count} columns for ${relation.table}, which has ${relation.columns.length}`);
  }
  const ascii = reader.asciiRest();
  if (ascii !== undefined) return readAsciiRow(reader, ascii, count);
  const cells: Cell[] = [];
  for (let i = 0; i < count; i++) {
    const kind = reader.uint8();
    if (kind === BYTE.text) cells.push(reader.text(reader.uint32()));
    else if (kind === BYTE.null) cells.push(null);
    else if (kind === BYTE.unchanged) cells.push(UNCHANGED);
    else throw malformed(`a value of unknown kind, byte ${kind}`);
  }
  return cells;
}

/** The same from bytes that were decoded in one go: most rows are plain ASCII, and a call for each cell is what costs. */
function readAsciiRow(reader: ByteReader, rest: string, count: number): Row {
  const cells: Cell[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const kind = rest.charCodeAt(at);
    at += 1;
    if (kind === BYTE.text) {
      if (at + 4 > rest.length) throw malformed('a value without its length');
      const length =
        rest.charCodeAt(at) * 0x1000000 + ((rest.charCodeAt(at + 1) << 16) | (rest.charCodeAt(at + 2) << 8) | rest.charCodeAt(at + 3));
      at += 4;
      if (length > rest.length - at) throw malformed(`${length} bytes expected, ${rest.length - at} left`);
      cells.push(rest.substring(at, at + length));
      at += length;
    } else if (kind === BYTE.null) cells.push(null);
    else if (kind === BYTE.unchanged) cells.push(UNCHANGED);
    else throw malformed(`a value of unknown kind, byte ${kind}`);
  }
  reader.skip(at);
  return cells;
}
