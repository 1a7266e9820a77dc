import type { Row } from '../model/change.ts';
import type { Standing } from '../model/conflict.ts';
import type { LockedRow, Write } from '../ports/applier.ts';
import type { ConflictingChange } from './conflict.ts';
import { askAgain } from './decisions.ts';
import { findRival } from './rival.ts';
import { filled, note, orderOf, record, removeRow, type SettleContext, type Settlement } from './settle-context.ts';
import { newKeyOf, settle } from './settle.ts';
import { lacksValues, named, namedKey } from './work.ts';

/**
 * A change that clashes with another row's unique value. If that row was written here unseen by the
 * change's author, it is a conflict of two rows: only one of them can have the value, on both sides.
 * The one that loses becomes what the monolith has beside the winner, and its content stays in the
 * conflict's record. Otherwise it is none of concurrency's making; undefined.
 *
 * The service settles nothing. It can't rely on the clash being met at the monolith, where the other
 * row may have changed by then; so it asks for the row. That goes for a row in the way that the monolith
 * had seen, too: it can be one that the service has declined to change, and asked for. A decision tells
 * more: such a row makes room then, and is asked for. Unless the monolith has just sent it, too: then its
 * table allows what the service's does not.
 *
 * Who was in the way may have left before he is looked for; then the change is to be tried again.
 */
export async function settleClash(write: Write, context: SettleContext, decided = false): Promise<Settlement | 'gone' | undefined> {
  if (!write.row) return undefined;
  if (write.newKeyText !== undefined) return settleMovedClash({ ...write, row: write.row, newKeyText: write.newKeyText }, context);
  const { transaction, target } = context;
  const table = write.table;
  let conflicts = 0;
  const inTheWay: Write[] = [];
  const others = await standingInTheWay({ ...write, row: write.row }, context);
  if (others.length === 0) return 'gone';
  for (const { key: otherKey, keyText: otherText, locked } of others) {
    // A row that the filter leaves to the monolith is unknown to the service, whoever wrote it.
    const hidden = locked.outside ? ({ deleted: false, committedAt: locked.committedAt ?? 0n, side: target } as const) : undefined;
    const rival = hidden ?? (await findRival({ ...write, kind: 'update', key: otherKey, keyText: otherText }, locked, context));
    if (!rival) {
      if (context.authority !== 'defers') return undefined;
      if (!decided) return askAgain(write, context);
      if (context.displaced.get(write.keyText) === otherText) return undefined;
      inTheWay.push({ ...write, key: otherKey, keyText: otherText });
      continue;
    }
    if (context.authority === 'defers') return askAgain(write, context);
    const own = await transaction.lock(table, write.key);
    const present: ConflictingChange = { table: table.name, key: namedKey(table, otherKey), row: named(table, locked.row), committedAt: rival.committedAt };
    const incoming: ConflictingChange = {
      table: table.name, key: namedKey(table, write.key), row: named(table, write.row, own?.row), committedAt: write.committedAt,
    };
    const [monolith, service] = target === 'monolith' ? [present, incoming] : [incoming, present];
    const verdict = hidden
      ? { winner: target, strategy: 'left-filter', reason: 'the filter leaves the row in the way to the monolith' }
      : await context.resolver.resolve(monolith, service, orderOf(write, context));
    // Two rows can't be merged into one without losing a key: anything but the service keeps the monolith's.
    const incomingWins = verdict.winner === 'service' ? target === 'monolith' : target === 'service';
    if (incomingWins) await removeRow(context, { table, key: otherKey });
    const loser = incomingWins ? { key: present.key, text: otherText, left: undefined } : { key: incoming.key, text: write.keyText, left: own };
    const left = incomingWins ? undefined : await findRival(write, own, context);
    // What the loser goes back to is nothing new to its own side, unless the monolith has written that too.
    const standing: Standing = incomingWins
      ? { winner: 'monolith', committedAt: rival.committedAt }
      : { winner: left?.side ?? 'service', committedAt: left?.committedAt ?? write.committedAt };
    await record(
      {
        service: context.service, table: table.name, key: loser.key, type: 'unique-key',
        monolith: monolith.row, serviceRow: service.row, monolithAt: monolith.committedAt, serviceAt: service.committedAt,
        winner: incomingWins === (target === 'monolith') ? 'service' : 'monolith',
        strategy: verdict.strategy, ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
      },
      context.authority === 'settles'
        ? { table: table.name, key: loser.key, row: loser.left && !loser.left.outside ? named(table, loser.left.row) : null, standing }
        : undefined,
      context,
    );
    conflicts += 1;
    note(context, loser.text, standing);
    if (!incomingWins) return { conflicts, deferred: 0 };
  }
  for (const other of inTheWay) {
    await removeRow(context, other);
    await askAgain(other, context);
    context.displaced.set(other.keyText, write.keyText);
  }
  if (conflicts === 0 && inTheWay.length === 0) return undefined;
  // Its own row may have changed here unseen as well.
  const settlement = await settle(write, context);
  return { conflicts: conflicts + settlement.conflicts, deferred: settlement.deferred };
}

interface InTheWay {
  readonly key: readonly string[];
  readonly keyText: string;
  readonly locked: LockedRow;
}

/** The rows in the way, each locked: one that was written, or went, while its lock was waited for may be in nobody's way any more. */
async function standingInTheWay({ table, key, row }: Write & { readonly row: Row }, { transaction, keyTextOf }: SettleContext): Promise<InTheWay[]> {
  const looked = new Map<string, LockedRow | undefined>();
  for (;;) {
    const others = (await transaction.clashes(table, key, row)).map((other) => ({ key: other, keyText: keyTextOf(table, other) }));
    const unlocked = others.filter(({ keyText }) => !looked.has(keyText));
    if (unlocked.length === 0) {
      return others.flatMap((other) => {
        const locked = looked.get(other.keyText);
        return locked ? [{ ...other, locked }] : [];
      });
    }
    for (const other of unlocked) looked.set(other.keyText, await transaction.lock(table, other.key));
  }
}

/** A row that got another key, and clashes there: its old place is left in any case. */
async function settleMovedClash(write: Write & { readonly row: Row; readonly newKeyText: string }, context: SettleContext): Promise<Settlement | 'gone' | undefined> {
  const { newKeyText, row: moved, ...plain } = write;
  const locked = await context.transaction.lock(write.table, write.key);
  const gone: Write = { ...plain, kind: 'delete' };
  const row = (await findRival(gone, locked, context)) ? moved : filled(moved, locked);
  const key = newKeyOf(write, row);
  // Without its large values it can't be written here, and a clash of two rows is not to be judged by it.
  if (context.authority !== 'defers' && lacksValues(write.table, row)) return undefined;
  const left = await settle(gone, context);
  const there = await settleClash({ ...plain, kind: 'insert', key, keyText: newKeyText, row }, context);
  if (there === undefined || there === 'gone') return there;
  return { conflicts: left.conflicts + there.conflicts, deferred: left.deferred + there.deferred };
}
