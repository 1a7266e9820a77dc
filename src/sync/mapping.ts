import { BanyanError, isBanyanError } from '../core/errors.ts';
import { UNCHANGED, type Change, type Relation, type Row, type Value } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import { sourceSide, type Direction } from '../model/side.ts';
import { columnsOf, sharedName, type TableMapping } from '../model/table-mapping.ts';
import { rowTranslator, type RowTranslator } from '../model/translate-row.ts';
import type { Link, TargetTable, Write } from '../ports/applier.ts';
import { ordered } from './work.ts';

/** What a transaction's position and knowledge add to each of its changes. */
export interface WriteContext {
  readonly position: Position;
  readonly committedAt: bigint;
  readonly seen: Position;
}

/** A table between the two sides: under the monolith's names, as the applier of this direction knows it. */
interface Shared {
  readonly mapping: TableMapping;
  readonly target: TargetTable;
  /** Begins the text by which a row is known. */
  readonly rowName: TableName;
  /** The key's place in the order of the monolith's column names, so that both sides' key orders give the same text. */
  readonly keyOrder: readonly number[];
}

interface RelationMap extends Shared {
  readonly translate: RowTranslator;
  /** The source's own table, for what can't be translated. */
  readonly source: TargetTable;
  /** Whether a change must carry its whole row. */
  readonly whole: boolean;
  /** Why nothing of it can be written as it is. */
  readonly misfit?: BanyanError;
  /** By place, what new rows get where they bring nothing. */
  readonly older?: ReadonlyMap<number, Value>;
}

type RowChange = Exclude<Change, { kind: 'truncate' }>;

/** What is known of the tables' present form. */
export interface SchemaJudge {
  /** Why changes of this relation can't be written as the target is; undefined: they can. */
  misfit(table: TableName, relation: Relation): BanyanError | undefined;
  /** What columns of a table are called now, by the names they had before. */
  formerly(table: TableName): ReadonlyMap<string, string>;
  /** Columns of the source's table; undefined: not known. */
  sourceColumns(table: TableName): readonly string[] | undefined;
  /**
   * Of columns that the target has got while the stream ran: what rows hold there that are older, by name. A row
   * that comes without such a column is older at its source, and gets the same when the column comes there.
   */
  older(table: TableName): ReadonlyMap<string, Value>;
}

/**
 * Translates one direction's changes into the words that both directions share: the monolith's tables
 * and columns. What the service calls them is known only here, where its changes come in, and to
 * {@link ServiceApplier}, where they are written.
 */
export class Mapping {
  readonly #direction: Direction;
  readonly #bySource = new Map<TableName, Shared[]>();
  readonly #byName = new Map<TableName, Shared>();
  #nameless = 0;
  readonly #relations = new WeakMap<Relation, readonly RelationMap[]>();
  readonly #schema: SchemaJudge | undefined;

  constructor(options: {
    readonly pairs: readonly TableMapping[];
    readonly direction: Direction;
    /** By the shared name. */
    readonly targets: ReadonlyMap<TableName, TargetTable>;
    /** Absent: a column that the target lacks stops the stream. */
    readonly schema?: SchemaJudge;
  }) {
    const { pairs, direction, targets, schema } = options;
    this.#direction = direction;
    this.#schema = schema;
    for (const mapping of pairs) {
      const name = sharedName(mapping, pairs);
      const described = targets.get(name);
      if (!described) throw new BanyanError('BANYAN_INTERNAL', { message: `${name} was never described.` });
      const known = schema?.sourceColumns(name);
      const target = withNames(
        known ? this.#lessThan(mapping, carriedBy(mapping, direction, described), known) : carriedBy(mapping, direction, described),
        schema?.formerly(name),
      );
      // Rows that several tables of the monolith make up are one row to whoever orders writes.
      const joined = pairs.some((other) => other !== mapping && other.service === mapping.service);
      const shared = { mapping, target, rowName: joined ? mapping.service : target.name, keyOrder: joined ? target.key.map((_, i) => i) : keyOrder(target) };
      this.#byName.set(target.name, shared);
      const source = mapping[sourceSide(direction)];
      this.#bySource.set(source, [...(this.#bySource.get(source) ?? []), shared]);
    }
  }

