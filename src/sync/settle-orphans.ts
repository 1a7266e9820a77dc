import type { Row } from '../model/change.ts';
import type { Standing } from '../model/conflict.ts';
import type { Link, TargetTable } from '../ports/applier.ts';
import { note, NOTHING, ONE_CONFLICT, record, removeRow, standing, type SettleContext, type Settlement } from './settle-context.ts';
import { named, namedKey } from './work.ts';

/** A row was removed to which somebody referred unseen, and its content is gone: the batch must be applied again, watching it. */
export class OrphanLeft extends Error {
  constructor() {
    super('a row is to be kept whose content was not read before it was removed');
    this.name = 'OrphanLeft';
  }
}

/** Runs within a savepoint; false if the values were refused, and then nothing of it was done. */
export type Attempt = (run: (context: SettleContext) => Promise<void>) => Promise<boolean>;

/**
 * Looks for rows that refer to those which this transaction has removed. The apply session checks no
 * foreign keys: where one side removes a row and the other refers to it, neither having seen the other, nobody
 * was refused. To be called when no part of a source transaction is missing: then such a row was not known to
 * the one who removed its parent, for the constraint there would have refused that.
 *
 * The monolith does what the constraint would have done to the later of the two, by the order in which they came
 * there. The service asks for the row.
 */
export async function settleOrphans(context: SettleContext, attempt: Attempt): Promise<Settlement> {
  const { authority, removed, suspects, transaction } = context;
  let conflicts = 0;
  let deferred = 0;
  for (const [, { table, key }] of suspects) conflicts += (await settleParentless(table, key, { context, attempt })).conflicts;
  suspects.clear();
  while (removed.size > 0) {
    const rows = [...removed.values()];
    removed.clear();
    for (const link of context.links) {
      const parents = rows.filter(({ table }) => table.name === link.parent.name);
      if (parents.length === 0) continue;
      for (const { key, parent } of await transaction.orphans(link, parents.map((row) => row.key))) {
        await context.alone();
        if (authority === 'defers') {
          // The batch before it may have taken it away meanwhile.
          if (!(await transaction.parentless(link, key))) continue;
          await transaction.request(link.child, key);
          deferred += 1;
          continue;
        }
        const parentText = context.keyTextOf(link.parent, parent);
        const gone = parents.find((row) => context.keyTextOf(row.table, row.key) === parentText);
        if (gone?.forced !== true && link.reference.onDelete === 'keep') {
          if (!gone?.row && !context.watched.has(parentText)) {
            context.watched.add(parentText);
            throw new OrphanLeft();
          }
          // Another child may have brought it back already.
          if (!(await transaction.parentless(link, key))) continue;
          const { row } = gone ?? {};
          if (row && (await attempt((within) => restore(link, { key, parent, row }, within)))) {
            conflicts += 1;
            continue;
          }
        }
        conflicts += (await refuse(link, key, { context, attempt })).conflicts;
      }
    }
  }
  return { conflicts, deferred };
}

/** Refuses a row of the monolith whose parent has gone. */
export async function settleParentless(
  table: TargetTable, key: readonly string[], { context, attempt }: { readonly context: SettleContext; readonly attempt: Attempt },
): Promise<Settlement> {
  for (const link of context.links) {
    if (link.child.name !== table.name || !(await context.transaction.parentless(link, key))) continue;
    const { conflicts } = await refuse(link, key, { context, attempt });
    if (conflicts > 0) return ONE_CONFLICT;
  }
  return NOTHING;
}

/** The constraint would have refused to remove a row that is referred to. */
async function restore(
  { parent: table, child }: Link, { key, parent, row }: { readonly key: readonly string[]; readonly parent: readonly string[]; readonly row: Row },
  context: SettleContext,
): Promise<void> {
  const { transaction } = context;
  const locked = await transaction.lock(child, key);
  const now: Standing = { winner: 'monolith', committedAt: locked?.committedAt ?? 0n };
  await transaction.put(table, parent, row);
  const present = named(table, row);
  await record(
    {
      service: context.service, table: table.name, key: namedKey(table, parent), type: 'foreign-key', monolith: present, serviceRow: null,
      winner: 'monolith', strategy: 'foreign-key', reason: `${child.name} ${JSON.stringify(namedKey(child, key))} refers to it`,
    },
    { table: table.name, key: namedKey(table, parent), row: present, standing: now },
    context,
  );
  const keyText = context.keyTextOf(table, parent);
  note(context, keyText, now);
  context.touched.add(keyText);
}

/** A row whose parent has gone refers to none, where the constraint or its columns allow that, or is removed. */
async function refuse(
  link: Link, key: readonly string[], { context, attempt }: { readonly context: SettleContext; readonly attempt: Attempt },
): Promise<Settlement> {
  const { child, reference } = link;
  const keyText = context.keyTextOf(child, key);
  // Its only whole copy is at its author: no decision may remove it there.
  if (context.newlyHeld.owns(keyText)) return NOTHING;
  const nulls = reference.onDelete === 'remove' ? undefined : reference.nulls;
  let done = false;
  const by = (columns: readonly number[] | undefined) => async (within: SettleContext): Promise<void> => {
    const { transaction } = within;
    const locked = await transaction.lock(child, key);
    if (!locked || !(await transaction.parentless(link, key))) return;
    const whose = standing(locked, keyText, within);
    const row = columns && locked.row.map((cell, i) => (columns.includes(i) ? null : cell));
    if (row) await transaction.put(child, key, row);
    else await removeRow(within, { table: child, key, forced: true });
    const now: Standing = { winner: 'monolith', committedAt: locked.committedAt ?? 0n };
    const [before, after] = [named(child, locked.row), row ? named(child, row) : null];
    await record(
      {
        service: within.service, table: child.name, key: namedKey(child, key), type: 'foreign-key',
        ...(whose === 'monolith' ? { monolith: before, serviceRow: after } : { monolith: after, serviceRow: before }),
        winner: whose === 'monolith' ? 'service' : 'monolith', strategy: 'foreign-key',
        reason: `the row of ${link.parent.name} ${JSON.stringify(parentOf(link, locked.row))} that it refers to was deleted`,
      },
      { table: child.name, key: namedKey(child, key), row: locked.outside ? null : after, standing: now },
      within,
    );
    note(within, keyText, now);
    within.touched.add(keyText);
    done = true;
  };
  if (!(nulls && (await attempt(by(nulls))))) await attempt(by(undefined));
  return done ? ONE_CONFLICT : NOTHING;
}

const parentOf = ({ reference }: Link, row: Row): object =>
  Object.fromEntries(reference.there.map((column, i) => [column, cellText(row[reference.columns[i] ?? -1])]));

const cellText = (cell: Row[number] | undefined): string | null => (typeof cell === 'string' ? cell : null);
