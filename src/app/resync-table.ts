import type pg from 'pg';
import { BanyanError, invariant } from '../core/errors.ts';
import type { TableName } from '../model/names.ts';
import { sourceSide, type Side } from '../model/side.ts';
import { isPlain, type TableMapping } from '../model/table-mapping.ts';
import type { ChecksumSnapshot, RowDigest } from '../ports/checksummer.ts';
import { readShapes, type TableShape } from '../postgres/apply/table-shape.ts';
import { streamName } from '../postgres/banyan-schema.ts';
import { PostgresChecksummer } from '../postgres/checksum/checksummer.ts';
import { offerRows, readNextTransaction } from '../postgres/offer-rows.ts';
import type { ResyncRow, ResyncTable } from '../sync/resync.ts';
import type { SyncMode } from '../sync/service-sync.ts';
import { differingLeaves } from '../validate/leaves.ts';
import { pairTables, type TablePair, type TableToValidate } from '../validate/pair.ts';
import { agree, byIndex, findSuspects, observe, type Observation } from '../validate/suspects.ts';

export interface ResyncTableOptions {
  readonly service: string;
  readonly mode: SyncMode;
  readonly table: TableName;
  readonly from: Side;
  readonly pools: Readonly<Record<Side, pg.Pool>>;
  readonly mappings: readonly TableMapping[];
  /** How the two are compared. */
  readonly spec: TableToValidate;
  readonly signal: AbortSignal;
  /** Told of rows as they are compared, and of about how many there are in all. */
  readonly onCompared?: (rows: number, expected: number) => void;
}

/** Suspects that are held in memory at once. */
const SUSPECTS_AT_ONCE = 5000;

/** Every place that there is: the two halves of the whole numbers. */
const EVERYWHERE = { shift: 63, leaves: [-1n, 0n] } as const;

/**
 * Which side may count: both in bidirectional sync; in one direction its source.
 * @throws BANYAN_USAGE
 */
export function truthOf(mode: SyncMode, from: Side | undefined): Side {
  if (mode === 'bidirectional') return from ?? 'monolith';
  const source = sourceSide(mode);
  if (from !== undefined && from !== source) {
    throw new BanyanError('BANYAN_USAGE', {
      message: `With sync.mode ${mode} nothing is written to the ${source}: a table can only be made equal to the ${source}'s.`,
    });
  }
  return source;
}

/**
 * The mapping of a table that can be made equal row by row.
 * @throws BANYAN_TABLE_UNKNOWN, BANYAN_NOT_AVAILABLE
 */
export function resyncMapping({ table, mappings, service }: Pick<ResyncTableOptions, 'table' | 'mappings' | 'service'>): TableMapping {
  const found = mappings.filter((mapping) => mapping.monolith === table);
  const [mapping] = found;
  if (!mapping) throw new BanyanError('BANYAN_TABLE_UNKNOWN', { message: `${service} does not follow ${table}; it follows ${mappings.map(({ monolith }) => monolith).join(', ')}.` });
  const joined = found.length > 1 || mappings.some((other) => other !== mapping && other.service === mapping.service);
  if (joined || (mapping.functions && !mapping.functions.toMonolith)) {
    throw new BanyanError('BANYAN_NOT_AVAILABLE', {
      message: `${table} is ${joined ? 'not one table on both sides' : 'made by a module that has no way back'}, so its rows can not be compared one by one.`,
      remedy: 'Copy the service again (docs/operations.md, beginning anew), or make the rows equal by hand.',
    });
  }
  return mapping;
}

