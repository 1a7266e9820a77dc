import type { Config } from '../config/config.ts';
import { BanyanError } from '../core/errors.ts';
import { parseTableName } from '../model/names.ts';
import type { TableToValidate } from '../validate/pair.ts';
import type { Rule, TemporalRules } from '../validate/rules/rule.ts';
import type { ValidateOptions } from './application.ts';
import { boundsOf } from './validate-settings.ts';

type FileRule = Config['validate']['rules'][string];

/** The rules of one service as they were asked for. */
export interface ServiceRules {
  readonly rules: readonly Rule[];
  readonly tables: readonly TableToValidate[];
}

/**
 * The rules that this run checks, and its tables with the temporal rules that it checks. Business rules are
 * about more than a table: a run of chosen tables leaves them out, unless they are named.
 */
export function rulesToCheck(config: Config, service: string, tables: readonly TableToValidate[], options: Pick<ValidateOptions, 'tables' | 'rules'>): ServiceRules {
  const wanted = options.rules && new Set(options.rules);
  const business = wanted || !options.tables ? Object.entries(config.validate.rules) : [];
  return {
    rules: business.filter(([name, rule]) => serviceOf(config, rule) === service && (!wanted || wanted.has(name))).map(([name, rule]) => ruleOf(name, rule)),
    tables: tables.map((table) => {
      const temporal = wanted && !wanted.has(temporalName(table.table)) ? undefined : temporalOf(config, table.table);
      return temporal ? { ...table, temporal } : table;
    }),
  };
}

/** @throws BANYAN_USAGE if no such rule is configured, or none at all though only rules are wanted. */
export function refuseUnknownRules(config: Config, options: Pick<ValidateOptions, 'rules' | 'rulesOnly'>): void {
  const temporal = Object.entries(config.validate.tables).flatMap(([name, table]) => (table.temporal ? [temporalName(name)] : []));
  const known = [...Object.keys(config.validate.rules), ...temporal];
  const unknown = (options.rules ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0 || (options.rulesOnly === true && known.length === 0)) {
    const there = known.length === 0 ? 'none is configured' : `there are ${known.join(', ')}`;
    throw new BanyanError('BANYAN_USAGE', { message: unknown.length > 0 ? `There is no rule ${unknown.join(', ')}; ${there}.` : 'There is no rule to check: none is configured.' });
  }
}

/**
 * A run that checks less than it was asked to must not look like one that found nothing.
 * @throws BANYAN_USAGE if a named rule is of a table or service that was not chosen, or only rules are wanted and none is left.
 */
export function refuseRulesLeftOut(chosen: readonly ServiceRules[], options: Pick<ValidateOptions, 'rules' | 'rulesOnly'>): void {
  const checked = new Set(chosen.flatMap(({ rules, tables }) => [...rules.map(({ name }) => name), ...tables.flatMap(({ table, temporal }) => (temporal ? [temporalName(table)] : []))]));
  const left = (options.rules ?? []).filter((name) => !checked.has(name));
  if (left.length > 0) throw new BanyanError('BANYAN_USAGE', { message: `The tables and services that were chosen leave out the rule ${left.join(', ')}.` });
  if (options.rulesOnly === true && checked.size === 0) {
    throw new BanyanError('BANYAN_USAGE', { message: 'There is no rule to check: the tables that were chosen have none, and business rules beside chosen tables are checked only by name.' });
  }
}

const temporalName = (table: string): string => `temporal:${parseTableName(table)}`;

/** The checks of the configuration have made sure that a rule without `of` has one service to be of. */
function serviceOf(config: Config, rule: FileRule): string | undefined {
  return rule.of ?? [...config.services.keys()][0];
}

function ruleOf(name: string, rule: FileRule): Rule {
  const { monolith = '', service = '', sql, on, expect = 'none', group, tolerance, severity, timeoutMs } = rule;
  const shared = {
    name,
    ...(severity === undefined ? {} : { severity }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(tolerance === undefined ? {} : { tolerance: boundsOf(tolerance) }),
  };
  if (sql === undefined) return { ...shared, source: monolith, target: service, ...(group === undefined ? {} : { group }) };
  return { ...shared, sql, on: on === 'service' ? 'target' : 'source', expect: expect === 'none' ? expect : { value: String(expect) } };
}

function temporalOf(config: Config, table: string): TemporalRules | undefined {
  const name = parseTableName(table);
  const temporal = Object.entries(config.validate.tables).find(([key]) => parseTableName(key) === name)?.[1].temporal;
  if (!temporal) return undefined;
  const { notInFuture, ordered, clockToleranceMs, severity, timeoutMs } = temporal;
  return {
    ...(notInFuture === undefined ? {} : { notInFuture }),
    ...(ordered === undefined ? {} : { ordered: ordered.map(({ earlier, later, nulls }) => ({ earlier, later, ...(nulls === undefined ? {} : { nulls }) })) }),
    ...(clockToleranceMs === undefined ? {} : { clockToleranceMs }),
    ...(severity === undefined ? {} : { severity }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
