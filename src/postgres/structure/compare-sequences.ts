import type pg from 'pg';
import { isBanyanError } from '../../core/errors.ts';
import { quoteLiteral, quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Schema, Sequence } from '../../model/schema.ts';
import type { Remedy, SequenceFinding } from '../../model/structure-finding.ts';
import { sequenceDistances, sequencePlan, type SequenceState } from '../provision/sequences.ts';
import { territories, type Standing, type Territories, type Territory } from './number-territory.ts';
import { fedColumns, isNextTaken, readNumbers, readStanding, sequenceOf, type FedColumn } from './read-numbers.ts';

/** One sequence of the source, and the target's that feeds the same columns. */
export interface SequencePair {
  readonly name: TableName;
  readonly source: Sequence;
  readonly target?: Sequence;
  readonly fedSource: readonly FedColumn[];
  readonly fedTarget: readonly FedColumn[];
}

/** The sequences that feed compared tables. Pure. */
export function pairSequences(options: {
  readonly own: Schema;
  readonly target: Schema;
  /** The target's sequence for each of the source's. */
  readonly names: ReadonlyMap<TableName, TableName>;
  readonly sourceTables: ReadonlySet<TableName>;
  readonly targetTables: ReadonlySet<TableName>;
}): readonly SequencePair[] {
  const { own, target, names, sourceTables, targetTables } = options;
  return own.sequences.flatMap((source): SequencePair[] => {
    const name = tableName(source.schema, source.name);
    const there = names.get(name);
    const other = there === undefined ? undefined : sequenceOf(target, there);
    const fedSource = fedColumns(own, source, sourceTables);
    const fedTarget = other ? fedColumns(target, other, targetTables) : [];
    if (fedSource.length + fedTarget.length === 0) return [];
    return [{ name, source, ...(other ? { target: other } : {}), fedSource, fedTarget }];
  });
}

/** What a pair's sequences will give out that is taken. Those that cycle repeat by design. */
export async function compareNumbers(pair: SequencePair, pools: { readonly source: pg.Pool; readonly target: pg.Pool }): Promise<readonly SequenceFinding[]> {
  const { source, target } = pair;
  if (source.cycle || target?.cycle === true) return [];
  const unread = [...(await withoutRight('source', pools.source, source)), ...(target ? await withoutRight('target', pools.target, target) : [])];
  // Half of them would tell the wrong territory.
  if (unread.length > 0) return unread;
  const here = await readStanding(pools.source, source);
  const there = target ? await readStanding(pools.target, target) : undefined;
  const owned: Territories = there ? territories(here, there) : { source: {}, target: {}, overlap: false };
  const found = await behind({ on: 'source', pool: pools.source, sequence: source, fed: pair.fedSource, territory: owned.source });
  if (!target || !there) return found;
  return [
    ...found,
    ...(await behind({ on: 'target', pool: pools.target, sequence: target, fed: pair.fedTarget, territory: owned.target })),
    ...(await meeting({ pair, target, here, there, owned, pool: pools.target })),
  ];
}

/** To read tables is not to read their sequences, which is a right of its own. */
async function withoutRight(on: 'source' | 'target', pool: pg.Pool, sequence: Sequence): Promise<readonly SequenceFinding[]> {
  const name = tableName(sequence.schema, sequence.name);
  const found = await pool.query<{ may: string; role: string }>("SELECT has_sequence_privilege($1::text, 'SELECT') AS may, quote_ident(current_user) AS role", [quoteTable(name)]);
  const [row] = found.rows;
  if (!row || row.may === 't') return [];
  return [{ kind: 'sequence_unread', severity: 'warning', on, sequence: name, next: '', taken: '', remedy: { on, sql: [`GRANT SELECT ON SEQUENCE ${quoteTable(name)} TO ${row.role}`] } }];
}

async function behind(side: {
  readonly on: 'source' | 'target';
  readonly pool: pg.Pool;
  readonly sequence: Sequence;
  readonly fed: readonly FedColumn[];
  readonly territory: Territory;
}): Promise<readonly SequenceFinding[]> {
  const { on, pool, sequence, fed, territory } = side;
  const findings: SequenceFinding[] = [];
  for (const each of fed) {
    const { next, furthest } = await readNumbers(pool, sequence, each, territory);
    if (furthest === undefined || (BigInt(sequence.increment) < 0n ? furthest > next : furthest < next)) continue;
    findings.push({ kind: 'sequence_behind', severity: 'error', on, sequence: tableName(sequence.schema, sequence.name), column: each.column, next: String(next), taken: String(furthest), remedy: advance(on, sequence, furthest) });
  }
  return findings;
}

function advance(on: 'source' | 'target', sequence: Sequence, last: bigint): Remedy {
  return { on, sql: [`SELECT pg_catalog.setval(${quoteLiteral(quoteTable(tableName(sequence.schema, sequence.name)))}, ${last})`] };
}

/** Where both sides give out the same numbers, or soon will. */
async function meeting(options: {
  readonly pair: SequencePair;
  readonly target: Sequence;
  readonly here: Standing;
  readonly there: Standing;
  readonly owned: Territories;
  readonly pool: pg.Pool;
}): Promise<readonly SequenceFinding[]> {
  const { pair, target, here, there, owned, pool } = options;
  const { block } = owned;
  if (block === undefined) return [];
  const common = { on: 'target' as const, sequence: tableName(target.schema, target.name), next: String(there.next) };
  let overlap = owned.overlap;
  if (here.next > block) for (const fed of pair.fedTarget) overlap ||= await isNextTaken(pool, target, fed);
  if (overlap) {
    const sql = newBlock(pair, here, there);
    return [{ ...common, kind: 'sequence_overlap', severity: 'error', taken: String(here.next - here.increment), ...(sql.length > 0 ? { remedy: { on: 'target', sql } } : {}) }];
  }
  if (here.next > block) return [];
  const [distance] = sequenceDistances({ source: onlySequence(pair.source), monolith: stateOf(pair, here), service: stateOf(pair, there) });
  if (!distance || distance.ok) return [];
  const beyond = there.next + LEAP;
  const remedy: Remedy = { on: 'source', sql: [`ALTER SEQUENCE ${quoteTable(pair.name)} RESTART WITH ${beyond}`] };
  return [{
    ...common, on: 'source', sequence: pair.name, next: String(here.next), kind: 'sequence_room', severity: 'warning', taken: String(block),
    ...(beyond < BigInt(pair.source.max) ? { remedy } : {}),
  }];
}

/** How far above the target's numbers the source goes on after a leap. */
const LEAP = 1_000_000_000n;

/** A block of its own above everything that both have used. */
function newBlock(pair: SequencePair, here: Standing, there: Standing): readonly string[] {
  if (!pair.target) return [];
  try {
    const { statements } = sequencePlan({
      source: onlySequence(pair.source), monolith: stateOf(pair, here), service: stateOf(pair, there),
      serviceNames: new Map([[pair.name, tableName(pair.target.schema, pair.target.name)]]),
    });
    return statements.map(({ sql }) => sql);
  } catch (error) {
    // No room for one: the column has to be widened first.
    if (isBanyanError(error, 'BANYAN_SEQUENCE_ROOM')) return [];
    throw error;
  }
}

const onlySequence = (sequence: Sequence): Schema => ({ dialect: 'postgresql', tables: [], enums: [], domains: [], sequences: [sequence], views: [], extensions: [] });

const stateOf = (pair: SequencePair, { next, start, increment }: Standing): ReadonlyMap<TableName, SequenceState> => new Map([[pair.name, { drawn: next - increment, start }]]);
