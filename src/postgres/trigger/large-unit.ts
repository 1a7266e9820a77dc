import type pg from 'pg';
import type { Change, SpooledChanges, Transaction } from '../../model/change.ts';
import type { Position } from '../../model/position.ts';
import { connect } from '../connect.ts';
import { CaptureLog, type Batch, type PartSize, type Stretch } from './capture-log.ts';
import type { Entry } from './entries.ts';
import { Changes, changesOf, findReplays, type Replay, type UnitOptions } from './unit.ts';

export interface LargeUnitOptions {
  readonly url: string;
  readonly service: string;
  readonly applicationName: string;
  readonly log: CaptureLog;
  readonly before: Batch;
  readonly batch: Batch;
  readonly replay: UnitOptions['replay'];
  /** How much of it is in memory at a time. */
  readonly part: PartSize;
}

/** Of an entry, those that were logged behind it and belong before it. */
type Late = ReadonlyMap<bigint, readonly bigint[]>;

/**
 * A unit whose entries are too many for memory. They stay where they are, in the log, until the unit is
 * acknowledged; memory holds who wrote which stretch of it, and what is not in the order of its ids. Whoever
 * reads a stretch has it paged through by a session of its own, as often as wanted. The order is the same as
 * {@link assembleUnit}'s.
 */
export async function largeUnit(options: LargeUnitOptions): Promise<Transaction[]> {
  const { log, before, batch, replay } = options;
  const relationOf = (entry: Entry) => log.relationOf(entry);
  const replays = replay ? [...findReplays({ entries: await log.replays(before, batch), relationOf, replay }).values()] : [];
  const stretches = await log.stretches(before, batch, replays.map(({ xid }) => xid));
  const late = await log.late(before, batch);
  const parts = [...stretches.flatMap((stretch) => splitAt(stretch, replays)), ...replays].sort((a, b) => (a.at < b.at ? -1 : 1));
  const session = new ReadingSession(options);
  let latest = before.position + 1n;
  return parts.map((part): Transaction => {
    const within = part.at > batch.position ? batch.position : part.at;
    if (within > latest) latest = within;
    const common = { position: latest as Position, xid: Number(part.xid & 0xffffffffn), committedAt: part.committedAt };
    return isReplay(part)
      ? { ...common, origin: part.origin, changes: changesOf(part.entries, relationOf) }
      : { ...common, changes: new PagedChanges({ ...options, session, stretch: part, late }) };
  });
}

const isReplay = (part: Stretch | Replay): part is Replay => 'entries' in part;

/** A replay stands where it wrote its checkpoint, also in the middle of a transaction's entries. */
function splitAt(stretch: Stretch, replays: readonly Replay[]): readonly Stretch[] {
  const parts: Stretch[] = [];
  let { first } = stretch;
  for (const { at } of replays.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    if (at <= first || at >= stretch.at) continue;
    parts.push({ ...stretch, first, at: at - 1n });
    first = at + 1n;
  }
  return [...parts, { ...stretch, first }];
}

/** One for a unit; opened when something is read, and again if it was lost. */
class ReadingSession {
  readonly #options: LargeUnitOptions;
  #client: Promise<pg.Client> | undefined;
  #log: CaptureLog | undefined;

  constructor(options: LargeUnitOptions) {
    this.#options = options;
  }

  async open(): Promise<CaptureLog> {
    const { url, service, applicationName } = this.#options;
    this.#client ??= connect({ url, applicationName });
    const client = await this.#client;
    return (this.#log ??= new CaptureLog(client, service));
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#log = undefined;
    // One that is lost has nothing to say any more.
    await client?.then((open) => open.end()).catch(() => {});
  }
}

interface PagedOptions extends LargeUnitOptions {
  readonly session: ReadingSession;
  readonly stretch: Stretch;
  readonly late: Late;
}

/** A stretch of the log, read anew each time. It is there until the unit is acknowledged. */
class PagedChanges implements SpooledChanges {
  readonly count: number;
  readonly #options: PagedOptions;

  constructor(options: PagedOptions) {
    this.count = options.stretch.count;
    this.#options = options;
  }

  async *parts(): AsyncGenerator<readonly Change[]> {
    const { session, before, batch, part, stretch } = this.#options;
    try {
      const log = await session.open();
      const isLate = new Set([...this.#options.late.values()].flat());
      const late = new Map((await log.entries([...isLate])).map((entry) => [entry.id, entry]));
      let changes = new Changes();
      for await (const page of log.pages(before, batch, { stretch, part })) {
        for (const entry of page) {
          if (isLate.has(entry.id)) continue;
          for (const each of this.#with(entry, late)) changes.push(each, log.relationOf(each));
        }
        // Tables that were truncated at once are one change.
        if (changes.endsInTruncation) continue;
        yield changes.all;
        changes = new Changes();
      }
      if (changes.all.length > 0) yield changes.all;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  discard(): Promise<void> {
    return this.#options.session.close();
  }

  /** An entry behind those that belong before it, and each of those likewise. */
  #with(entry: Entry, late: ReadonlyMap<bigint, Entry>): readonly Entry[] {
    const before = (this.#options.late.get(entry.id) ?? []).flatMap((id) => {
      const earlier = late.get(id);
      return earlier ? this.#with(earlier, late) : [];
    });
    return [...before, entry];
  }
}
