import { isBanyanError, messageOf } from '../core/errors.ts';
import type { Row } from '../model/change.ts';
import type { Base, Claims, Write } from '../ports/applier.ts';
import { claimsOf, pauseOf } from './holds.ts';
import { findRival } from './rival.ts';
import type { SettleContext } from './settle-context.ts';
import { newKeyOf } from './settle.ts';
import { asWrite, named, type Decided, type Requested } from './work.ts';

/** Why a change was put aside. */
export interface Fault {
  /** The database's own code, or Banyan's. */
  readonly code: string;
  readonly reason: string;
  /** Whether all changes of its table wait with it. */
  readonly pauses?: boolean;
}

/** Refusals that are about what a table is, and not about values: the whole table waits. */
const OF_THE_TABLE: ReadonlySet<string> = new Set(['42703', '42P01', '42804', '42501']);

/** Whether the target refused a change for what its table is. */
export const isOfTable = (code: string): boolean => OF_THE_TABLE.has(code);

/** It is none's fault: it waits behind an earlier change. */
export const HELD: Fault = { code: 'held', reason: 'an earlier change of this row, or of one it has to do with, is in quarantine' };

export function faultOf(error: unknown, sqlState: string): Fault {
  const code = isBanyanError(error) ? error.code : sqlState;
  return { code, reason: messageOf(error), ...(isOfTable(code) ? { pauses: true } : {}) };
}

/**
 * Puts a change in quarantine, and gives what it holds back; with how the rows it would write stand now: what its author had seen can
 * be told today, and may be forgotten when it is tried again.
 */
export async function setAside(step: Write | Decided | Requested, fault: Fault, options: {
  readonly context: SettleContext;
  /** Undoes what fails, and tells whether it did. */
  readonly within: (run: (context: SettleContext) => Promise<void>) => Promise<boolean>;
}): Promise<Claims> {
  const write = asWrite(step);
  const { transaction } = options.context;
  const bases = new Map<string, Base>();
  let present: Row | undefined;
  const standing = write.fault ? write.known : write;
  if (standing && !standing.former) {
    const note = (keyOnly: boolean): Promise<boolean> =>
      options.within(async (context) => {
        bases.clear();
        present = await noteBases(standing, { step, bases, context, rows: fault.pauses === true, keyOnly });
      });
    // Its table may have other columns by now than are known; who wrote the row last, it tells all the same.
    if (!(await note(false)) && !(await note(true))) bases.clear();
  }
  const plain = claimsOf(write, present);
  const claims = fault.pauses ? { ...plain, owns: [...plain.owns, pauseOf(write)] } : plain;
  await transaction.quarantine({
    write, as: write.fault ? 'untranslated' : step.kind === 'decided' || step.kind === 'requested' ? step.kind : 'change',
    code: fault.code, reason: fault.reason, claims, bases,
  });
  return claims;
}

/** Notes how the rows stand that a change would write; gives the one that it was made of. */
async function noteBases(write: Write, { step, bases, context, rows, keyOnly }: {
  readonly step: Write | Decided | Requested;
  readonly bases: Map<string, Base>;
  readonly context: SettleContext;
  /** Whether what the rows hold is noted as well. */
  readonly rows: boolean;
  readonly keyOnly: boolean;
}): Promise<Row | undefined> {
  const { transaction } = context;
  // Nobody but the log tells that an absent row was there in between.
  if (context.authority === 'settles') for (const keyText of [write.keyText, write.newKeyText]) if (keyText !== undefined) context.knowledge.watch(keyText);
  const locked = await transaction.lock(write.table, write.key, { keyOnly });
  const baseOf = async (place: Write, present: typeof locked): Promise<void> => {
    const rival = step.kind === 'requested' ? undefined : await findRival(place, present, context);
    const deleted = context.knowledge.tombstone(place.keyText)?.position;
    bases.set(place.keyText, { ...(present ? { xid: present.xid } : {}), ...(rival ? { rival } : {}), ...(deleted === undefined ? {} : { deleted }),
      ...(rows && !keyOnly && present ? { row: named(write.table, present.row) } : {}),
    });
  };
  if (write.newKeyText !== undefined && write.row) {
    const { newKeyText, ...rest } = write;
    await baseOf({ ...rest, kind: 'delete' }, locked);
    const there: Write = { ...rest, kind: 'insert', key: newKeyOf(write, write.row), keyText: newKeyText };
    await baseOf(there, await transaction.lock(there.table, there.key, { keyOnly }));
  } else {
    await baseOf(write, locked);
  }
  return locked?.row;
}