/** One table of a running service, as {@link resync} wants it. @throws BANYAN_NO_KEY and as {@link resyncMapping} */
export async function openResyncTable(options: ResyncTableOptions): Promise<ResyncTable> {
  const { pools, mode, signal } = options;
  const mapping = resyncMapping(options);
  const checksummers = { monolith: new PostgresChecksummer({ pool: pools.monolith }), service: new PostgresChecksummer({ pool: pools.service }) };
  const shapes = { monolith: await shapeOf(pools.monolith, mapping.monolith), service: await shapeOf(pools.service, mapping.service) };
  const pair = await pairOf(options, { checksummers, key: shapes.monolith, service: mapping.service });
  // To the monolith in both directions, for there alone it is settled (ADR 1).
  const offering = mode === 'bidirectional' ? 'service' : sourceSide(mode);
  const pool = pools[offering];
  const versionOf = ({ source, target }: { readonly source: Observation; readonly target: Observation }): Pick<ResyncRow, 'version'> => {
    const { version } = offering === 'service' ? source : target;
    return version === undefined ? {} : { version };
  };
  const hashes = isPlain(mapping) || !mapping.functions;
  return {
    async *scan() {
      const [source, target] = await open(() => checksummers.monolith.snapshot({ signal }), () => checksummers.service.snapshot({ signal }));
      try {
        // Both have been read, as far as that goes; what begins from here on is seen by neither.
        const since = await readNextTransaction(pool);
        const sides = { source: { snapshot: source, selection: pair.source }, target: { snapshot: target, selection: pair.target } };
        let compared = 0;
        const scanned = await differingLeaves({
          ...sides, hashed: true, estimatedRows: pair.estimatedRows,
          onRows: (rows) => options.onCompared?.((compared += rows), Math.max(compared, 2 * pair.estimatedRows)),
        });
        // What a module makes of a row, no hash can tell.
        const within = hashes ? scanned.within : EVERYWHERE;
        if (within.leaves.length === 0) return;
        const reading = { within, hashed: true };
        const there = target.rows(pair.target, reading);
        const suspects = findSuspects({ source: source.rows(pair.source, reading), target: hashes ? there : unlike(there), keyed: true, batch: SUSPECTS_AT_ONCE });
        for await (const batch of suspects) yield batch.map((suspect) => ({ key: suspect.identity.key, since, ...versionOf(suspect) }));
      } finally {
        await Promise.all([source.close(), target.close()]);
      }
    },
    async look(rows) {
      const identities = rows.map(({ key }) => ({ place: 0n, key }));
      const reading = { values: false, hashed: true, signal };
      const [source, target] = await Promise.all([
        checksummers.monolith.rowStates(pair.source, identities, reading), checksummers.service.rowStates(pair.target, identities, reading),
      ]);
      const since = await readNextTransaction(pool);
      const [here, there] = [byIndex(source), byIndex(target)];
      return rows.flatMap(({ key }, i) => {
        const now = { source: observe(here.get(i) ?? []), target: observe(there.get(i) ?? []) };
        return hashes && agree(now.source, now.target) ? [] : [{ key, since, ...versionOf(now) }];
      });
    },
    offer: (rows) =>
      offerRows({
        pool, service: options.service, shape: shapes[offering], columns: shapes[offering].columns, truth: options.from,
        keyNames: pair.columns.slice(0, pair.keyLength).map((column) => column[offering === 'service' ? 'target' : 'source']),
        ...(offering === 'monolith' && mapping.where !== undefined ? { filter: mapping.where } : {}),
        ...(mode === 'bidirectional' ? { incoming: streamName(options.service, 'monolith-to-service') } : {}),
        rows,
      }),
  };
}

/** Both snapshots, or none. */
async function open(first: () => Promise<ChecksumSnapshot>, second: () => Promise<ChecksumSnapshot>): Promise<readonly [ChecksumSnapshot, ChecksumSnapshot]> {
  const one = await first();
  try {
    return [one, await second()];
  } catch (error) {
    await one.close();
    throw error;
  }
}

async function shapeOf(pool: pg.Pool, table: TableName): Promise<TableShape> {
  const shape = (await readShapes(pool, [table])).get(table);
  invariant(shape, 'a table that was asked for');
  return shape;
}

async function pairOf({ spec }: ResyncTableOptions, { checksummers, key, service }: {
  readonly checksummers: Readonly<Record<Side, PostgresChecksummer>>;
  readonly key: TableShape;
  readonly service: TableName;
}): Promise<TablePair> {
  const [source, target] = [await checksummers.monolith.describe(key.name), await checksummers.service.describe(service)];
  const [mine, theirs] = [await checksummers.monolith.testVector(), await checksummers.service.testVector()];
  const keyNames = key.key.map((index) => key.columns[index] ?? '');
  return pairTables({ spec: { ...spec, key: keyNames }, source, target, hash: mine === theirs && mine !== '' ? 'record' : 'canonical', exact: false });
}

/** Rows whose hashes are like none of the other side's. */
async function* unlike(rows: AsyncIterable<readonly RowDigest[]>): AsyncGenerator<readonly RowDigest[]> {
  for await (const batch of rows) yield batch.map((row) => ({ ...row, hash: `-${row.hash}` }));
}
