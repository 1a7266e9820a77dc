import { BanyanError } from '../../core/errors.ts';
import { quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Schema, Sequence } from '../../model/schema.ts';
import type { ProvisionStatement, SequenceBlock, SequenceShared } from '../../ports/provisioner.ts';

/** Where a sequence stands on one side. */
export interface SequenceState {
  /** The last number that was handed out. */
  readonly drawn: bigint;
  /** The highest number in the owning column, where known: on the monolith also what the service drew, replayed. */
  readonly stored?: bigint;
  /** The number it began with; on the service the beginning of its block. */
  readonly start: bigint;
}

export interface SequencePlan {
  readonly statements: readonly ProvisionStatement[];
  readonly blocks: readonly SequenceBlock[];
  readonly shared: readonly SequenceShared[];
}

/** Numbers left to the monolith before the service's block begins. See docs/provision.md for why so many. */
export const DEFAULT_GAP = 1_000_000_000n;

/** With fewer numbers for each side than this, setting a block aside would only postpone the collision. */
const LEAST_GAP = 1_000n;

/**
 * Keeps the numbers of both sides apart: each sequence of the service begins a block far above
 * everything used so far, the monolith's go on as they are, untouched. The block's beginning is kept
 * as the sequence's own START, so a block once set aside is found again and left alone. Pure.
 *
 * @param options.source The moved tables with their sequences.
 * @param options.monolith Keyed by `schema.name` of the monolith's sequence.
 * @param options.service Keyed alike, under the *monolith's* names; absent: not created yet.
 * @param options.serviceNames Where the service's sequence is called otherwise.
 * @param options.gap Default {@link DEFAULT_GAP}; half of what is left where that is less.
 * @throws BANYAN_SEQUENCE_UNSUPPORTED, BANYAN_SEQUENCE_ROOM, naming every sequence concerned.
 */
export function sequencePlan(options: {
  readonly source: Schema;
  readonly monolith: ReadonlyMap<TableName, SequenceState>;
  readonly service: ReadonlyMap<TableName, SequenceState>;
  readonly serviceNames?: ReadonlyMap<TableName, TableName>;
  readonly gap?: bigint;
}): SequencePlan {
  const { source, monolith, service, gap = DEFAULT_GAP } = options;
  const blocks: SequenceBlock[] = [];
  const shared: SequenceShared[] = [];
  const descending: TableName[] = [];
  const cramped: TableName[] = [];
  for (const sequence of source.sequences) {
    const name = tableName(sequence.schema, sequence.name);
    if (BigInt(sequence.increment) < 0n) {
      descending.push(name);
      continue;
    }
    if (sequence.cycle) {
      shared.push({ sequence: name, reason: 'It cycles: its numbers repeat by design, so no block can be kept free of them.' });
      continue;
    }
    const here = monolith.get(name);
    const there = service.get(name);
    const limit = limitOf(source, sequence);
    const drawn = here?.drawn ?? BigInt(sequence.min) - 1n;
    const target = options.serviceNames?.get(name) ?? name;
    // Numbers stored in the monolith say nothing here: the service's own arrive there as rows.
    if (there && there.start > drawn && there.start !== (here?.start ?? there.start)) {
      blocks.push({ sequence: target, highest: drawn, start: there.start, limit, alreadyPlaced: true });
      continue;
    }
    const highest = largest(drawn, here?.stored, there?.drawn, there?.stored);
    const half = (limit - highest) / 2n;
    const room = half < gap ? half : gap;
    if (room < LEAST_GAP) cramped.push(name);
    else blocks.push({ sequence: target, highest, start: highest + room + 1n, limit, alreadyPlaced: false });
  }
  refuse(descending, cramped);
  return { blocks, shared, statements: blocks.filter((block) => !block.alreadyPlaced).map(startBlock) };
}

function largest(first: bigint, ...others: readonly (bigint | undefined)[]): bigint {
  return others.reduce<bigint>((most, next) => (next !== undefined && next > most ? next : most), first);
}

