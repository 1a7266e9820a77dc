import { quoteIdentifier, quoteLiteral, quoteTable } from '../../../../model/names.ts';
import type { Key } from '../../../../model/schema.ts';
import { columnSql, commentOn, createIndex, dropIndex, keyIndex, keySql } from '../definitions.ts';
import { addConstraint, guarded, hasColumn, hasConstraint, hasRelation, validateConstraint, waiting } from '../sql-text.ts';
import { backfill } from './backfill.ts';
import { dropRule, isUnproven, notNullCheck, onIndex, proven } from './carried-rules.ts';
import { NOTHING_THERE, onlyBack, type Draft } from './draft.ts';
import { isRename, schemaOf, titleOf, type FittingColumn, type FittingGroup, type FittingTable } from './fitting-columns.ts';
import { differing, dropKeeping, keepFunction, keepTriggers, keptName } from './keep-in-step.ts';
import { moveNumbers } from './numbers.ts';
import { bare, checkAt, indexAt, keyAt, nameAt, taken } from './station.ts';

const concurrently = { concurrently: true };

/** The old columns go with what stands on them; the way back builds them, before they may take over again. */
export function contracting({ tables }: FittingGroup): Draft[] {
  return [...tables.flatMap((each) => [...notNulls(each), ...checks(each), ...keys(each), ...indexes(each)]), ...tables.flatMap((each) => each.columns.map((member) => comparedOnceMore(each, member))), ...tables.flatMap(({ columns }) => columns.map(dropOld))];
}

function titlesOf({ columns }: FittingTable): string {
  return columns.map(titleOf).join(' and ');
}

function notNulls({ columns }: FittingTable): Draft[] {
  return columns.filter(({ old }) => !old.nullable).flatMap((member): Draft[] => {
    const { table: { name: table } } = member;
    const alter = `ALTER TABLE ${quoteTable(table)}`;
    const [name, was, title] = [notNullCheck(member), nameAt(member, 'left'), titleOf(member)];
    const check = quoteIdentifier(name);
    return [
      onlyBack(`make ${was} of ${title} NOT NULL`, waiting(`${alter} ALTER COLUMN ${quoteIdentifier(was)} SET NOT NULL`, `${alter} DROP CONSTRAINT IF EXISTS ${check}`, ...(member.old.identity === undefined ? [] : renamedNumbers(member, 'back')))),
      onlyBack(`look for nulls in ${was} of ${title}`, waiting(validateConstraint(table, name))),
      onlyBack(`refuse new nulls in ${was} of ${title}`, waiting(`${alter} DROP CONSTRAINT IF EXISTS ${check}`, `${alter} ADD CONSTRAINT ${check} CHECK (${quoteIdentifier(was)} IS NOT NULL) NOT VALID`)),
    ];
  });
}

function checks(each: FittingTable): Draft[] {
  const { table: { name: table } } = each;
  return each.checks.flatMap((check): Draft[] => {
    const { name, definition } = checkAt(each, check, 'left');
    const title = `${name} of ${titlesOf(each)}`;
    return [
      ...(isUnproven(check) ? [] : [onlyBack(`validate the check ${title}`, waiting(validateConstraint(table, name)))]),
      { description: `Drop the check ${title}`, forward: waiting(dropRule(table, name)), back: waiting(addConstraint(table, name, `${proven(definition)} NOT VALID`)), holds: `NOT ${hasConstraint(table, name)}` },
    ];
  });
}

function keys(each: FittingTable): Draft[] {
  const { table: { name: table }, primary } = each;
  const title = titlesOf(each);
  const build = (key: Key): string => keyIndex(table, key) ?? '';
  return [
    ...each.uniques.map((key) => keyAt(each, key, 'left')).flatMap((key): Draft[] => [
      { description: `Drop ${key.name} of ${title}`, forward: waiting(dropRule(table, key.name)), back: addUnique(each, key), holds: `NOT ${hasConstraint(table, key.name)}` },
      { ...onlyBack(`build the index of ${key.name}`, build(key)), transactional: false },
    ]),
    // Its index stands alone: there is one primary key only.
    ...(primary ? [keyAt(each, primary, 'left')] : []).map((key): Draft => ({
      description: `Drop index ${key.name} of ${title}`, forward: dropIndex(table, key, concurrently), back: build(key), holds: `NOT (${hasRelation(schemaOf(each), key.name)})`, transactional: false,
    })),
  ];
}

