import type { TableName } from '../../../../model/names.ts';
import { ROLES, strongest, type Effect, type LockMode, type Role } from './effect.ts';
import type { FormUse } from './form-use.ts';
import { effectOf } from './forms.ts';
import type { SchemaSoFar } from './schema-so-far.ts';

/** What a form does, by the relations' names. */
export interface Touched {
  readonly effect: Effect;
  readonly locks: ReadonlyMap<TableName, LockMode>;
  /** Relations of which every row is read. */
  readonly scans: readonly TableName[];
  /** Relations that are written anew, or emptied. */
  readonly files: readonly TableName[];
}

/** The relations that a statement's form touches, the table's partitions with it where the server takes them along. Pure. */
export function touched({ form, relations }: FormUse, sofar: SchemaSoFar): Touched {
  const effect = effectOf(form, sofar.major);
  const of = (role: Role): TableName[] => {
    const names = relations[role] ?? [];
    return effect.partitions && role === 'table' ? [...new Set(names.flatMap((name) => [name, ...sofar.partitions(name)]))] : [...names];
  };
  const locks = new Map<TableName, LockMode>();
  for (const role of ROLES) {
    const mode = effect.locks[role];
    if (mode === undefined) continue;
    for (const name of of(role)) {
      const own = role === 'table' && !relations.table?.includes(name) ? (effect.partitionLock ?? mode) : mode;
      locks.set(name, strongest([own, locks.get(name) ?? own]) ?? own);
    }
  }
  const { file = 'kept', scans = [] } = effect;
  return { effect, locks, scans: scans.flatMap(of), files: file === 'kept' ? [] : [...of('table'), ...of('view')] };
}
