import { quoteIdentifier, quoteTable, type TableName } from '../../../../model/names.ts';
import type { ForeignKey, Key } from '../../../../model/schema.ts';
import { isValid } from '../conditions.ts';
import { createIndex, dropIndex, foreignKeySql, keyIndex } from '../definitions.ts';
import { displayName } from '../differences.ts';
import { addConstraint, hasConstraint, hasRelation, validateConstraint, waiting } from '../sql-text.ts';
import { onlyBack, type Draft } from './draft.ts';
import { schemaOf, titleOf, type FittingColumn, type FittingGroup, type FittingTable } from './fitting-columns.ts';
import { checkAt, foreignKeyAt, indexAt, isOver, keyAt, nameAt } from './station.ts';

const concurrently = { concurrently: true };
export const isUnproven = ({ definition }: { readonly definition: string }): boolean => /\sNOT VALID\s*$/i.test(definition);
export const proven = (definition: string): string => definition.replace(/\s+NOT VALID\s*$/i, '');
export const notNullCheck = ({ old }: FittingColumn): string => `banyan_not_null_of_${old.name}`.slice(0, 63);
export const dropRule = (table: TableName, name: string): string => `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)}`;

/** Adds a key on an index that is there. */
export function onIndex(key: Key, index: string): string {
  const kind = /^\s*PRIMARY/i.test(key.definition) ? 'PRIMARY KEY' : 'UNIQUE';
  return `${kind} USING INDEX ${quoteIdentifier(index)}${key.deferrable ? ' DEFERRABLE' : ''}${/INITIALLY DEFERRED/i.test(key.definition) ? ' INITIALLY DEFERRED' : ''}`;
}

/** What stands on the old columns is built on the new ones, beside the writers. */
export function carriedRules(group: FittingGroup): Draft[] {
  const over = isOver(group);
  return [...group.tables.flatMap((each) => [...indexes(each, over), ...notNulls(each, over), ...checks(each, over)]), ...foreignKeys(group, over), ...group.tables.flatMap((each) => keptKey(each, over))];
}

function indexes(each: FittingTable, over: string): Draft[] {
  const { table: { name: table } } = each;
  const on = each.columns.map((member) => nameAt(member, 'building')).join(' and ');
  const build = (name: string, sql: string, shown: string): Draft => ({
    description: `Build ${shown} anew on ${on}`, forward: sql, back: dropIndex(table, { name }, concurrently), holds: `${over} OR ${hasRelation(schemaOf(each), name)}`, transactional: false,
  });
  const keys = [...each.uniques, ...(each.primary ? [each.primary] : [])];
  return [
    ...each.indexes.map((index) => build(`banyan_new_${index.name}`, createIndex(table, indexAt(each, index, 'building'), concurrently), `index ${index.name}`)),
    ...keys.map((key) => build(`banyan_new_${key.name}`, keyIndex(table, keyAt(each, key, 'building')) ?? '', `the index of ${key.name}`)),
  ];
}

function notNulls({ columns }: FittingTable, over: string): Draft[] {
  return columns.filter(({ old }) => !old.nullable).flatMap((member): Draft[] => {
    const { table: { name: table } } = member;
    const [fresh, check, title] = [nameAt(member, 'building'), notNullCheck(member), titleOf(member)];
    return [
      { description: `Refuse new nulls in ${fresh} of ${title}`, forward: waiting(addConstraint(table, check, `CHECK (${quoteIdentifier(fresh)} IS NOT NULL) NOT VALID`)), back: waiting(dropRule(table, check)), holds: `${over} OR ${hasConstraint(table, check)}` },
      { description: `Look for nulls in ${fresh} of ${title}`, forward: waiting(`ALTER TABLE ${quoteTable(table)} VALIDATE CONSTRAINT ${quoteIdentifier(check)}`), holds: `${over} OR ${isValid(table, check)}` },
    ];
  });
}

function checks(each: FittingTable, over: string): Draft[] {
  const { table: { name: table } } = each;
  return each.checks.flatMap((check): Draft[] => {
    const { name, definition } = checkAt(each, check, 'building');
    const title = `${check.name} of ${displayName(table)}`;
    return [
      { description: `Add the check ${title} to the new columns`, forward: waiting(addConstraint(table, name, `${proven(definition)} NOT VALID`)), back: waiting(dropRule(table, name)), holds: `${over} OR ${hasConstraint(table, name)}` },
      ...(isUnproven(check) ? [] : [{ description: `Validate the check ${title} on the new columns`, forward: waiting(validateConstraint(table, name)), holds: `${over} OR ${isValid(table, name)}` }]),
    ];
  });
}

export const addForeignKey = (table: TableName, key: ForeignKey): string => addConstraint(table, key.name, `${foreignKeySql(key)} NOT VALID`);

function foreignKeys(group: FittingGroup, over: string): Draft[] {
  return group.foreignKeys.flatMap(({ table, key }): Draft[] => {
    const fresh = foreignKeyAt(group, table, key, 'building');
    const title = `${key.name} of ${displayName(table)}`;
    return [
      { description: `Add the foreign key ${title} to the new columns`, forward: waiting(addForeignKey(table, fresh)), back: waiting(dropRule(table, fresh.name)), holds: `${over} OR ${hasConstraint(table, fresh.name)}` },
      ...(isUnproven(key) ? [] : [
        { description: `Validate the foreign key ${title} on the new columns`, forward: waiting(validateConstraint(table, fresh.name)), holds: `${over} OR ${isValid(table, fresh.name)}` },
        onlyBack(`validate the foreign key ${title}`, waiting(validateConstraint(table, key.name))),
      ]),
    ];
  });
}

/** The server drops a primary key with its index: for the way back there is another one on the old columns. */
function keptKey(each: FittingTable, over: string): Draft[] {
  const { table: { name: table }, primary } = each;
  if (!primary) return [];
  const name = `banyan_old_${primary.name}`;
  return [{
    description: `Build an index of ${primary.name} on the old columns for the way back`, forward: keyIndex(table, { ...primary, name }) ?? '', back: dropIndex(table, { name }, concurrently),
    holds: `${over} OR ${hasRelation(schemaOf(each), name)}`, transactional: false,
  }];
}
