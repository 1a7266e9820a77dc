import type { SyncConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { RowRepairer } from '../ports/row-repairer.ts';
import type { AskStrategy } from '../validate/reconcile/policy.ts';
import { buildResolver } from './build-sync.ts';

/** Strategies that never ask when a row was written. */
const TIMELESS = new Set(['prefer-monolith', 'prefer-service', 'latest-by-column']);

/**
 * The conflict strategies of `sync`, for rows that differ though nobody's write met another's. What a strategy would
 * have to know and nothing tells (when a row was deleted, when a row was committed) leaves the row to a person.
 */
export async function askStrategy({ sync, clock, repairer }: { readonly sync: SyncConfig; readonly clock: Clock; readonly repairer: RowRepairer }): Promise<AskStrategy> {
  const resolver = await buildResolver(sync, clock);
  return async (table, key, { monolith, service }) => {
    const { strategy } = resolver.choiceOf(table);
    const absent = monolith.row === null || service.row === null;
    if (absent && strategy !== 'prefer-monolith' && strategy !== 'prefer-service') return `${strategy} does not know when the row was deleted`;
    if (!TIMELESS.has(strategy) && (monolith.committedAt === undefined || service.committedAt === undefined)) return `${strategy} needs to know when both rows were committed`;
    const change = ({ row, committedAt = 0n }: typeof monolith) => ({ table, key, row, committedAt });
    return resolver.resolve(change(monolith), change(service), {
      compare: async (_change, column, a, b) => (await repairer.compare(table, column, [[a, b]]))[0] ?? 0,
    });
  };
}