  /** The targets of a source table; none if the table is not synchronised. */
  targetsOf(relation: Relation): readonly TargetTable[] {
    return (this.#bySource.get(relation.table) ?? []).map(({ target }) => target);
  }

  /**
   * A row by its shared names, as records and requests have it; undefined if its table is not synchronised.
   * @param row what the record holds of it beside its key: the table may have another key by now than when the record was made.
   */
  rowOf(name: TableName, key: NamedRow, row: NamedRow = {}): Pick<Write, 'table' | 'key' | 'keyText' | 'former'> | undefined {
    const table = this.#byName.get(name)?.target;
    if (!table) return undefined;
    const cells = table.key.map((index) => key[table.columns[index] ?? ''] ?? row[table.columns[index] ?? '']).filter((cell) => typeof cell === 'string');
    if (cells.length < table.key.length) return { table, key: [], keyText: formerText(name, key), former: key };
    return { table, key: cells, keyText: this.keyTextOf(table, cells) };
  }

  /** The change as writes of the target; none if its table is not synchronised. */
  writesOf(change: RowChange, context: WriteContext): readonly Write[] {
    const maps = this.#maps(change.relation);
    const [only] = maps;
    return only && maps.length === 1 ? this.#writesBy(only, change, context) : maps.flatMap((map) => this.#writesBy(map, change, context));
  }

  #writesBy(map: RelationMap, change: RowChange, context: WriteContext): readonly Write[] {
    if (map.misfit) return [this.#unfitting(map, change, context, map.misfit)];
    try {
      return map.target.key.length === 0 ? this.#keyless(map, change, context) : [writeOf(map, change, context)];
    } catch (error) {
      if (!isBanyanError(error, 'BANYAN_TRANSFORM') && !(this.#schema && isBanyanError(error, 'BANYAN_NO_KEY'))) throw error;
      return [untranslated(map, change, context, error)];
    }
  }

  /** A change that can't be written as the target is, with as much of it as could. */
  #unfitting(map: RelationMap, change: RowChange, context: WriteContext, fault: BanyanError): Write {
    const plain = untranslated(map, change, context, fault);
    if (map.target.key.length === 0) return { ...plain, keyText: `${map.target.name} #${++this.#nameless}` };
    try {
      const known = writeOf(map, change, context);
      return { ...plain, known, keyText: known.keyText, ...(known.newKeyText === undefined ? {} : { newKeyText: known.newKeyText }) };
    } catch (error) {
      if (!isBanyanError(error, 'BANYAN_TRANSFORM') && !isBanyanError(error, 'BANYAN_NO_KEY')) throw error;
      return { ...plain, keyText: `${map.target.name} #${++this.#nameless}` };
    }
  }

  /** The shared names of a relation's tables whose form it does not fit. */
  misfits(relation: Relation): readonly TableName[] {
    return this.#maps(relation).flatMap(({ misfit, target }) => (misfit ? [target.name] : []));
  }

  /** A table by its shared name. */
  tableNamed(name: TableName): TargetTable | undefined {
    return this.#byName.get(name)?.target;
  }

  /** The foreign keys between the tables, of those that refer to their parent's key and hold for every row. */
  get links(): readonly Link[] {
    return [...this.#byName.values()].flatMap(({ target: child, mapping }) =>
      (child.references ?? []).flatMap((reference): Link[] => {
        const parent = this.#byName.get(reference.table);
        // A row that several tables make up is no row of any of them.
        if (!parent || mapping.part === true || parent.mapping.part === true || reference.valid !== true || child.key.length === 0) return [];
        const key = parent.target.key.map((index) => parent.target.columns[index] ?? '');
        return key.length > 0 && key.length === reference.there.length && key.every((name) => reference.there.includes(name))
          ? [{ child, parent: parent.target, reference }]
          : [];
      }),
    );
  }

  /** Once more, a change that could not be translated: functions and tables may have been mended since. It may fail again. */
  translateAgain(write: Write): Write {
    const { table, kind, row = [], old, position, committedAt, seen } = write;
    const columns = table.columns.map((name, i) => ({ name, identity: table.key.includes(i), typeId: 0 }));
    const relation: Relation = { table: table.name, columns, replicaIdentity: 'default' };
    const before = table.columns.map((_, i) => write.key[table.key.indexOf(i)] ?? null);
    const change: RowChange =
      kind === 'insert' ? { kind, relation, row }
        : kind === 'delete' ? { kind, relation, old: old ?? before, oldIsKey: !old }
          : { kind, relation, row, old: old ?? before, oldIsKey: !old };
    // What the relation was like is known no more; that its table fits now was found out.
    this.#relations.set(relation, (this.#bySource.get(relation.table) ?? []).map((shared) => this.#build(relation, shared, { trusted: true })));
    const again = this.writesOf(change, { position, committedAt, seen });
    const found = again.find((each) => each.keyText === write.keyText) ?? again[0] ?? write;
    return write.bases ? { ...found, bases: write.bases } : found;
  }

  /** A write that was translated when its table had another form, in the form it has now. */
  reshaped(write: Write): Write {
    const table = write.fault ? undefined : this.#byName.get(write.table.name)?.target;
    if (!table || table.columns === write.table.columns) return write;
    const nowOf = (name: string): string => (table.columns.includes(name) ? name : (table.formerly?.get(name) ?? name));
    const names = write.table.columns.map(nowOf);
    const carried = write.table.carried;
    const brought = new Set(names.filter((_, i) => carried?.[i] !== false));
    const inOrder = (row: Row): Row => table.columns.map((name) => { const i = names.indexOf(name); return i < 0 ? UNCHANGED : (row[i] ?? null); });
    const { row, old, ...rest } = write;
    const now = row && (write.kind === 'insert' ? this.#asOlder(table, inOrder(row), brought) : inOrder(row));
    return { ...rest, table: lacking(table, (name) => !brought.has(name)), ...(now ? { row: now } : {}), ...(old ? { old: inOrder(old) } : {}) };
  }

  /** A whole row by its names, from before some columns came: those have what the source gave to all older rows. */
  wholeRow(table: TargetTable, row: NamedRow): Row {
    return this.#asOlder(table, ordered(table, row), new Set(Object.keys(row).map((name) => (table.columns.includes(name) ? name : (table.formerly?.get(name) ?? name)))));
  }

  #asOlder(table: TargetTable, row: Row, brought: ReadonlySet<string>): Row {
    const older = this.#schema?.older(table.name);
    if (!older || older.size === 0) return row;
    return row.map((cell, i) => {
      const name = table.columns[i] ?? '';
      return cell === UNCHANGED && !brought.has(name) && older.has(name) ? (older.get(name) ?? null) : cell;
    });
  }

  /** The text under which both directions know a row. */
  keyTextOf(target: TargetTable, key: readonly string[]): string {
    const shared = this.#byName.get(target.name);
    if (!shared) throw new BanyanError('BANYAN_INTERNAL', { message: `${target.name} belongs to no pair.` });
    return keyText(shared, key);
  }

  /** The key that {@link keyTextOf} made a text of; undefined if the text is another table's. */
  keyOfText(target: TargetTable, text: string): readonly string[] | undefined {
    const shared = this.#byName.get(target.name);
    return shared && keyWithin(shared, text);
  }

  /**
   * Rows without a key have no history: one goes, one comes. Each gets a name of its own, so that two
   * equal rows are never taken for one.
   */
  #keyless({ target: table, translate }: RelationMap, change: RowChange, context: WriteContext): readonly Write[] {
    const named = (): Pick<Write, 'table' | 'key' | 'keyText'> => ({ table, key: [], keyText: `${table.name} #${++this.#nameless}` });
    if (change.kind !== 'insert' && (!change.old || change.oldIsKey === true)) {
      throw new BanyanError('BANYAN_NO_KEY', {
        message: `A change of ${table.name}, which has no key, does not carry its old row.`,
        remedy: `Run ALTER TABLE … REPLICA IDENTITY FULL on the source, and copy the table again.`,
      });
    }
    const gone: Write[] = change.kind === 'insert' || !change.old ? [] : [{ kind: 'delete', ...named(), old: translate.row(change.old), ...context }];
    const came: Write[] = change.kind === 'delete'
      ? []
      : [{ kind: 'insert', ...named(), row: translate.row(filledFrom(change.row, change.kind === 'update' ? change.old : undefined)), ...context }];
    return [...gone, ...came];
  }

  #maps(relation: Relation): readonly RelationMap[] {
    const known = this.#relations.get(relation);
    if (known) return known;
    const maps = (this.#bySource.get(relation.table) ?? []).map((shared) => this.#build(relation, shared));
    this.#relations.set(relation, maps);
    return maps;
  }

  /** The target without what a source with these columns does not bring. */
  #lessThan(mapping: TableMapping, target: TargetTable, names: readonly string[]): TargetTable {
    if (mapping.functions) return target;
    const backward = this.#direction === 'service-to-monolith';
    const paired = new Map(columnsOf(mapping, target.columns).map((column) => [column.monolith, backward ? column.service : column.monolith]));
    return lacking(target, (name) => !names.includes(paired.get(name) ?? name));
  }

