import type { HazardName } from './hazard-names.ts';

/** The server's own table locks, the weakest first. */
export const LOCK_MODES = ['ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE'] as const;
export type LockMode = (typeof LOCK_MODES)[number];

/** What a relation is to the statement. `table`: the one it names. `read`: its rows are only read. */
export const ROLES = ['table', 'referenced', 'parent', 'partition', 'index', 'sequence', 'view', 'read'] as const;
export type Role = (typeof ROLES)[number];

/** What differs on servers before a major version. */
export interface OlderEffect extends Pick<Effect, 'partitionLock'> {
  readonly before: number;
  readonly locks?: Effect['locks'];
}

/** What one form of statement does to the relations it touches. */
export interface Effect {
  /** The form as one writes it. */
  readonly sql: string;
  /** The strongest lock on each relation, held until the transaction ends. */
  readonly locks: Readonly<Partial<Record<Role, LockMode>>>;
  /** What becomes of the table's file: written anew row by row, given up for an empty one, or neither. Default `kept`. */
  readonly file?: 'kept' | 'rewritten' | 'emptied';
  /** Whether indexes that are there are built anew while the table's file stays. Default false. */
  readonly rebuildsIndexes?: boolean;
  /** Relations of which every row is read under the lock. Default none. */
  readonly scans?: readonly Role[];
  /** Whether the partitions of the table are locked and treated like it. Default false. */
  readonly partitions?: boolean;
  /** The lock on each partition, where it is not that of the table. */
  readonly partitionLock?: LockMode;
  /** Whether it can stand in no transaction. Default false. */
  readonly outside?: boolean;
  /** The first major version of the server that knows it. Default 13 or older. */
  readonly since?: number;
  /** What servers before a major version do otherwise, the oldest first. */
  readonly older?: readonly OlderEffect[];
  /** What its locks do not tell. */
  readonly also?: readonly HazardName[];
}

/** The effect on a server of that major version; undefined: the newest. Pure. */
export function effectOn(effect: Effect, major: number | undefined): Effect {
  const found = major === undefined ? undefined : effect.older?.find(({ before }) => major < before);
  if (!found) return effect;
  const { before: _before, ...differing } = found;
  return { ...effect, ...differing };
}

export function strongest(modes: Iterable<LockMode>): LockMode | undefined {
  let best = -1;
  for (const mode of modes) best = Math.max(best, LOCK_MODES.indexOf(mode));
  return LOCK_MODES[best];
}

/** Whether who holds the lock keeps writers out. */
export const keepsWritersOut = (mode: LockMode): boolean => LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf('SHARE');

/** What may hurt by a form. A lock that is held for a moment only is none: `lock_timeout` is there for it. Pure. */
export function hazardsOf({ locks, file = 'kept', rebuildsIndexes = false, scans = [], also = [] }: Effect): HazardName[] {
  return [...waitingHazard(), ...also];

  function waitingHazard(): HazardName[] {
    // Nobody writes a materialized view, and what is only read stays open for writers.
    const { sequence: _sequence, read: _read, view, ...tables } = locks;
    const strong = strongest(Object.values(tables));
    if (scans.length === 0) return [];
    if (view !== undefined) return view === 'ACCESS EXCLUSIVE' ? ['blocks_readers'] : [];
    if (strong === undefined || !keepsWritersOut(strong)) return [];
    if (file === 'rewritten') return ['table_rewrite'];
    if (rebuildsIndexes) return ['index_rebuild'];
    return [strong === 'ACCESS EXCLUSIVE' ? 'blocks_readers' : 'blocks_writers'];
  }
}
