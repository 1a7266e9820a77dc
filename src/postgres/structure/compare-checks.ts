import { quoteIdentifier, quoteTable, type TableName } from '../../model/names.ts';
import type { Check, Table } from '../../model/schema.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { addConstraint } from '../provision/statements.ts';
import { matchRules } from './rules.ts';
import { finding, type TableContext } from './table-context.ts';

/** Checks and exclusions of one table. Pure. */
export function compareChecks(context: TableContext): readonly SchemaFinding[] {
  return [...compare('check', context, (table) => table.checks), ...compare('exclusion', context, (table) => table.exclusions ?? [])];
}

const NOT_VALID = / NOT VALID$/;
export const isNotValid = (definition: string): boolean => NOT_VALID.test(definition);
export const withoutValidity = (definition: string): string => definition.replace(NOT_VALID, '');

/** What makes both sides' rules hold for the rows that were there before them. */
export const validate = (table: TableName, name: string): string => `ALTER TABLE ${quoteTable(table)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`;

function compare(kind: 'check' | 'exclusion', context: TableContext, of: (table: Table) => readonly Check[]): readonly SchemaFinding[] {
  const { expected, actual, reshaped, alike, sourceName } = context;
  // What a rule over other names or values would say, nobody knows: provisioning makes none.
  if (reshaped) return [];
  const rules = (table: Table) => of(table).map((check) => ({ ...check, signature: withoutValidity(check.definition) }));
  const { same, changed, missing, extra } = matchRules(rules(expected), rules(actual));
  const object = (check: Check): string => `${kind} ${check.name} of ${actual.name}`;
  const add = (check: Check): string => addConstraint(actual.name, kind, check).sql;
  const drop = (check: Check): string => `ALTER TABLE ${quoteTable(actual.name)} DROP CONSTRAINT ${quoteIdentifier(check.name)}`;
  return [
    ...same.flatMap(({ mine, theirs }): SchemaFinding[] => {
      if (isNotValid(mine.definition) === isNotValid(theirs.definition)) return [];
      const parts = { object: object(theirs), source: mine.definition, target: theirs.definition };
      if (!isNotValid(mine.definition)) return [finding('check_not_valid', { ...parts, sql: [validate(actual.name, theirs.name)] })];
      return [finding('check_not_valid', { ...parts, on: 'source', sql: alike ? [validate(sourceName, mine.name)] : [] })];
    }),
    ...changed.map(({ mine, theirs }) => finding(`${kind}_changed`, { object: object(mine), source: mine.definition, target: theirs.definition, sql: [drop(theirs), add(mine)] })),
    ...missing.map((check) => finding(`${kind}_missing`, { object: object(check), source: check.definition, target: null, sql: [add(check)] })),
    ...extra.map((check) => finding(`${kind}_extra`, { object: object(check), source: null, target: check.definition, sql: [drop(check)] })),
  ];
}