  #build(relation: Relation, described: Shared, { trusted } = { trusted: false }): RelationMap {
    const { mapping } = described;
    const backward = this.#direction === 'service-to-monolith';
    const misfit = trusted ? undefined : this.#schema?.misfit(described.target.name, relation);
    const nowOf = (name: string): string => (described.target.columns.includes(name) ? name : (described.target.formerly?.get(name) ?? name));
    const names = relation.columns.map((column) => (mapping.columns ? column.name : nowOf(column.name)));
    const target = this.#schema ? this.#lessThan(mapping, described.target, names) : described.target;
    const shared = { ...described, target };
    if (!this.#schema && !mapping.columns && !mapping.functions) {
      const left = names.filter((name) => !target.columns.includes(name));
      if (left.length > 0) {
        throw new BanyanError('BANYAN_SCHEMA_CHANGED', {
          message: `${relation.table} has columns that ${mapping[backward ? 'monolith' : 'service']} lacks: ${left.join(', ')}.`,
        });
      }
    }
    const keyNames = target.key.map((index) => target.columns[index] ?? '');
    // The monolith's columns have their shared names already.
    const translate = rowTranslator(
      backward
        ? { mapping, to: 'monolith', from: names, into: target.columns, key: keyNames }
        : { mapping: { monolith: mapping.monolith, service: mapping.service }, to: 'service', from: names, into: target.columns },
    );
    const sourceKey = keyNames.map((name) => {
      const column = backward ? columnsOf(mapping, names).find((each) => each.monolith === name) : undefined;
      return names.indexOf(column?.service ?? name);
    });
    const filled = mapping.functions ? undefined : this.#schema?.older(target.name);
    const older = new Map(target.columns.flatMap((name, i): [number, Value][] => {
      const value = target.carried?.[i] === false && !names.includes(name) ? filled?.get(name) : undefined;
      return value === undefined ? [] : [[i, value]];
    }));
    const identity = relation.columns.flatMap((column, i) => (column.identity ? [i] : []));
    const ownKey = misfit && relation.replicaIdentity !== 'full' && identity.length > 0 ? identity : sourceKey;
    return {
      ...shared, translate, source: { name: relation.table, columns: relation.columns.map((column) => column.name), key: ownKey },
      ...(misfit ? { misfit } : {}),
      ...(older.size > 0 ? { older } : {}),
      whole: mapping.functions?.[backward ? 'toMonolith' : 'toService'] !== undefined,
    };
  }
}

