import { sourceSide, otherSide, type Direction, type Side } from '../../src/model/side.ts';
import { type ConflictRecord, type Database, type Version } from './database.ts';
import { seenBy, type Truth } from './truth.ts';

/**
 * What must hold after the streams have drained. A write *had seen* another if the other's version
 * stood in the row when it was written, or had been seen by the one that stood there.
 *
 * 1. Both sides hold equal rows, but those with a change in quarantine, or with one that was discarded.
 * 2. Every acknowledged write is the row's present version, or was seen by it, or lies in a conflict
 *    record or the quarantine, or was seen by one that does. So of two writes of which neither had
 *    seen the other, the one that lost is always reported.
 * 3. Two writes of a conflict record had not seen each other. A decision is a write of the monolith:
 *    who had seen the row it left, but not the decision, is in conflict with it, unless what it left is
 *    that side's own earlier write. Then, as after a conflict that this side won, its next write goes on
 *    from there: records with the strategy `superseded` are no conflicts, and overwrite nothing but that
 *    write, or the absence that a decision left. A decision that leaves no row agrees with a delete that
 *    was committed while it was on its way.
 * 4. A counter stands at the sum of what every acknowledged write added to it.
 * 5. Who empties a table deletes the rows that he sees, and no row that another puts there unseen.
 * 6. No clash of two rows is put in quarantine where both sides keep the same rows apart, unless something else
 *    is there: who waits in quarantine may keep a value that others take meanwhile.
 * 7. Checkpoints of a stream only ever grow, and no transaction of the source is applied twice.
 */
