import type pg from 'pg';
import type { Clock } from '../../core/clock.ts';
import { parseLsn } from '../../model/position.ts';
import type { Beginning } from '../../ports/change-source.ts';
import { identify } from '../history.ts';

/** Looks at a slot that somebody else still holds, and the pause between them, in milliseconds. */
const LOOKS = 100;
const PAUSE_MS = 10;

/**
 * Where a slot's stream will begin. As long as a former reader holds the slot, it may still move it on; undefined if
 * it does not leave, or there is no such slot.
 */
export async function beginningOf(
  replication: pg.Client,
  { slot, clock, signal }: { readonly slot: string; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Beginning | undefined> {
  const { system, timeline } = await identify(replication);
  const name = slot.replaceAll("'", "''");
  for (let look = 0; look < LOOKS; look++) {
    // A walsender takes no parameters.
    const found = await replication.query<{ confirmed: string | null; active: string }>(
      `SELECT confirmed_flush_lsn AS confirmed, active FROM pg_catalog.pg_replication_slots WHERE slot_name = '${name}'`,
    );
    const row = found.rows[0];
    if (!row?.confirmed) return undefined;
    if (row.active !== 't') return { position: parseLsn(row.confirmed), history: `${system}/${timeline}/${slot}` };
    await clock.sleep(PAUSE_MS, signal);
  }
  return undefined;
}
