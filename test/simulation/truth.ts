import type { Position } from '../../src/model/position.ts';
import type { Side } from '../../src/model/side.ts';
import type { Database, Version } from './database.ts';

/** Every version that a writer made, and how to find it again from what the engine carries. */
export class Truth {
  readonly versions = new Map<string, Version>();
  /** Acknowledged versions, in order of their commits' acknowledgement. */
  readonly acknowledged: Version[] = [];
  /** Deletes that found no row on the other side: they have had all the effect they can. */
  readonly foundGone = new Set<Version>();
  /** For a row that got another key: the end of the old one, by the new one's id. */
  readonly #endOfOld = new Map<string, Version>();
  readonly #deletes = new Map<string, Version[]>();
  #next = 1;

  make(options: { side: Side; key: string; deleted: boolean; decision?: boolean; emptied?: boolean; added?: bigint }): Version {
    const id = `${options.side === 'monolith' ? 'm' : 's'}${this.#next++}${options.deleted ? 'd' : ''}`;
    const version: Version = { ...options, id, parents: [] };
    this.versions.set(id, version);
    if (version.deleted) {
      const name = `${version.side} ${version.key}`;
      const list = this.#deletes.get(name);
      if (list) list.push(version);
      else this.#deletes.set(name, [version]);
    }
    return version;
  }

  /**
   * A decision that leaves no row is a write of the monolith's: whoever reads the row's absence after it
   * has seen what it decided about, and the monolith's own delete, if that is what it left.
   */
  decideAbsence(options: { key: string; position: Position; about: readonly Version[]; present: boolean }): Version {
    const { key, position, about, present } = options;
    const standing = present ? undefined : this.deleteWithin('monolith', key, -1n as Position, position);
    const version = this.make({ side: 'monolith', key, deleted: true, decision: true });
    version.parents.push(...about, ...(standing ? [standing] : []));
    version.position = position;
    return version;
  }

  /** The deletes of a key that one side committed at a time of its clock: those of one transaction. */
  deletesAt(side: Side, key: string, committedAt: bigint | undefined): Version[] {
    return (this.#deletes.get(`${side} ${key}`) ?? []).filter((version) => version.committedAt === committedAt && committedAt !== undefined);
  }

  rekeyed(next: Version, endOfOld: Version): void {
    this.#endOfOld.set(next.id, endOfOld);
  }

  endOfOld(next: Version): Version | undefined {
    return this.#endOfOld.get(next.id);
  }

  byMark(mark: unknown): Version | undefined {
    return typeof mark === 'string' ? this.versions.get(mark) : undefined;
  }

  /** The last delete of a key that one side committed after `after` and not after `through`. */
  deleteWithin(side: Side, key: string, after: Position, through: Position): Version | undefined {
    let found: Version | undefined;
    for (const version of this.deletesWithin(side, key, after, through)) {
      if (!found || version.position! >= found.position!) found = version;
    }
    return found;
  }

  deletesWithin(side: Side, key: string, after: Position, through: Position): Version[] {
    return (this.#deletes.get(`${side} ${key}`) ?? []).filter((version) => within(version, after, through));
  }

  /**
   * A delete that finds no row: two deletes are no conflict, whoever wrote them, and whoever writes
   * after that has seen both.
   */
  foundNothing(options: { source: Side; after: Position; through: Position; target: Database; absent: ReadonlySet<string> }): void {
    const { source, target, after, through, absent } = options;
    for (const [name, list] of this.#deletes) {
      if (!name.startsWith(source)) continue;
      for (const version of list) {
        if (!within(version, after, through)) continue;
        if (absent.has(version.key)) this.foundGone.add(version);
        if (target.rows.has(version.key)) continue;
        this.foundGone.add(version);
        const standing = target.gone.get(version.key);
        if (!standing) target.gone.set(version.key, version);
        else if (!seenBy(standing).has(version)) target.gone.set(version.key, { ...version, decision: standing.decision ?? false, id: `${standing.id}+${version.id}`, parents: [standing, version] });
      }
    }
  }
}

function within(version: Version, after: Position, through: Position): boolean {
  return version.position !== undefined && version.position > after && version.position <= through;
}

/** A version and everything that its writers had seen. */
export function seenBy(version: Version, into: Set<Version> = new Set()): Set<Version> {
  const open = [version];
  for (let next = open.pop(); next; next = open.pop()) {
    if (into.has(next)) continue;
    into.add(next);
    open.push(...next.parents);
  }
  return into;
}
