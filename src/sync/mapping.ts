import { BanyanError, isBanyanError } from '../core/errors.ts';
import { UNCHANGED, type Change, type Relation, type Row } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import { sourceSide, type Direction } from '../model/side.ts';
import { columnsOf, sharedName, type TableMapping } from '../model/table-mapping.ts';
import { rowTranslator, type RowTranslator } from '../model/translate-row.ts';
import type { Link, TargetTable, Write } from '../ports/applier.ts';

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
}

type RowChange = Exclude<Change, { kind: 'truncate' }>;

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

  constructor(options: {
    readonly pairs: readonly TableMapping[];
    readonly direction: Direction;
    /** By the shared name. */
    readonly targets: ReadonlyMap<TableName, TargetTable>;
  }) {
    const { pairs, direction, targets } = options;
    this.#direction = direction;
    for (const mapping of pairs) {
      const name = sharedName(mapping, pairs);
      const described = targets.get(name);
      if (!described) throw new BanyanError('BANYAN_INTERNAL', { message: `${name} was never described.` });
      const target = direction === 'service-to-monolith' ? carriedOnly(mapping, described) : described;
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

  /** A row by its shared names, as records and requests have it; undefined if its table is not synchronised. */
  rowOf(name: TableName, key: NamedRow): { readonly table: TargetTable; readonly key: readonly string[]; readonly keyText: string } | undefined {
    const table = this.#byName.get(name)?.target;
    if (!table) return undefined;
    const cells = table.key.map((index) => key[table.columns[index] ?? ''] ?? '');
    return { table, key: cells, keyText: this.keyTextOf(table, cells) };
  }

  /** The change as writes of the target; none if its table is not synchronised. */
  writesOf(change: RowChange, context: WriteContext): readonly Write[] {
    const maps = this.#maps(change.relation);
    const [only] = maps;
    return only && maps.length === 1 ? this.#writesBy(only, change, context) : maps.flatMap((map) => this.#writesBy(map, change, context));
  }

  #writesBy(map: RelationMap, change: RowChange, context: WriteContext): readonly Write[] {
    try {
      return map.target.key.length === 0 ? this.#keyless(map, change, context) : [writeOf(map, change, context)];
    } catch (error) {
      if (!isBanyanError(error, 'BANYAN_TRANSFORM')) throw error;
      return [untranslated(map, change, context, error)];
    }
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
    const again = this.writesOf(change, { position, committedAt, seen });
    return again.find((each) => each.keyText === write.keyText) ?? again[0] ?? write;
  }

  /** The text under which both directions know a row. */
  keyTextOf(target: TargetTable, key: readonly string[]): string {
    const shared = this.#byName.get(target.name);
    if (!shared) throw new BanyanError('BANYAN_INTERNAL', { message: `${target.name} belongs to no pair.` });
    return keyText(shared, key);
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

  #build(relation: Relation, shared: Shared): RelationMap {
    const { mapping, target } = shared;
    const names = relation.columns.map((column) => column.name);
    const backward = this.#direction === 'service-to-monolith';
    if (!mapping.columns && !mapping.functions) {
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
    return {
      ...shared, translate, source: { name: relation.table, columns: names, key: sourceKey },
      whole: mapping.functions?.[backward ? 'toMonolith' : 'toService'] !== undefined,
    };
  }
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

function keyText({ rowName, keyOrder }: Shared, key: readonly string[]): string {
  if (key.length === 1) return `${rowName} ${key[0]}`;
  return `${rowName} ${keyOrder.map((i) => `${(key[i] ?? '').length}:${key[i] ?? ''}`).join(',')}`;
}

function writeOf(map: RelationMap, change: RowChange, context: WriteContext): Write {
  const { target: table, translate } = map;
  const { position, committedAt, seen } = context;
  if (change.kind === 'insert') {
    const row = translate.row(change.row);
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
      if (!isBanyanError(error, 'BANYAN_TRANSFORM')) throw error;
      // Other columns' values fail here as well; the key's own names are then the best there is.
      return { key: own, text: keyText(map, own) };
    }
  };
  const old = named(before);
  const now = named(present);
  return {
    kind: change.kind, table: source, key: old.key, keyText: old.text, fault,
    ...(change.kind === 'delete' ? {} : { row: change.row }),
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