export function check({ databases, truth, directions, counts }: {
  readonly databases: Readonly<Record<Side, Database>>;
  readonly truth: Truth;
  readonly directions: readonly Direction[];
  /** Whether the rows are counters. */
  readonly counts: boolean;
}): string[] {
  const problems: string[] = [];
  const quarantined = new Set<string>();
  for (const side of ['monolith', 'service'] as const) {
    for (const { versions } of databases[side].quarantine) for (const { key } of versions) quarantined.add(key);
  }
  const apart = keysApart(databases);
  const { monolith, service } = databases;
  for (const key of new Set([...monolith.rows.keys(), ...service.rows.keys()])) {
    const [a, b] = [monolith.rows.get(key)?.row, service.rows.get(key)?.row];
    if (apart.has(key) || isLocal(key, databases, directions)) continue;
    // A row that got another key may bring along what a quarantined change of the old one would have set.
    const cells = quarantined.size > 0 ? 3 : 4;
    if (JSON.stringify(a?.slice(0, cells)) !== JSON.stringify(b?.slice(0, cells))) problems.push(`${key} differs: ${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  }
  problems.push(...lost(databases, truth), ...unjust(databases, quarantined, directions));
  problems.push(...clashed(databases));
  if (counts) problems.push(...miscounted(databases, truth));
  for (const direction of directions) problems.push(...appliedOnce(databases[otherSide(sourceSide(direction))], direction));
  return problems;
}

/** Whether a row is what a one-way stream's target made of it: nobody carries that anywhere. */
function isLocal(key: string, databases: Readonly<Record<Side, Database>>, directions: readonly Direction[]): boolean {
  const [only] = directions;
  if (!only || directions.length > 1) return false;
  const target = databases[otherSide(sourceSide(only))];
  return (target.rows.get(key)?.truth ?? target.gone.get(key))?.side === target.side;
}

function clashed(databases: Readonly<Record<Side, Database>>): string[] {
  const causes = [databases.monolith, databases.service].flatMap(({ side, quarantine }) =>
    quarantine.flatMap(({ code, entry }) => (code === 'held' ? [] : [{ side, code, what: `${entry.write.kind} of ${entry.write.keyText}` }])));
  if (causes.some(({ code }) => code !== '23505')) return [];
  return causes.map(({ side, what }) => `the ${side} put the ${what} in quarantine for a clash`);
}

function miscounted(databases: Readonly<Record<Side, Database>>, truth: Truth): string[] {
  const sums = new Map<string, bigint>();
  for (const { key, added = 0n } of truth.acknowledged) sums.set(key, (sums.get(key) ?? 0n) + added);
  return [...sums].flatMap(([key, sum]) =>
    [databases.monolith, databases.service].flatMap(({ side, rows }) => {
      const counted = rows.get(key)?.row[1];
      return counted === String(sum) ? [] : [`${key} counts ${counted} at the ${side}, and ${sum} were added`];
    }));
}

/** Rows of which a change is still in quarantine, or was given up: these may differ. */
function keysApart(databases: Readonly<Record<Side, Database>>): Set<string> {
  const keys = new Set<string>();
  for (const { quarantine } of [databases.monolith, databases.service]) {
    for (const { versions, state } of quarantine) if (state !== 'applied') for (const { key } of versions) keys.add(key);
  }
  return keys;
}

function lost(databases: Readonly<Record<Side, Database>>, truth: Truth): string[] {
  const accounted = new Set<Version>();
  for (const version of truth.foundGone) seenBy(version, accounted);
  for (const database of [databases.monolith, databases.service]) {
    for (const tuple of database.rows.values()) seenBy(tuple.truth, accounted);
    for (const version of database.gone.values()) seenBy(version, accounted);
    for (const { versions } of database.quarantine) for (const version of versions) seenBy(version, accounted);
    for (const record of database.conflicts) {
      if (record.strategy === 'sent-again') continue;
      if (record.monolith) seenBy(record.monolith, accounted);
      if (record.service) seenBy(record.service, accounted);
      for (const version of record.orThese ?? []) seenBy(version, accounted);
    }
  }
  for (const version of truth.acknowledged) {
    if (version.emptied && truth.acknowledged.some((other) => isNewBeside(other, version))) seenBy(version, accounted);
  }
  // A conflict that waited in quarantine when its table was emptied is decided by nobody.
  const overtaken = new Set([databases.monolith, databases.service].flatMap(({ quarantine }) => quarantine.filter((each) => each.overtaken).flatMap(({ versions }) => versions.map(({ key }) => key))));
  return truth.acknowledged
    .filter((version) => !accounted.has(version) && !overtaken.has(version.key))
    .map((version) => `${version.id} of ${version.key} is lost: neither there, nor superseded, nor reported`);
}

/** Whether it put a row where the other side, unseen, had emptied the table. Of which rows, the log does not say: the row stands, and that is no conflict. */
function isNewBeside(version: Version, emptied: Version): boolean {
  return version.key === emptied.key && version.side !== emptied.side && !version.deleted && version.parents.every(({ deleted }) => deleted) && !seenBy(version).has(emptied);
}

function unjust(databases: Readonly<Record<Side, Database>>, quarantined: ReadonlySet<string>, directions: readonly Direction[]): string[] {
  const problems: string[] = [];
  for (const database of [databases.monolith, databases.service]) {
    const told = new Set<string>();
    const decided = new Set<Version>();
    for (const record of database.conflicts) {
      // As a write of the monolith it counts from here on, whoever is told of it.
      const left = record.left ?? record.monolith;
      const decide = (): void => {
        // By the truth, not by what the engine says of it: who goes back to his own row has no news.
        const own = record.type === 'unique-key' ? left?.side === 'service' : record.winner === 'service';
        if (left && !own) decided.add(left);
      };
      // No conflict, but the answer to a service that could not take a row.
      if (record.strategy === 'sent-again') {
        decide();
        continue;
      }
      // What is held back makes the rest of that row's story another one.
      if (quarantined.has(record.key)) continue;
      const name = describe(record);
      const { monolith, service } = record;
      // Deletes carry no mark: several of one transaction look alike.
      // Of a table that was emptied, a row that its emptier never had has no delete of its own.
      if (told.has(name) && monolith && service && !record.service?.deleted && !record.monolith?.deleted) problems.push(`reported twice: ${name}`);
      told.add(name);
      if (record.type === 'missing-row') {
        // Only a one-way stream meets rows that its target has deleted unseen.
        if (directions.length > 1) problems.push(`a missing row: ${name}`);
      } else if (record.strategy === 'superseded') {
        if (monolith && service && !meant(record, monolith).some((ours) => ours.decision || follows(service, ours))) problems.push(`not superseded but overwritten: ${name}`);
      } else if (MERGING.has(record.strategy) && monolith?.side === 'service') {
        // The row that a merge left carries the service's mark, but nobody on the service's side has seen it.
        decide();
        continue;
      } else if (record.type !== 'unique-key' && monolith && service) {
        const again = decided.has(monolith) && seenBy(service).has(monolith);
        if (!again && !unseen(record, { monolith, service })) problems.push(`no conflict, one had seen the other: ${name}`);
      }
      decide();
    }
  }
  return problems;
}

const MERGING: ReadonlySet<string> = new Set(['merge-columns', 'add-up']);

/** Whether neither had seen the other; of several deletes of one transaction, which look alike, any may be meant. */
function unseen(record: ConflictRecord, { monolith, service }: { readonly monolith: Version; readonly service: Version }): boolean {
  return meant(record, monolith).some((ours) =>
    meant(record, service).some((theirs) => !seenBy(theirs).has(ours) && !seenBy(ours).has(theirs)));
}

function meant({ orThese = [] }: ConflictRecord, version: Version): Version[] {
  return [version, ...(version.deleted ? orThese.filter((other) => other.side === version.side) : [])];
}

/** Written by somebody who had seen it, or later by the same side, or in the same transaction. */
function follows(later: Version, earlier: Version): boolean {
  if (seenBy(later).has(earlier)) return true;
  return later.side === earlier.side && later.position !== undefined && earlier.position !== undefined && later.position >= earlier.position;
}

function describe(record: ConflictRecord): string {
  return `${record.key} ${record.type} ${record.monolith?.id}/${record.service?.id} ${record.winner} by ${record.strategy}`;
}

function appliedOnce(database: Database, direction: Direction): string[] {
  let last = -1n;
  for (const { origin } of database.log) {
    if (origin?.name !== direction || origin.position === 0n) continue;
    if (origin.position <= last) return [`${direction} was at ${origin.position} after ${last}`];
    last = origin.position;
  }
  return [];
}
