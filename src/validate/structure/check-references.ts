import type { Clock } from '../../core/clock.ts';
import { isBanyanError } from '../../core/errors.ts';
import type { TableName } from '../../model/names.ts';
import type { Reference, ReferenceFinder, ReferenceKey } from '../../ports/references.ts';
import { FenceBarrier, type Barrier } from '../barrier.ts';
import { setOwn } from '../judge.ts';
import type { BrokenReference, TableReport } from '../report.ts';
import type { TableToValidate } from '../pair.ts';
import { scopeOf } from './check-structure.ts';
import { JointBarrier } from './joint-barrier.ts';
import { settleOrphans, type OrphanOptions } from './settle-orphans.ts';

export interface ReferenceCheckOptions extends Omit<OrphanOptions, 'reference'> {
  readonly finder: ReferenceFinder;
  readonly tables: readonly TableReport[];
  readonly specs: readonly TableToValidate[];
  /** Keys listed of each reference; all are counted. */
  readonly maxDifferences: number;
}

/** Keys asked for at once. */
const KEYS_AT_ONCE = 5000;
/** Suspects that are looked at again together: bounds memory, and saves fences. */
const SUSPECTS_AT_ONCE = 5000;

/** The reports with the references of their tables that are broken. */
export async function checkReferences(options: ReferenceCheckOptions): Promise<readonly TableReport[]> {
  const { finder, tables, specs, barrier, signal } = options;
  const references = await finder.find({ tables: specs.map(scopeOf) });
  const broken = new Map<TableName, BrokenReference[]>();
  for (const reference of references) {
    signal?.throwIfAborted();
    const joint: Barrier = reference.fence ? new JointBarrier([barrier, new FenceBarrier(reference.fence, signal)]) : barrier;
    // Within one database both ends are written together.
    const graceMs = within(reference) ? 0 : options.graceMs;
    const found = await unlessForbidden(reference, checkReference({ ...options, graceMs, reference, barrier: joint }));
    if (found) broken.set(reference.home, [...(broken.get(reference.home) ?? []), found]);
  }
  return tables.map((report) => {
    const found = broken.get(report.targetTable ?? report.table) ?? [];
    return { ...report, consistent: report.consistent && found.every(({ counts }) => counts.orphans === 0), references: found };
  });
}

/** What a table refers to may be none of the role's business; the rows were compared all the same. */
async function unlessForbidden(reference: Reference, check: Promise<BrokenReference | undefined>): Promise<BrokenReference | undefined> {
  try {
    return await check;
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_VALIDATE_QUERY') || error.details?.['sqlState'] !== FORBIDDEN) throw error;
    return { ...described(reference), orphans: [], counts: { orphans: 0, rows: 0, unsettled: 0 }, unread: error.message };
  }
}

const FORBIDDEN = '42501';

/** One reference; undefined: every row finds what it refers to. */
async function checkReference(options: OrphanOptions & Pick<ReferenceCheckOptions, 'maxDifferences'> & { readonly clock: Clock }): Promise<BrokenReference | undefined> {
  const { reference, maxDifferences } = options;
  const listed: ReferenceKey[] = [];
  const counts = { orphans: 0, rows: 0, unsettled: 0 };
  const judge = async (suspects: readonly (readonly string[])[]): Promise<void> => {
    const { orphans, unsettled } = await settleOrphans(suspects, options);
    counts.unsettled += unsettled;
    counts.orphans += orphans.length;
    counts.rows += orphans.reduce((sum, { rows }) => sum + rows, 0);
    listed.push(...orphans.slice(0, maxDifferences - listed.length));
  };
  let suspects: (readonly string[])[] = [];
  for await (const lonely of lonelyKeys(options)) {
    suspects.push(...lonely);
    if (suspects.length < SUSPECTS_AT_ONCE) continue;
    await judge(suspects);
    suspects = [];
  }
  if (suspects.length > 0) await judge(suspects);
  return counts.orphans + counts.unsettled === 0 ? undefined : { ...described(reference), orphans: listed.map((orphan) => named(reference, orphan)), counts, ...remedyOf(reference, listed) };
}

/** Whether a server keeps it, or would. */
const within = ({ child, parent, by }: Reference): boolean => child.reader === parent.reader && by === 'constraint';

/** Keys that had nothing to refer to at a look, in batches. */
async function* lonelyKeys({ reference, signal }: OrphanOptions): AsyncGenerator<readonly (readonly string[])[]> {
  const { child, parent } = reference;
  const reading = { batch: KEYS_AT_ONCE, ...(signal ? { signal } : {}) };
  // A constraint's columns have types that the server itself compares.
  if (within(reference)) {
    for await (const keys of child.reader.orphans(child.end, parent.end, reading)) yield keys.map(({ key }) => key);
    return;
  }
  for await (const keys of child.reader.keys(child.end, reading)) {
    const present = await parent.reader.present(parent.end, keys.map(({ key }) => key));
    yield keys.flatMap(({ key }, i) => (present[i] === true ? [] : [key]));
  }
}

function described({ name, by, child, parent }: Reference): Pick<BrokenReference, 'name' | 'by' | 'from' | 'to'> {
  return {
    name, by,
    from: { database: child.database, table: child.end.table, columns: child.end.columns },
    to: { database: parent.database, table: parent.end.table, columns: parent.end.columns },
  };
}

function named({ child }: Reference, { key, rows }: ReferenceKey): BrokenReference['orphans'][number] {
  const values: Record<string, string> = {};
  for (const [i, column] of child.end.columns.entries()) setOwn(values, column, key[i] ?? '');
  return { key: values, rows };
}

/** What to do with a row that refers to nothing, only its owner knows: here is which. */
function remedyOf(reference: Reference, listed: readonly ReferenceKey[]): Pick<BrokenReference, 'remedy'> {
  const { child, parent } = reference;
  if (listed.length === 0) return {};
  const of = within(reference) ? { parent: parent.end } : { keys: listed.map(({ key }) => key) };
  return { remedy: { on: child.database, sql: [child.reader.listing(child.end, of)] } };
}
