import type { Clock } from '../../core/clock.ts';
import type { Reference, ReferenceKey } from '../../ports/references.ts';
import type { Barrier } from '../barrier.ts';

export interface OrphanOptions {
  readonly reference: Reference;
  readonly barrier: Barrier;
  readonly clock: Clock;
  /** Looks at a suspect at most. */
  readonly rounds: number;
  /** The longest that an application takes between writing the two ends, in milliseconds. */
  readonly graceMs: number;
  readonly signal?: AbortSignal;
}

/** Whether somebody refers by a key now, and nothing has it. */
interface Look {
  readonly rows: number;
  readonly version: string | undefined;
  readonly broken: boolean;
}

interface Watched {
  readonly key: readonly string[];
  readonly look: Look;
  /** Looks in a row at which nothing had changed. */
  readonly held: number;
}

/** Looks after the first one. */
const LOOKS = 3;

/**
 * Tells broken references from those in flight: looks at every suspect again, the referring rows first, so that
 * what was written before them is seen. A suspect is an orphan when a row that refers to nothing was not written
 * again over three looks, each a barrier and the grace time after the one before.
 *
 * Why this blames no innocent row: what is absent has no version, so that a parent may have come and gone between
 * two looks. A row that is written before its parent, or removed after it, is alone for less than the grace time,
 * at its beginning or at its end: not more than one look falls into either, and between them there is a look at
 * which its parent is there. What streams bring has come by the next barrier.
 *
 * @returns what is confirmed, with the rows that refer by then, and how many suspects changed at every look.
 */
export async function settleOrphans(suspects: readonly (readonly string[])[], options: OrphanOptions): Promise<{ readonly orphans: readonly ReferenceKey[]; readonly unsettled: number }> {
  const { barrier, clock, rounds, graceMs, signal } = options;
  const orphans: ReferenceKey[] = [];
  let open = watch(suspects, await look(suspects, options), []);
  let moment = barrier.moment();
  let lookedMs = clock.monotonic();
  for (let round = 0; round < rounds && open.length > 0; round++) {
    const waitMs = lookedMs + graceMs - clock.monotonic();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    await barrier.after(moment);
    const keys = open.map(({ key }) => key);
    const next = watch(keys, await look(keys, options), open);
    moment = barrier.moment();
    lookedMs = clock.monotonic();
    orphans.push(...next.flatMap(({ key, held, look: { rows } }) => (held >= LOOKS ? [{ key, rows }] : [])));
    open = next.filter(({ held }) => held < LOOKS);
  }
  return { orphans, unsettled: open.length };
}

async function look(keys: readonly (readonly string[])[], { reference }: OrphanOptions): Promise<readonly Look[]> {
  const { child, parent } = reference;
  const referrers = new Map((await child.reader.referrers(child.end, keys)).map((each) => [each.index, each]));
  const present = await parent.reader.present(parent.end, keys);
  return keys.map((_, i) => {
    const { rows = 0, version } = referrers.get(i) ?? {};
    return { rows, version, broken: rows > 0 && present[i] !== true };
  });
}

/** Those that are still broken. `before` has, in the same order, what was seen of them; empty: this is the first look. */
function watch(keys: readonly (readonly string[])[], now: readonly Look[], before: readonly Watched[]): Watched[] {
  return now.flatMap((each, i): Watched[] => {
    const key = keys[i];
    const last = before[i];
    if (!each.broken || key === undefined) return [];
    return [{ key, look: each, held: last !== undefined && last.look.version === each.version ? last.held + 1 : 0 }];
  });
}