const carriedBy = (mapping: TableMapping, direction: Direction, described: TargetTable): TargetTable =>
  direction === 'service-to-monolith' ? carriedOnly(mapping, described) : described;

function withNames(table: TargetTable, formerly: ReadonlyMap<string, string> | undefined): TargetTable {
  return formerly && formerly.size > 0 ? { ...table, formerly } : table;
}

/** The table of changes that bring nothing for some of its columns. */
function lacking(table: TargetTable, lacks: (name: string) => boolean): TargetTable {
  if (!table.columns.some((name, i) => lacks(name) && table.carried?.[i] !== false)) return table;
  return { ...table, carried: table.columns.map((name, i) => !lacks(name) && table.carried?.[i] !== false) };
}

/** What a stream to the monolith never carries keeps its values there. */
function carriedOnly(mapping: TableMapping, described: TargetTable): TargetTable {
  const table = mapping.where === undefined ? described : { ...described, filter: mapping.where };
  if (!mapping.columns) return table;
  const carried = new Set(mapping.columns.map((column) => column.monolith));
  if (table.columns.every((column) => carried.has(column))) return table;
  return { ...table, carried: table.columns.map((column) => carried.has(column)) };
}

function keyOrder(table: TargetTable): readonly number[] {
  const names = table.key.map((index) => table.columns[index] ?? '');
  return names.map((_, i) => i).sort((a, b) => ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1));
}

function keyText({ rowName, keyOrder }: Pick<Shared, 'rowName' | 'keyOrder'>, key: readonly string[]): string {
  if (key.length === 1) return `${rowName} ${key[0]}`;
  return `${rowName} ${keyOrder.map((i) => `${(key[i] ?? '').length}:${key[i] ?? ''}`).join(',')}`;
}

