import type { Change, Relation } from '../model/change.ts';
import { parseTableName } from '../model/names.ts';
import { parseLsn } from '../model/position.ts';
import type { Mapping } from './mapping.ts';
import { parseNamed, textsOf, type Reading } from './reading.ts';
import type { Offered } from './work.ts';

/**
 * What became of an offer: both sides were equal already; were made equal; one of them was written meanwhile,
 * so that the row may be on its way; a change of it is in quarantine; or the target refused it.
 */
export type OfferOutcome = { readonly state: 'equal' | 'repaired' | 'moved' | 'held' } | { readonly state: 'refused'; readonly reason: string };

/** Brings what became of offers, which the streams find out, to whoever made them. */
export class Offers {
  readonly #awaited = new Map<string, (outcome: OfferOutcome) => void>();
  /** What was settled before anybody waited for it. */
  readonly #early = new Map<string, OfferOutcome>();

  /** Of offers with these ids, in their order. One caller at a time. */
  async outcomes(ids: readonly string[], signal: AbortSignal): Promise<readonly OfferOutcome[]> {
    signal.throwIfAborted();
    const all = Promise.all(
      ids.map((id) => {
        const early = this.#early.get(id);
        if (early) return Promise.resolve(early);
        return new Promise<OfferOutcome>((resolve) => this.#awaited.set(id, resolve));
      }),
    );
    let stopped = (): void => {};
    const stop = new Promise<never>((_, reject) => {
      stopped = () => reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
      signal.addEventListener('abort', stopped, { once: true });
    });
    try {
      return await Promise.race([all, stop]);
    } finally {
      signal.removeEventListener('abort', stopped);
      for (const id of ids) this.#awaited.delete(id);
      this.#early.clear();
    }
  }

  settled(outcomes: ReadonlyMap<string, OfferOutcome>): void {
    for (const [id, outcome] of outcomes) {
      const waiter = this.#awaited.get(id);
      if (waiter) waiter(outcome);
      // Of a former worker's, nobody will ask: no more are kept than may be made at once.
      else if (this.#early.size < EARLY) this.#early.set(id, outcome);
    }
  }
}

const EARLY = 10_000;

/** What stands in `banyan.request.offer`: JSON of strings only. */
interface StoredOffer {
  readonly truth: string;
  readonly here: string;
  readonly version?: string;
  readonly seen?: string;
}

/** Reads offers out of a stream. */
export class OfferReader {
  readonly #relations = new Map<string, Relation>();

  /** The steps of one row of `banyan.request`; none if it is no offer, or not of this service. */
  read(change: Change, reading: Reading, { service, mapping }: { readonly service: string; readonly mapping: Mapping }): readonly Offered[] {
    if (change.kind !== 'insert') return [];
    const text = textsOf(change);
    const stored = text('offer');
    if (stored === undefined || text('service') !== service) return [];
    const { truth, here, version, seen } = JSON.parse(stored) as StoredOffer;
    const key = parseNamed(text('key') ?? '{}');
    const named = parseNamed(text('row') ?? '{}');
    const relation = this.#relation(text('table_name') ?? '', Object.keys(named), Object.keys(key));
    const row = relation.columns.map(({ name }) => named[name] ?? null);
    const { position, committedAt } = reading;
    const writes = mapping.writesOf(
      here === 't' ? { kind: 'insert', relation, row } : { kind: 'delete', relation, old: row, oldIsKey: true },
      { position, committedAt, seen: seen === undefined ? reading.seen : parseLsn(seen) },
    );
    return writes.map((write) => ({
      kind: 'offered', table: write.table, key: write.key, keyText: write.keyText, write,
      offer: { id: text('id') ?? '', truth: truth === 'service' ? 'service' : 'monolith', ...(version === undefined ? {} : { version }) },
    }));
  }

  /** The same object for the same columns: what is made of it is kept with it. */
  #relation(table: string, columns: readonly string[], key: readonly string[]): Relation {
    const name = JSON.stringify([table, columns, key]);
    let relation = this.#relations.get(name);
    if (!relation) {
      relation = {
        table: parseTableName(table), replicaIdentity: 'default',
        columns: columns.map((column) => ({ name: column, identity: key.includes(column), typeId: 0 })),
      };
      this.#relations.set(name, relation);
    }
    return relation;
  }
}