function refuse(descending: readonly TableName[], cramped: readonly TableName[]): void {
  if (descending.length > 0) {
    throw new BanyanError('BANYAN_SEQUENCE_UNSUPPORTED', {
      message: `The increment is negative: ${descending.join(', ')}.`,
      details: { sequences: descending },
    });
  }
  if (cramped.length > 0) {
    throw new BanyanError('BANYAN_SEQUENCE_ROOM', {
      message: `Fewer than ${LEAST_GAP * 2n} numbers are left: ${cramped.join(', ')}.`,
      details: { sequences: cramped },
    });
  }
}

function startBlock(block: SequenceBlock): ProvisionStatement {
  return {
    object: `sequence ${block.sequence}`,
    sql: `ALTER SEQUENCE ${quoteTable(block.sequence)} START WITH ${block.start} RESTART`,
  };
}

const TYPE_LIMIT: ReadonlyMap<string, bigint> = new Map([
  ['smallint', 32_767n],
  ['integer', 2_147_483_647n],
  ['bigint', 9_223_372_036_854_775_807n],
]);

/** The least of what the sequence may reach and what the columns that draw from it can hold. */
function limitOf(source: Schema, sequence: Sequence): bigint {
  const name = tableName(sequence.schema, sequence.name);
  let limit = BigInt(sequence.max);
  for (const table of source.tables) {
    for (const column of table.columns) {
      const owns = sequence.ownedBy?.table === table.name && sequence.ownedBy.column === column.name;
      if (!owns && !drawsFrom(column.default, name)) continue;
      const most = TYPE_LIMIT.get(baseType(source, column.type));
      if (most !== undefined && most < limit) limit = most;
    }
  }
  return limit;
}

/** Follows domains down to the type they are made from. */
function baseType(source: Schema, type: string): string {
  const domain = source.domains.find(({ schema, name }) => tableName(schema, name) === type);
  return domain ? baseType(source, domain.baseType) : type;
}

const NEXTVAL = /nextval\('((?:[^']|'')+)'::regclass\)/g;

function drawsFrom(expression: string | undefined, sequence: TableName): boolean {
  if (expression === undefined) return false;
  return [...expression.matchAll(NEXTVAL)].some((match) => (match[1] ?? '').replaceAll("''", "'") === sequence);
}

/** How far the monolith still is from the service's block. */
export interface SequenceDistance {
  readonly sequence: TableName;
  /** The last number that the monolith handed out. */
  readonly monolithDrawn: bigint;
  readonly blockStart: bigint;
  /** Numbers that the monolith may still hand out. Zero or less: both sides may hand out the same. */
  readonly remaining: bigint;
  /** At least a tenth of the distance that a new block would get is left. */
  readonly ok: boolean;
}

/**
 * Checks that the monolith stays below the service's blocks; watch `remaining`. Pure. A sequence
 * without a block is reported with `remaining` 0. Those that cycle are left out.
 */
export function sequenceDistances(options: {
  readonly source: Schema;
  readonly monolith: ReadonlyMap<TableName, SequenceState>;
  readonly service: ReadonlyMap<TableName, SequenceState>;
  readonly gap?: bigint;
}): readonly SequenceDistance[] {
  const { source, monolith, service, gap = DEFAULT_GAP } = options;
  return source.sequences.flatMap((sequence) => {
    const name = tableName(sequence.schema, sequence.name);
    const here = monolith.get(name);
    const there = service.get(name);
    if (sequence.cycle || here === undefined || there === undefined) return [];
    const placed = there.start !== here.start;
    const blockStart = placed ? there.start : here.drawn + 1n;
    const remaining = blockStart - here.drawn - 1n;
    const above = limitOf(source, sequence) - blockStart;
    const full = above < gap ? above : gap;
    const ok = placed && remaining > 0n && remaining * 10n >= full;
    return [{ sequence: name, monolithDrawn: here.drawn, blockStart, remaining: remaining > 0n ? remaining : 0n, ok }];
  });
}
