import { BanyanError } from '../../core/errors.ts';
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
  | { readonly kind: 'message'; readonly prefix: string }
  /** A part of a transaction that has not ended begins; what follows is its own until the part stops. */
  | { readonly kind: 'stream-start'; readonly xid: number; readonly first: boolean }
  | { readonly kind: 'stream-stop' }
  | { readonly kind: 'stream-commit'; readonly xid: number; readonly endPosition: Position; readonly committedAt: bigint }
  /** `xid` of the whole, `subxid` of what was rolled back of it: the same number if all of it was. */
  | { readonly kind: 'stream-abort'; readonly xid: number; readonly subxid: number };

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
  streamStart: 0x53, streamStop: 0x45, streamCommit: 0x63, streamAbort: 0x41,
  null: 0x6e, unchanged: 0x75, text: 0x74,
} as const;

const EMPTY = Buffer.alloc(0);

/** Messages of a prepared transaction, by their first byte. They come only if the slot was made or altered to have them. */
const TWO_PHASE: ReadonlySet<number> = new Set(Buffer.from('bPKrp'));

/** Messages that carry their transaction's number while a part of an open transaction is streamed. */
const NUMBERED: ReadonlySet<number> = new Set([BYTE.relation, BYTE.type, BYTE.insert, BYTE.update, BYTE.delete, BYTE.truncate, BYTE.message]);

interface KnownRelation {
  readonly relation: Relation;
  /** Counts descriptions as they came, in all transactions: the latest one stands. */
  readonly ordinal: number;
}

/**
 * Decodes pgoutput's messages (protocol versions 1 to 4, text format). A pure function of the bytes so
 * far: Relation messages, not today's catalogue, say what the columns were at that point of the log.
 */
export class PgoutputDecoder {
  readonly #relations: Map<number, KnownRelation>;
  readonly #streamed: boolean;
  readonly #counter: { described: number };
  readonly #reader = new ByteReader(EMPTY);
  #last: { readonly id: number; readonly relation: Relation } | undefined;

  constructor(from?: { readonly relations: ReadonlyMap<number, KnownRelation>; readonly counter: { described: number }; readonly streamed: boolean }) {
    this.#relations = new Map(from?.relations);
    this.#counter = from?.counter ?? { described: 0 };
    this.#streamed = from?.streamed ?? false;
  }

  /**
   * A decoder that knows what this one knows now, and learns apart from it.
   * @param options.streamed whether it is for a transaction that is streamed before it ends. Default: as this one.
   */
  fork({ streamed = this.#streamed }: { readonly streamed?: boolean } = {}): PgoutputDecoder {
    return new PgoutputDecoder({ relations: this.#relations, counter: this.#counter, streamed });
  }

  /** Takes over what another has learned later. The server does not describe again what it described to a transaction that committed. */
  learnFrom(other: PgoutputDecoder): void {
    this.#last = undefined;
    for (const [id, known] of other.#relations) {
      if ((this.#relations.get(id)?.ordinal ?? -1) < known.ordinal) this.#relations.set(id, known);
    }
  }

  /** @throws BANYAN_WAL_FORMAT if the bytes from `from` to before `end` are not one whole, known message. */
  decode(bytes: Buffer, from = 0, end = bytes.length): PgoutputMessage {
    const reader = this.#reader;
    reader.reset(bytes, from, end);
    const kind = reader.uint8();
    if (this.#streamed && NUMBERED.has(kind)) reader.uint32();
    const message = this.#body(kind, reader);
    reader.end(`message "${String.fromCharCode(kind)}"`);
    return message;
  }

  /** The number of the transaction or subtransaction that a message of a streamed part belongs to; undefined for what has none. */
  xidOf(bytes: Buffer): number | undefined {
    if (!NUMBERED.has(bytes[0] ?? 0)) return undefined;
    if (bytes.length < 5) throw malformed('a message without its transaction');
    return bytes.readUInt32BE(1);
  }

  /** The table whose row a message carries, without looking at the row; undefined for other messages. */
  tableOf(bytes: Buffer, from = 0, end = bytes.length): TableName | undefined {
    const kind = bytes[from];
    const at = from + (this.#streamed ? 5 : 1);
    if ((kind !== BYTE.insert && kind !== BYTE.update && kind !== BYTE.delete) || end < at + 4) return undefined;
    return this.#relation(bytes.readUInt32BE(at)).table;
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
      case BYTE.streamStart: {
        const xid = reader.uint32();
        return { kind: 'stream-start', xid, first: reader.uint8() === 1 };
      }
      case BYTE.streamStop:
        return { kind: 'stream-stop' };
      case BYTE.streamCommit: {
        const xid = reader.uint32();
        reader.uint8();
        reader.uint64();
        const endPosition = reader.uint64() as Position;
        return { kind: 'stream-commit', xid, endPosition, committedAt: reader.int64() + POSTGRES_EPOCH };
      }
      case BYTE.streamAbort: {
        const xid = reader.uint32();
        // Where and when it was rolled back would follow if parallel streaming had been asked for.
        return { kind: 'stream-abort', xid, subxid: reader.uint32() };
      }
      default:
        if (TWO_PHASE.has(kind)) {
          throw new BanyanError('BANYAN_TWO_PHASE', { message: `The slot sends prepared transactions before they commit (message "${String.fromCharCode(kind)}").` });
        }
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
      const modifier = reader.uint32() | 0;
      columns.push({ name: column, identity: (flags & 1) !== 0, typeId, modifier });
    }
    this.#last = undefined;
    const relation: Relation = { table: tableName(schema === '' ? 'pg_catalog' : schema, name), columns, replicaIdentity };
    this.#relations.set(id, { relation, ordinal: (this.#counter.described += 1) });
    return relation;
  }

  /** Most changes are of the table of the one before. */
  #relation(id: number): Relation {
    if (this.#last?.id === id) return this.#last.relation;
    const known = this.#relations.get(id);
    if (!known) throw malformed(`a change of relation ${id}, which was never described`);
    this.#last = { id, relation: known.relation };
    return known.relation;
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