/** The other way round. */
function keyWithin({ rowName, keyOrder }: Shared, text: string): readonly string[] | undefined {
  if (!text.startsWith(`${rowName} `)) return undefined;
  const rest = text.slice(rowName.length + 1);
  if (keyOrder.length === 1) return [rest];
  const key: string[] = [];
  let at = 0;
  for (const i of keyOrder) {
    const begin = rest.indexOf(':', at) + 1;
    at = begin + Number(rest.slice(at, begin - 1));
    key[i] = rest.slice(begin, at);
    at += 1;
  }
  return key;
}

function writeOf(map: RelationMap, change: RowChange, context: WriteContext): Write {
  const { target: table, translate } = map;
  const { position, committedAt, seen } = context;
  if (change.kind === 'insert') {
    const { older } = map;
    const brought = translate.row(change.row);
    const row = older ? brought.map((cell, i) => (cell === UNCHANGED ? (older.has(i) ? (older.get(i) ?? null) : cell) : cell)) : brought;
    const key = keyOf(map, row);
    return { kind: 'insert', table, key, keyText: keyText(map, key), row, position, committedAt, seen };
  }
  if (change.kind === 'delete') {
    const key = keyOf(map, translate.columns(change.old));
    return {
      kind: 'delete', table, key, keyText: keyText(map, key),
      ...(change.oldIsKey ? {} : { old: translate.row(change.old) }), ...context,
    };
  }
  const row = translate.row(map.whole ? filledFrom(change.row, change.oldIsKey === false ? change.old : undefined) : change.row);
  const newKey = keyOf(map, row);
  if (!change.old) return { kind: 'update', table, key: newKey, keyText: keyText(map, newKey), row, position, committedAt, seen };
  const key = keyOf(map, translate.columns(change.old));
  const rekeyed = key.some((part, i) => part !== newKey[i]);
  return {
    kind: 'update', table, key, keyText: keyText(map, key), row,
    ...(change.oldIsKey === false ? { old: translate.row(change.old) } : {}),
    ...(rekeyed ? { newKeyText: keyText(map, newKey) } : {}),
    ...context,
  };
}

/** Of a row that is named by no key of its table: no row's own text is like it. */
function formerText(table: TableName, key: NamedRow): string {
  return `${table} ?${JSON.stringify(key)}`;
}

/** A function wants the whole row; values that the change left alone stand in the old one. */
function filledFrom(row: Row, old: Row | undefined): Row {
  return old ? row.map((cell, i) => (cell === UNCHANGED ? (old[i] ?? null) : cell)) : row;
}

/** A change that can't be translated, with its content as the source wrote it, under its row's shared name. */
function untranslated(map: RelationMap, change: RowChange, context: WriteContext, fault: Error): Write {
  const { source, translate } = map;
  const present = change.kind === 'delete' ? change.old : change.row;
  const before = change.kind === 'insert' ? present : (change.old ?? present);
  const named = (row: Row): { readonly key: string[]; readonly text: string } => {
    const own = source.key.map((index) => textOf(row[index]));
    try {
      return { key: own, text: keyText(map, keyOf(map, translate.columns(row))) };
    } catch (error) {
      if (!isBanyanError(error, 'BANYAN_TRANSFORM') && !isBanyanError(error, 'BANYAN_NO_KEY')) throw error;
      // Other columns' values fail here as well; the key's own names are then the best there is.
      return { key: own, text: keyText(map, own) };
    }
  };
  const old = named(before);
  const now = named(present);
  return {
    kind: change.kind, table: source, key: old.key, keyText: old.text, fault, of: map.target.name,
    ...(change.kind === 'delete' ? {} : { row: change.row }),
    ...(change.kind !== 'insert' && change.old && change.oldIsKey === false ? { old: change.old } : {}),
    ...(now.text === old.text ? {} : { newKeyText: now.text }),
    ...context,
  };
}

const textOf = (cell: Row[number] | undefined): string => (typeof cell === 'string' ? cell : '');

function keyOf({ target }: Shared, row: Row): string[] {
  return target.key.map((index) => {
    const cell = row[index];
    if (typeof cell !== 'string') {
      throw new BanyanError('BANYAN_NO_KEY', {
        message: `A change of ${target.name} does not carry its key column "${target.columns[index]}".`,
        remedy: 'Give the table on the source a replica identity that covers its primary key.',
      });
    }
    return cell;
  });
}
