import { BanyanError } from '../core/errors.ts';
import { UNCHANGED, type Cell, type Change, type Relation, type Row } from '../model/change.ts';
import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Position } from '../model/position.ts';
import type { Direction } from '../model/side.ts';
import type { TargetTable, Write } from '../ports/applier.ts';

/** One table as it stands on both sides. */
export interface TablePair {
  readonly monolith: TableName;
  readonly service: TableName;
  /** Column names of the monolith to those of the service, where they differ or are picked. Absent: all, by name. */
  readonly columns?: ReadonlyMap<string, string>;
}

/** What a transaction's position and knowledge add to each of its changes. */
export interface WriteContext {
  readonly position: Position;
  readonly committedAt: bigint;
  readonly seen: Position;
}

interface RelationMap {
  readonly pair: TablePair;
  readonly target: TargetTable;
  /** For each column of the target, its index in the relation. */
  readonly from: readonly number[];
  /** Whether the relation's rows are in the target's order already. */
  readonly same: boolean;
  /** The monolith's names of the key's columns. */
  readonly keyColumns: readonly string[];
}

/** Translates one direction's changes from the source's tables into the target's. */
export class Mapping {
  readonly #bySource: ReadonlyMap<TableName, TablePair>;
  readonly #direction: Direction;
  readonly #targets: ReadonlyMap<TableName, TargetTable>;
  readonly #relations = new WeakMap<Relation, RelationMap | null>();

  constructor(options: {
    readonly pairs: readonly TablePair[];
    readonly direction: Direction;
    readonly targets: ReadonlyMap<TableName, TargetTable>;
  }) {
    this.#direction = options.direction;
    this.#targets = options.targets;
    const source = (pair: TablePair): TableName => (options.direction === 'monolith-to-service' ? pair.monolith : pair.service);
    this.#bySource = new Map(options.pairs.map((pair) => [source(pair), pair]));
  }

  /** The target of a source table; undefined if the table is not synchronised. */
  targetOf(relation: Relation): TargetTable | undefined {
    return this.#map(relation)?.target;
  }

  /** The target's table of a pair that goes by this name on the monolith. */
  targetByMonolith(name: TableName): TargetTable | undefined {
    for (const pair of this.#bySource.values()) {
      if (pair.monolith === name) return this.#targets.get(this.#direction === 'monolith-to-service' ? pair.service : pair.monolith);
    }
    return undefined;
  }

