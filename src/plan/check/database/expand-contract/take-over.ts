import { quoteIdentifier, quoteTable } from '../../../../model/names.ts';
import type { Policy } from '../../../../model/schema.ts';
import { commentOn, replicaIdentity } from '../definitions.ts';
import { waiting } from '../sql-text.ts';
import { addForeignKey, dropRule, notNullCheck, onIndex } from './carried-rules.ts';
import type { Draft } from './draft.ts';
import { isRename, schemaOf, titleOf, type FittingColumn, type FittingGroup, type FittingTable } from './fitting-columns.ts';
import { keepFunction, keepingName, keptName } from './keep-in-step.ts';
import { moveNumbers } from './numbers.ts';
import { building, isOver, nameAt, taken, textAt, type Station } from './station.ts';

/** Sooner than the server looks for a deadlock, so that whoever meets the taking over is not the one who is given up. */
const SOON = "SET lock_timeout = '500ms';";

/** One short transaction, in which no row is read. */
export function takeOver(group: FittingGroup): Draft {
  const members = group.tables.flatMap(({ columns }) => columns);
  const [names, titles] = [members.map(({ fresh }) => fresh.name).join(', '), members.map(titleOf).join(', ')];
  const alone = members.length === 1;
  return {
    description: alone ? `Let ${names} of the new kind take over from ${titles}` : `Let the new columns take over from ${titles}`,
    forward: waiting(SOON, ...forward(group)), back: waiting(SOON, ...back(group)), holds: isOver(group),
  };
}

// Whoever refers goes first: a foreign key that is dropped locks its own table, then the other.
function forward(group: FittingGroup): string[] {
  return [
    ...group.foreignKeys.map(({ table, key }) => dropRule(table, key.name)),
    ...group.tables.flatMap((each) => [...keyOver(each), ...each.columns.flatMap(columnOver), ...rulesOver(each)]),
    ...group.foreignKeys.map(({ table, key }) => renameRule(table, `banyan_new_${key.name}`, key.name)),
    ...group.tables.flatMap((each) => [...identityOf(each), ...keptInStep(each, 'over')]),
  ];
}

function back(group: FittingGroup): string[] {
  return [
    ...group.foreignKeys.map(({ table, key }) => dropRule(table, key.name)),
    ...group.tables.flatMap((each) => [...rulesBack(each), ...each.columns.flatMap(columnBack)]),
    ...group.foreignKeys.map(({ table, key }) => addForeignKey(table, key)),
    ...group.tables.flatMap((each) => [...identityOf(each), ...keptInStep(each, 'building')]),
  ];
}

const alter = ({ table: { name } }: Pick<FittingColumn, 'table'>): string => `ALTER TABLE ${quoteTable(name)}`;
const alterColumn = (member: FittingColumn, name: string, what: string): string => `${alter(member)} ALTER COLUMN ${quoteIdentifier(name)} ${what}`;
const rename = (member: FittingColumn, from: string, to: string): string[] => (from === to ? [] : [`${alter(member)} RENAME COLUMN ${quoteIdentifier(from)} TO ${quoteIdentifier(to)}`]);
const renameRule = (table: FittingTable['table']['name'], from: string, to: string): string => `ALTER TABLE ${quoteTable(table)} RENAME CONSTRAINT ${quoteIdentifier(from)} TO ${quoteIdentifier(to)}`;
const renameIndex = (each: FittingTable, from: string, to: string): string => `ALTER INDEX ${quoteIdentifier(schemaOf(each))}.${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`;

/** Of a renamed column default and numbers stay with the old name, which is still written, until that goes. */
const keepsDefault = (member: FittingColumn): boolean => isRename(member);

function columnOver(member: FittingColumn): string[] {
  const { old, fresh, sequence, table: { name: table } } = member;
  const was = nameAt(member, 'left');
  const is = nameAt(member, 'building');
  return [
    ...rename(member, old.name, was), ...rename(member, is, fresh.name),
    ...(old.default === undefined || keepsDefault(member) ? [] : [alterColumn(member, was, 'DROP DEFAULT'), ...(fresh.default === undefined ? [] : [alterColumn(member, fresh.name, `SET DEFAULT ${fresh.default}`)])]),
    ...(sequence === undefined || keepsDefault(member) ? [] : [moveNumbers({ table, sequence, identity: old.identity, from: was, to: fresh.name, type: fresh.type })]),
    ...commentOf(member, fresh.name),
  ];
}

