import { UNCHANGED } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import type { Write } from '../ports/applier.ts';

/**
 * Orders the writes of many transactions so that each group can be one statement: a row's second
 * write lies in the second wave, and so on. Consecutive writes of one row whose authors had seen the
 * same become one. Only a row's own order matters: the whole batch commits at once, and the apply
 * session checks no foreign keys.
 */
export class Waves {
  readonly #distinct: boolean;
  readonly #flat = new Map<string, Write[]>();
  #lastFlat: { readonly kind: Write['kind']; readonly table: TableName; readonly group: Write[] } | undefined;
  readonly #waves: Map<string, Map<string, Write>>[] = [];
  readonly #latest = new Map<string, { readonly wave: number; readonly write: Write }>();

  /** Most writes go where the one before went. */
  #last: { readonly wave: number; readonly kind: Write['kind']; readonly table: TableName; readonly group: Map<string, Write> } | undefined;

  /** @param options.distinct whether no row comes twice: then all is one wave, and needs no memory of each row. */
  constructor({ distinct } = { distinct: false }) {
    this.#distinct = distinct;
  }

  get empty(): boolean {
    return this.#waves.length === 0 && this.#flat.size === 0;
  }

  add(write: Write): void {
    if (this.#distinct) {
      this.#flatGroup(write).push(write);
      return;
    }
    const before = this.#latest.get(write.keyText);
    const merged = before && merge(before.write, write);
    if (before && merged) {
      this.#group(before.wave, before.write).delete(write.keyText);
      this.#place(before.wave, merged);
    } else {
      this.#place(before ? before.wave + 1 : 0, write);
    }
  }

  /** Wave by wave, the groups in the order in which they must be written. A row is in a wave at most once. */
  *inOrder(): Generator<readonly (readonly Write[])[]> {
    if (this.#flat.size > 0) yield KINDS.flatMap((kind) => [...this.#flat].filter(([name]) => name.startsWith(kind)).map(([, group]) => group));
    for (const wave of this.#waves) {
      const groups: Write[][] = [];
      for (const kind of KINDS) {
        for (const [name, group] of wave) {
          if (name.startsWith(kind) && group.size > 0) groups.push([...group.values()]);
        }
      }
      if (groups.length > 0) yield groups;
    }
  }

  #flatGroup(write: Write): Write[] {
    const last = this.#lastFlat;
    if (last && last.kind === write.kind && last.table === write.table.name) return last.group;
    const name = groupName(write.kind, write.table.name);
    const group = this.#flat.get(name) ?? [];
    this.#flat.set(name, group);
    this.#lastFlat = { kind: write.kind, table: write.table.name, group };
    return group;
  }

  #place(wave: number, write: Write): void {
    this.#group(wave, write).set(write.keyText, write);
    this.#latest.set(write.keyText, { wave, write });
  }

  #group(wave: number, write: Write): Map<string, Write> {
    const last = this.#last;
    if (last && last.wave === wave && last.kind === write.kind && last.table === write.table.name) return last.group;
    const groups = (this.#waves[wave] ??= new Map());
    const name = groupName(write.kind, write.table.name);
    let group = groups.get(name);
    if (!group) {
      group = new Map();
      groups.set(name, group);
    }
    this.#last = { wave, kind: write.kind, table: write.table.name, group };
    return group;
  }
}

/** Deletes first: they free unique values that inserts of the same wave may take. */
const KINDS = ['delete', 'update', 'insert'] as const;

const groupName = (kind: Write['kind'], table: TableName): string => `${kind} ${table}`;

/** Two consecutive writes of one row as one, if nothing is lost by it. */
function merge(before: Write, after: Write): Write | undefined {
  // Two tables of the source may be made into one row.
  if (before.table !== after.table || before.seen !== after.seen || before.kind === 'delete' || after.kind === 'insert') return undefined;
  if (after.kind === 'delete') return { ...after, ...(before.old ? { old: before.old } : {}) };
  const row = after.row?.map((cell, i) => (cell === UNCHANGED ? (before.row?.[i] ?? null) : cell));
  return {
    ...after, kind: before.kind, ...(row ? { row } : {}), ...(before.old ? { old: before.old } : {}),
  };
}