  /** A row of a source table, named by the source's key columns, as the target knows it; undefined if it is not synchronised. */
  rowOf(name: TableName, key: NamedRow): { readonly table: TargetTable; readonly key: readonly string[]; readonly keyText: string } | undefined {
    const pair = this.#bySource.get(name);
    const table = pair && this.#targets.get(this.#direction === 'monolith-to-service' ? pair.service : pair.monolith);
    if (!pair || !table) return undefined;
    const cells = table.key.map((index) => key[this.#sourceName(pair, table.columns[index] ?? '')] ?? '');
    return { table, key: cells, keyText: this.keyTextOf(table, cells) };
  }

  /** The change as a write of the target; undefined if its table is not synchronised. */
  writeOf(change: Exclude<Change, { kind: 'truncate' }>, context: WriteContext): Write | undefined {
    const map = this.#map(change.relation);
    if (!map) return undefined;
    if (change.kind === 'insert') {
      const row = translate(map, change.row);
      const key = this.#key(map, row);
      return { kind: 'insert', table: map.target, key, keyText: this.#keyText(map, key), row, ...context };
    }
    if (change.kind === 'delete') {
      const old = translate(map, change.old);
      const key = this.#key(map, old);
      return {
        kind: 'delete', table: map.target, key, keyText: this.#keyText(map, key),
        ...(change.oldIsKey ? {} : { old }), ...context,
      };
    }
    const row = translate(map, change.row);
    const newKey = this.#key(map, row);
    if (!change.old) {
      return { kind: 'update', table: map.target, key: newKey, keyText: this.#keyText(map, newKey), row, ...context };
    }
    const old = translate(map, change.old);
    const key = this.#key(map, old);
    const rekeyed = key.some((part, i) => part !== newKey[i]);
    return {
      kind: 'update', table: map.target, key, keyText: this.#keyText(map, key), row,
      ...(change.oldIsKey === false ? { old } : {}),
      ...(rekeyed ? { newKeyText: this.#keyText(map, newKey) } : {}),
      ...context,
    };
  }

  /** The text under which both directions know a row. */
  keyTextOf(target: TargetTable, key: readonly string[]): string {
    for (const pair of this.#bySource.values()) {
      const name = this.#direction === 'monolith-to-service' ? pair.service : pair.monolith;
      if (name === target.name) return keyText(this.#monolithColumns(pair, target), pair, key);
    }
    throw new BanyanError('BANYAN_INTERNAL', { message: `${target.name} belongs to no pair.` });
  }

  #keyText(map: RelationMap, key: readonly string[]): string {
    return keyText(map.keyColumns, map.pair, key);
  }

  #monolithColumns(pair: TablePair, target: TargetTable): string[] {
    return target.key.map((index) => {
      const name = target.columns[index] ?? '';
      if (this.#direction === 'service-to-monolith' || !pair.columns) return name;
      for (const [monolith, service] of pair.columns) if (service === name) return monolith;
      return name;
    });
  }

  #key(map: RelationMap, row: Row): string[] {
    return map.target.key.map((index) => {
      const cell = row[index];
      if (typeof cell !== 'string') {
        throw new BanyanError('BANYAN_NO_KEY', {
          message: `A change of ${map.target.name} does not carry its key column "${map.target.columns[index]}".`,
          remedy: 'Give the table on the source a replica identity that covers its primary key.',
        });
      }
      return cell;
    });
  }

  #sourceName(pair: TablePair, targetName: string): string {
    if (!pair.columns) return targetName;
    if (this.#direction === 'service-to-monolith') return pair.columns.get(targetName) ?? targetName;
    for (const [monolith, service] of pair.columns) if (service === targetName) return monolith;
    return targetName;
  }

  #map(relation: Relation): RelationMap | undefined {
    const known = this.#relations.get(relation);
    if (known !== undefined) return known ?? undefined;
    const map = this.#build(relation);
    this.#relations.set(relation, map ?? null);
    return map;
  }

  #build(relation: Relation): RelationMap | undefined {
    const pair = this.#bySource.get(relation.table);
    if (!pair) return undefined;
    const forward = this.#direction === 'monolith-to-service';
    const target = this.#targets.get(forward ? pair.service : pair.monolith);
    if (!target) throw new BanyanError('BANYAN_INTERNAL', { message: `The target of ${relation.table} was never described.` });
    const from = target.columns.map((name) => relation.columns.findIndex((column) => column.name === this.#sourceName(pair, name)));
    const carried = new Set(from);
    const left = pair.columns ? [] : relation.columns.filter((_, i) => !carried.has(i));
    if (left.length > 0) {
      throw new BanyanError('BANYAN_SCHEMA_CHANGED', {
        message: `${relation.table} has columns that ${target.name} lacks: ${left.map((column) => column.name).join(', ')}.`,
      });
    }
    const same = from.length === relation.columns.length && from.every((index, i) => index === i);
    return { pair, target, from, same, keyColumns: this.#monolithColumns(pair, target) };
  }
}

/** Cells in the target's order. A column that the source no longer has is left as it is. */
function translate(map: RelationMap, row: Row): Row {
  if (map.same) return row;
  return map.from.map((index): Cell => (index < 0 ? UNCHANGED : (row[index] ?? null)));
}

/** Parts in the order of the monolith's column names, so that both sides' key orders give the same text. */
function keyText(columns: readonly string[], pair: TablePair, key: readonly string[]): string {
  if (key.length === 1) return `${pair.monolith} ${key[0]}`;
  const parts = columns.map((column, i): [string, string] => [column, key[i] ?? '']);
  parts.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${pair.monolith} ${parts.map(([, value]) => `${value.length}:${value}`).join(',')}`;
}