function columnBack(member: FittingColumn): string[] {
  const { old, fresh, sequence, table: { name: table } } = member;
  const was = nameAt(member, 'left');
  return [
    ...(sequence === undefined || keepsDefault(member) ? [] : [moveNumbers({ table, sequence, identity: old.identity, from: fresh.name, to: was, type: old.type })]),
    ...(old.nullable ? [] : [alterColumn(member, fresh.name, 'DROP NOT NULL')]),
    ...(old.default === undefined || keepsDefault(member) ? [] : [alterColumn(member, fresh.name, 'DROP DEFAULT'), alterColumn(member, was, `SET DEFAULT ${old.default}`)]),
    ...rename(member, fresh.name, nameAt(member, 'building')), ...rename(member, was, old.name), ...commentOf(member, old.name),
  ];
}

function commentOf({ table: { name: table }, old }: FittingColumn, name: string): string[] {
  return old.comment === undefined ? [] : [commentOn(`COLUMN ${quoteTable(table)}.${quoteIdentifier(name)}`, old.comment)];
}

/** What was proved of the new columns is believed under the names that they had then. */
function keyOver(each: FittingTable): string[] {
  const { table: { name: table }, primary } = each;
  return [
    ...each.columns.filter(({ old }) => !old.nullable).flatMap((member) => [alterColumn(member, nameAt(member, 'building'), 'SET NOT NULL'), dropRule(table, notNullCheck(member))]),
    ...(primary ? [dropRule(table, primary.name), `${alter(each)} ADD CONSTRAINT ${quoteIdentifier(primary.name)} ${onIndex(primary, `banyan_new_${primary.name}`)}`] : []),
  ];
}

function rulesOver(each: FittingTable): string[] {
  const { table: { name: table } } = each;
  const add = (name: string, definition: string): string => `${alter(each)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`;
  return [
    ...each.indexes.flatMap(({ name }) => [renameIndex(each, name, `banyan_old_${name}`), renameIndex(each, `banyan_new_${name}`, name)]),
    ...each.uniques.flatMap((key) => [renameRule(table, key.name, `banyan_old_${key.name}`), add(key.name, onIndex(key, `banyan_new_${key.name}`))]),
    ...each.checks.flatMap(({ name }) => [renameRule(table, name, `banyan_old_${name}`), renameRule(table, `banyan_new_${name}`, name)]),
    ...each.policies.map((policy) => alterPolicy(each, policy, 'over')),
  ];
}

function rulesBack(each: FittingTable): string[] {
  const { table: { name: table }, primary } = each;
  const add = (name: string, definition: string): string => `${alter(each)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`;
  return [
    ...each.policies.map((policy) => alterPolicy(each, policy, 'left')),
    ...each.checks.flatMap(({ name }) => [renameRule(table, name, `banyan_new_${name}`), renameRule(table, `banyan_old_${name}`, name)]),
    ...(primary ? [dropRule(table, primary.name), add(primary.name, onIndex(primary, `banyan_old_${primary.name}`))] : []),
    ...each.uniques.flatMap((key) => [dropRule(table, key.name), renameRule(table, `banyan_old_${key.name}`, key.name)]),
    ...each.indexes.flatMap(({ name }) => [renameIndex(each, name, `banyan_new_${name}`), renameIndex(each, `banyan_old_${name}`, name)]),
  ];
}

function alterPolicy({ table: { name: table }, columns }: FittingTable, { name, using, check }: Policy, station: Station): string {
  const text = (sql: string | undefined, what: string): string => (sql === undefined ? '' : ` ${what} (${textAt(columns, sql, station)})`);
  return `ALTER POLICY ${quoteIdentifier(name)} ON ${quoteTable(table)}${text(using, 'USING')}${text(check, 'WITH CHECK')}`;
}

/** Where the log names rows by an index that has another now. */
function identityOf({ table, indexes, uniques, primary }: FittingTable): string[] {
  return [...indexes, ...uniques, ...(primary ? [primary] : [])].some(({ name }) => table.replicaIdentity === 'index' && name === table.replicaIdentityIndex) ? [replicaIdentity(table)] : [];
}

function keptInStep({ columns }: FittingTable, station: 'building' | 'over'): string[] {
  return columns.flatMap((member) => {
    const { table: { name: table }, old } = member;
    const names = [keepingName(old.name), keptName(old.name)];
    const [from = '', to = ''] = station === 'over' ? names : names.toReversed();
    return [keepFunction(station === 'over' ? taken(member) : building(member), old.name), `ALTER TRIGGER ${quoteIdentifier(from)} ON ${quoteTable(table)} RENAME TO ${quoteIdentifier(to)}`];
  });
}
