import { otherSide, type Side } from '../../model/side.ts';
import type { RepairOutcome, StoredRepair } from '../../ports/reconcile-store.ts';
import type { RowRepairer, StoredRows } from '../../ports/row-repairer.ts';
import { FenceBarrier, type FenceOptions } from '../barrier.ts';
import { DirectWay, isAsDecided, type Witness } from './direct-way.ts';
import { selectionOf, type ReconciledTable } from './reconciled-table.ts';
import type { RepairWay } from './way.ts';

/** As many as a difference has to hold over where one side has no row; see `settle` of the validation. */
const FENCES = 3;

const MOVED = 'a row has been written since, and may be on its way';
const HELD = 'a change of it is in quarantine';

export interface StreamWayOptions {
  /** They write with an origin that the streams take for their own: nobody is told of it, and nobody's change gives way to it. */
  readonly repairers: Readonly<Record<Side, RowRepairer>>;
  readonly fence: FenceOptions;
  /** The keys of a table's rows of which a change is in quarantine, as {@link keyTextOf} writes them. */
  readonly held: (table: ReconciledTable) => Promise<ReadonlySet<string>>;
  readonly signal?: AbortSignal;
}

/**
 * Repairs rows of two sides that streams connect, while both are written. Whatever was written before is on both sides
 * once enough fences have passed; if neither row has got another version meanwhile, nothing of it is on its way in
 * either direction, so that a repair overwrites nobody's change and meets none. Both rows are then locked, have still
 * the same versions, and are written in the name of the stream that arrives there.
 *
 * A row that is not there has neither lock nor version. It is taken to be absent only if every transaction has ended
 * that had begun when the other side's row was read: one whose commit waits for a standby may have been decoded, and
 * applied over there, long before anybody sees it here.
 */
export class StreamWay implements RepairWay {
  readonly #options: StreamWayOptions;
  readonly #direct: DirectWay;

  constructor(options: StreamWayOptions) {
    this.#options = options;
    this.#direct = new DirectWay(options.repairers);
  }

  apply(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]): Promise<readonly RepairOutcome[]> {
    return this.#settled(table, repairs, (still, witness) => this.#direct.apply(table, side, still, witness));
  }

  applyTogether(table: ReconciledTable, side: Side, repairs: readonly StoredRepair[]): Promise<readonly RepairOutcome[]> {
    return this.#settled(table, repairs, (still, witness) => this.#direct.applyTogether(table, side, still, witness));
  }

  async #settled(
    table: ReconciledTable,
    repairs: readonly StoredRepair[],
    write: (still: readonly StoredRepair[], witness: Witness) => Promise<readonly RepairOutcome[]>,
  ): Promise<readonly RepairOutcome[]> {
    const { repairers, fence, held, signal } = this.#options;
    const identities = repairs.map(({ identity }) => identity);
    const read = (side: Side): Promise<readonly StoredRows[]> => repairers[side].read(selectionOf(table, side), identities);
    const rows = { monolith: await read('monolith'), service: await read('service') };
    const began = { monolith: await repairers.monolith.nextTransaction(), service: await repairers.service.nextTransaction() };
    const barrier = new FenceBarrier(fence, signal);
    for (let i = 0; i < FENCES; i++) await barrier.after(barrier.moment());
    const quarantined = await held(table);
    const left = new Map<string, string>();
    const versions = new Map<string, Readonly<Record<Side, string | undefined>>>();
    for (const [i, { id, identity, side, before, other }] of repairs.entries()) {
      const [here, there] = [rows[side][i], rows[otherSide(side)][i]];
      if (quarantined.has(keyTextOf(identity.key))) left.set(id, HELD);
      else if (!here || !there || !isAsDecided(before, here.rows) || (other !== undefined && !repairs[i]?.alone && !isAsDecided(other, there.rows))) left.set(id, MOVED);
      versions.set(id, { monolith: rows.monolith[i]?.version, service: rows.service[i]?.version });
    }
    const still = repairs.filter(({ id }) => !left.has(id));
    const outcomes = new Map((still.length === 0 ? [] : await write(still, { versions, began })).map((outcome) => [outcome.id, outcome]));
    return repairs.map(({ id }) => outcomes.get(id) ?? { id, state: 'left', reason: left.get(id) ?? MOVED });
  }
}

/** A key as one text, whatever its columns are called. */
export const keyTextOf = (key: readonly string[]): string => JSON.stringify(key.toSorted());
