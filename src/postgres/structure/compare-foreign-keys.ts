import { quoteIdentifier, quoteTable } from '../../model/names.ts';
import type { ForeignKey } from '../../model/schema.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { addConstraint } from '../provision/statements.ts';
import { isNotValid, validate } from './compare-checks.ts';
import { matchRules } from './rules.ts';
import { finding, type TableContext } from './table-context.ts';

/** Foreign keys between tables that both sides have; one to a table that stays behind is absent by intention. Pure. */
export function compareForeignKeys(context: TableContext): readonly SchemaFinding[] {
  const { expected, actual, excluded, comparable, sourceName, alike } = context;
  const rules = (keys: readonly ForeignKey[]) =>
    keys
      .filter((key) => comparable(key.references) && !key.columns.some((name) => excluded.has(name)))
      .map((key) => ({ ...key, signature: JSON.stringify([key.references, pairsOf(key), /PERIOD/.test(key.definition)]) }));
  const { same, changed, missing, extra } = matchRules(rules(expected.foreignKeys), rules(actual.foreignKeys));
  const object = (key: ForeignKey): string => `foreign key ${key.name} of ${actual.name}`;
  const add = (key: ForeignKey): string => addConstraint(actual.name, 'foreign key', key).sql;
  const drop = (key: ForeignKey): string => `ALTER TABLE ${quoteTable(actual.name)} DROP CONSTRAINT ${quoteIdentifier(key.name)}`;
  return [
    ...same.flatMap(({ mine, theirs }): SchemaFinding[] => {
      const parts = { object: object(theirs), source: mine.definition, target: theirs.definition };
      if (behaviour(mine) !== behaviour(theirs)) return [finding('foreign_key_changed', { ...parts, sql: [drop(theirs), add(mine)] })];
      if (isNotValid(mine.definition) === isNotValid(theirs.definition)) return [];
      if (!isNotValid(mine.definition)) return [finding('foreign_key_not_valid', { ...parts, sql: [validate(actual.name, theirs.name)] })];
      return [finding('foreign_key_not_valid', { ...parts, on: 'source', sql: alike ? [validate(sourceName, mine.name)] : [] })];
    }),
    ...changed.map(({ mine, theirs }) => finding('foreign_key_changed', { object: object(mine), source: mine.definition, target: theirs.definition, sql: [drop(theirs), add(mine)] })),
    ...missing.map((key) => finding('foreign_key_missing', { object: object(key), source: key.definition, target: null, sql: [add(key)] })),
    ...extra.map((key) => finding('foreign_key_extra', { object: object(key), source: null, target: key.definition, on: 'source', sql: alike ? [addConstraint(sourceName, 'foreign key', key).sql] : [] })),
  ];
}

const pairsOf = (key: ForeignKey): readonly string[] => key.columns.map((name, i) => JSON.stringify([name, key.referencedColumns[i]])).sort();

/** What it does, and when. */
function behaviour({ onDelete, onUpdate, definition }: ForeignKey): string {
  const columns = / ON DELETE SET (?:NULL|DEFAULT) (\([^)]*\))/.exec(definition)?.[1];
  return JSON.stringify([onDelete, onUpdate, columns, / DEFERRABLE(?: INITIALLY DEFERRED)?/.exec(definition)?.[0], definition.includes(' MATCH FULL')]);
}
