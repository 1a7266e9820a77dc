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
 * 4. Checkpoints of a stream only ever grow, and no transaction of the source is applied twice.
 */
export function check({ databases, truth, directions }: {
  readonly databases: Readonly<Record<Side, Database>>;
  readonly truth: Truth;
  readonly directions: readonly Direction[];
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
    if (apart.has(key)) continue;
    // A row that got another key may bring along what a quarantined change of the old one would have set.
    const cells = quarantined.size > 0 ? 3 : 4;
    if (JSON.stringify(a?.slice(0, cells)) !== JSON.stringify(b?.slice(0, cells))) problems.push(`${key} differs: ${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  }
  problems.push(...lost(databases, truth), ...unjust(databases, quarantined));
  for (const direction of directions) problems.push(...appliedOnce(databases[otherSide(sourceSide(direction))], direction));
  return problems;
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
  return truth.acknowledged
    .filter((version) => !accounted.has(version))
    .map((version) => `${version.id} of ${version.key} is lost: neither there, nor superseded, nor reported`);
}

function unjust(databases: Readonly<Record<Side, Database>>, quarantined: ReadonlySet<string>): string[] {
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
      // Deletes carry no mark: several of one transaction look alike.
      if (told.has(name) && !record.service?.deleted && !record.monolith?.deleted) problems.push(`reported twice: ${name}`);
      told.add(name);
      const { monolith, service } = record;
      if (record.type === 'missing-row') {
        problems.push(`a missing row: ${name}`);
      } else if (record.strategy === 'superseded') {
        if (monolith && service && !meant(record, monolith).some((ours) => ours.decision || follows(service, ours))) problems.push(`not superseded but overwritten: ${name}`);
      } else if (record.strategy === 'merge-columns' && monolith?.side === 'service') {
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

/** Whether neither had seen the other; of several deletes of one transaction, which look alike, any may be meant. */
function unseen(record: ConflictRecord, { monolith, service }: { readonly monolith: Version; readonly service: Version }): boolean {
  return meant(record, monolith).some((ours) =>
    meant(record, service).some((theirs) => !seenBy(theirs).has(ours) && !seenBy(ours).has(theirs)));
}

function meant({ orThese = [] }: ConflictRecord, version: Version): Version[] {
  return [version, ...(version.deleted ? orThese.filter((other) => other.side === version.side) : [])];
}

/** Written by somebody who had seen it, or later by the same side. */
function follows(later: Version, earlier: Version): boolean {
  if (seenBy(later).has(earlier)) return true;
  return later.side === earlier.side && later.position !== undefined && earlier.position !== undefined && later.position > earlier.position;
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
