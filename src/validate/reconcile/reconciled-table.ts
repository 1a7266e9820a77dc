import { isBanyanError, messageOf } from '../../core/errors.ts';
import { UNCHANGED, type Value } from '../../model/change.ts';
import type { NamedRow } from '../../model/conflict.ts';
import type { TableName } from '../../model/names.ts';
import type { Side } from '../../model/side.ts';
import type { TableMapping } from '../../model/table-mapping.ts';
import { rowTranslator } from '../../model/translate-row.ts';
import type { Selection } from '../../ports/checksummer.ts';
import type { RepairableTable } from '../../ports/row-repairer.ts';
import type { TablePair } from '../pair.ts';
import type { TablePolicy } from './policy.ts';

/** One table on both sides, and how rows of one become rows of the other. */
export interface ReconciledTable {
  /** The monolith's name. */
  readonly table: TableName;
  readonly pair: TablePair;
  readonly policy: TablePolicy;
  /** Whether rows of it may be deleted. */
  readonly deletes: boolean;
  readonly columns: Readonly<Record<Side, readonly string[]>>;
  readonly references: Readonly<Record<Side, readonly TableName[]>>;
  readonly names: Readonly<Record<Side, TableName>>;
  /** The columns of which an update sets those that differ; absent: all that the mapping knows. A new row has all of them. */
  readonly compared: Readonly<Record<Side, ReadonlySet<string>>> | undefined;
  /** The side to which nothing is written, where there is one. */
  readonly closed: Side | undefined;
  /** A row of the other side in this side's words, or why there is no such row. */
  readonly translate: (to: Side, row: NamedRow) => NamedRow | string;
}

/** How a side reads the table. The monolith is the source of the comparison. */
export const selectionOf = ({ pair }: Pick<ReconciledTable, 'pair'>, side: Side): Selection => (side === 'monolith' ? pair.source : pair.target);

/**
 * Joins what both sides know of a table.
 * @param options.mapping how the rows belong together. Default: the compared columns, and others of the same name.
 * @param options.noWayBack why nothing of it is written; absent: it is.
 */
export function reconciledTable(options: {
  readonly pair: TablePair;
  readonly policy: TablePolicy;
  readonly deletes: boolean;
  readonly sides: Readonly<Record<Side, RepairableTable>>;
  readonly mapping?: TableMapping;
  readonly noWayBack?: string;
  readonly closed?: Side | undefined;
}): ReconciledTable {
  const { pair, sides, noWayBack } = options;
  const columns = { monolith: sides.monolith.columns, service: sides.service.columns };
  const mapping = options.mapping ?? mappingOf(pair, columns);
  const key = pair.columns.slice(0, pair.keyLength);
  const translators = {
    monolith: rowTranslator({ mapping, to: 'monolith', from: columns.service, into: columns.monolith, key: key.map(({ source }) => source) }),
    service: rowTranslator({ mapping, to: 'service', from: columns.monolith, into: columns.service, key: key.map(({ target }) => target) }),
  };
  const missing = (to: Side): string | undefined => {
    if (noWayBack !== undefined) return noWayBack;
    return to === 'monolith' && mapping.functions && !mapping.functions.toMonolith ? "the table's module has no toMonolith" : undefined;
  };
  return {
    table: pair.table, pair, policy: options.policy, deletes: options.deletes, closed: options.closed, columns,
    references: { monolith: sides.monolith.references, service: sides.service.references },
    names: { monolith: pair.table, service: pair.targetTable },
    // What a module makes of other columns, no comparison tells.
    compared: mapping.functions ? undefined : { monolith: new Set(pair.columns.map(({ source }) => source)), service: new Set(pair.columns.map(({ target }) => target)) },
    translate: (to, row) => {
      const none = missing(to);
      if (none !== undefined) return none;
      const from = columns[to === 'monolith' ? 'service' : 'monolith'];
      try {
        const cells = translators[to].row(from.map((name): Value => row[name] ?? null));
        return Object.fromEntries(columns[to].flatMap((name, i): [string, Value][] => {
          const cell = cells[i];
          return cell === UNCHANGED || cell === undefined ? [] : [[name, cell]];
        }));
      } catch (error) {
        if (isBanyanError(error, 'BANYAN_TRANSFORM')) return messageOf(error);
        throw error;
      }
    },
  };
}

function mappingOf({ table, targetTable, columns }: TablePair, sides: ReconciledTable['columns']): TableMapping {
  const paired = columns.map(({ source, target, values }) => ({ monolith: source, service: target, ...(values ? { values } : {}) }));
  const free = sides.monolith.filter((name) => sides.service.includes(name) && !paired.some(({ monolith, service }) => monolith === name || service === name));
  return { monolith: table, service: targetTable, columns: [...paired, ...free.map((name) => ({ monolith: name, service: name }))] };
}
