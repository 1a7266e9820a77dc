import { isBanyanError, messageOf } from '../core/errors.ts';
import type { Base, Write } from '../ports/applier.ts';
import { claimsOf } from './holds.ts';
import { findRival } from './rival.ts';
import type { SettleContext } from './settle-context.ts';
import { newKeyOf } from './settle.ts';
import { asWrite, type Decided, type Requested } from './work.ts';

/** Why a change was put aside. */
export interface Fault {
  /** The database's own code, or Banyan's. */
  readonly code: string;
  readonly reason: string;
}

/** It is none's fault: it waits behind an earlier change. */
export const HELD: Fault = { code: 'held', reason: 'an earlier change of this row, or of one it has to do with, is in quarantine' };

export function faultOf(error: unknown, sqlState: string): Fault {
  return { code: isBanyanError(error) ? error.code : sqlState, reason: messageOf(error) };
}

/**
 * Puts a change in quarantine, with how the rows it would write stand now: what its author had seen can
 * be told today, and may be forgotten when it is tried again.
 */
export async function setAside(step: Write | Decided | Requested, fault: Fault, context: SettleContext): Promise<void> {
  const write = asWrite(step);
  const { transaction, newlyHeld } = context;
  if (write.fault) {
    const claims = claimsOf(write);
    await transaction.quarantine({ write, as: 'untranslated', ...fault, claims, bases: new Map() });
    newlyHeld.add(claims);
    return;
  }
  // Nobody but the log tells that an absent row was there in between.
  if (context.authority === 'settles') for (const keyText of [write.keyText, write.newKeyText]) if (keyText !== undefined) context.knowledge.watch(keyText);
  const locked = await transaction.lock(write.table, write.key);
  const bases = new Map<string, Base>();
  const baseOf = async (place: Write, present: typeof locked): Promise<void> => {
    const rival = step.kind === 'requested' ? undefined : await findRival(place, present, context);
    const deleted = context.knowledge.tombstone(place.keyText)?.position;
    bases.set(place.keyText, { ...(present ? { xid: present.xid } : {}), ...(rival ? { rival } : {}), ...(deleted === undefined ? {} : { deleted }) });
  };
  if (write.newKeyText !== undefined && write.row) {
    const { newKeyText, ...rest } = write;
    await baseOf({ ...rest, kind: 'delete' }, locked);
    const there: Write = { ...rest, kind: 'insert', key: newKeyOf(write, write.row), keyText: newKeyText };
    await baseOf(there, await transaction.lock(there.table, there.key));
  } else {
    await baseOf(write, locked);
  }
  const claims = claimsOf(write, locked?.row);
  await transaction.quarantine({
    write, as: step.kind === 'decided' || step.kind === 'requested' ? step.kind : 'change', ...fault, claims, bases,
  });
  newlyHeld.add(claims);
}
