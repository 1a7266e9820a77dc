import type pg from 'pg';
import { BanyanError } from '../core/errors.ts';
import type { TableName } from '../model/names.ts';
import type { PrerequisiteCheck } from '../ports/prerequisites.ts';
import { strategyChecks, type StrategyNeeds } from '../postgres/doctor/strategy-checks.ts';
import { NEEDS_OLD_ROW } from '../sync/strategies.ts';

/** What the strategies of a service's tables ask of its databases. */
export interface StrategyQuestion {
  readonly pools: { readonly monolith: pg.Pool; readonly service: pg.Pool };
  readonly mode: string;
  readonly tables: readonly { readonly monolith: TableName; readonly service: TableName }[];
  /** Whether the service's changes carry the whole old row without being told to, as triggers do. */
  readonly oldRows?: boolean;
  readonly choiceOf: (table: TableName) => StrategyChoice;
}

export interface StrategyChoice {
  readonly strategy: string;
  readonly columns?: readonly string[];
  readonly column?: string;
}

/** One check for each thing that a strategy goes by. None for one-way sync, where no strategy is asked. */
export async function checkStrategies({ pools, mode, tables, choiceOf, oldRows = false }: StrategyQuestion): Promise<readonly PrerequisiteCheck[]> {
  if (mode !== 'bidirectional') return [];
  const needs = tables.map((table): StrategyNeeds => {
    const { strategy, columns, column } = choiceOf(table.monolith);
    return {
      monolith: table.monolith, service: table.service, strategy, oldRow: !oldRows && NEEDS_OLD_ROW.has(strategy),
      ...(columns ? { counters: columns } : {}), ...(column === undefined ? {} : { ordered: column }),
    };
  });
  return strategyChecks({ ...pools, needs });
}

/** @throws BANYAN_STRATEGY for the first that does not hold. `where` says what was asked: a file and key, or a call. */
export async function demandStrategies(question: StrategyQuestion, where: (table: string) => string): Promise<void> {
  const failed = (await checkStrategies(question)).find((check) => !check.ok);
  if (!failed) return;
  const table = failed.id.slice(0, failed.id.indexOf('.strategy.'));
  throw new BanyanError('BANYAN_STRATEGY', {
    message: `${where(table)}: found ${failed.found}; expected ${failed.expected}.`, remedy: failed.remedy,
  });
}