/** Where the scripts were broken off before its index went its own way, there is none to stand on. */
function addUnique(each: FittingTable, key: Key): string {
  const { table: { name: table } } = each;
  const add = (definition: string): string => `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(key.name)} ${definition}`;
  return waiting(guarded(`${hasRelation(schemaOf(each), key.name)} AND NOT ${hasConstraint(table, key.name)}`, add(onIndex(key, key.name))), guarded(`NOT ${hasConstraint(table, key.name)}`, add(keySql(key))));
}

function indexes(each: FittingTable): Draft[] {
  const { table: { name: table } } = each;
  return each.indexes.map((index) => indexAt(each, index, 'left')).map((index): Draft => ({
    description: `Drop index ${index.name} of ${titlesOf(each)}`, forward: dropIndex(table, index, concurrently), back: createIndex(table, index, concurrently), holds: `NOT (${hasRelation(schemaOf(each), index.name)})`, transactional: false,
  }));
}

function comparedOnceMore(each: FittingTable, member: FittingColumn): Draft {
  const twins = taken(member);
  return {
    description: `Compare both columns of ${titleOf(member)} once more`, forward: NOTHING_THERE, back: backfill(twins, keyAt(each, each.key, 'over'), 'old'),
    holds: none(differing(twins), `NOT ${hasColumn(twins.table, twins.old.name)}`), transactional: false,
  };
}

/** Whether a query gives no row; asked only where its columns are there, since a query that is no query yet can be in a text only. */
export function none(query: string, unless: string): string {
  return `CASE WHEN ${unless} THEN true ELSE query_to_xml(${quoteLiteral(`SELECT count(*) AS n FROM (${query} LIMIT 1) AS found`)}, false, true, '')::text LIKE '%<n>0</n>%' END`;
}

/** The numbers of a renamed column stay with its old name as long as that is there. */
function renamedNumbers(member: FittingColumn, way: 'there' | 'back'): string[] {
  const { table: { name: table }, old, fresh, sequence } = member;
  if (!isRename(member) || sequence === undefined) return [];
  const [from, to] = way === 'there' ? [old, fresh] : [fresh, old];
  return [moveNumbers({ table, sequence, identity: old.identity, from: from.name, to: to.name, type: to.type })];
}

function dropOld(member: FittingColumn): Draft {
  const { table: { name: table }, old, fresh } = member;
  const twins = taken(member);
  const was = twins.old.name;
  const alter = `ALTER TABLE ${quoteTable(table)}`;
  const column = (name: string, what: string): string => `${alter} ALTER COLUMN ${quoteIdentifier(name)} ${what}`;
  const moves = isRename(member) && old.default !== undefined;
  return {
    description: `Drop ${was}, the old column of ${titleOf(member)}`,
    forward: waiting(
      ...dropKeeping(table, old.name, keptName(old.name)), ...renamedNumbers(member, 'there'), `${alter} DROP COLUMN IF EXISTS ${quoteIdentifier(was)}`,
      ...(moves && fresh.default !== undefined ? [column(fresh.name, `SET DEFAULT ${fresh.default}`)] : []),
    ),
    back: waiting(
      `${alter} ADD COLUMN IF NOT EXISTS ${columnSql(bare(twins.old))}`, ...(moves ? [column(fresh.name, 'DROP DEFAULT'), column(old.name, `SET DEFAULT ${old.default}`)] : []),
      ...(old.identity === undefined ? renamedNumbers(member, 'back') : []),
      ...(isRename(member) && old.comment !== undefined ? [commentOn(`COLUMN ${quoteTable(table)}.${quoteIdentifier(old.name)}`, old.comment)] : []),
      keepFunction(twins, old.name), ...keepTriggers(twins, old.name, keptName(old.name)),
    ),
    holds: `NOT ${hasColumn(table, was)}`,
    loses: old.type === fresh.type ? 'nothing: the way back fills it from the new column' : `how ${titleOf(member)} spelled values before they were ${fresh.type}; the way back is refused while one is there that ${old.type} does not hold`,
  };
}
