import { parseTableName, quoteIdentifier, quoteLiteral, quoteTable, tableName, type TableName } from '../../../model/names.ts';
import type { Grant, Schema } from '../../../model/schema.ts';
import { roleText } from './compare-policies.ts';
import { displayName, PHASES, type MakingWay, type Pair } from './differences.ts';
import { guarded, hasColumn, regclass } from './sql-text.ts';

/**
 * Privileges on tables, views, columns, sequences and schemas; compared only where both sides speak of them.
 * `rebuilt`: views that are dropped and made again, whose privileges go with them.
 */
export function compareGrants({ before, after, differences }: Pair, rebuilt: MakingWay<TableName>): void {
  if (before.grants === undefined || after.grants === undefined) return;
  const goes = (way: keyof typeof rebuilt) => ({ on, name }: Grant): boolean => on === 'table' && rebuilt[way].has(parseTableName(name));
  const [againThere, again] = [goes('there'), goes('back')];
  const there = isThereIn(after);
  const made = isMadeAnew(before, after);
  const [old, fresh] = [new Map(before.grants.map((grant) => [keyOf(grant), grant])), new Map(after.grants.map((grant) => [keyOf(grant), grant]))];
  const gone = [...old.values()].filter((grant) => !fresh.has(keyOf(grant)));
  const come = [...fresh.values()].filter((grant) => !old.has(keyOf(grant)));
  for (const group of grouped(gone.filter(there))) find('privilege-revoked', group);
  for (const group of grouped(come)) find('privilege-granted', group);
  // Of what goes, or makes way for a while, they have to be given again on the way back, when it is there.
  for (const group of grouped([...old.values()].filter((grant) => again(grant) || made(grant) || !there(grant)))) {
    differences.step({ phase: PHASES.dropView - 1, about: [group.name], description: `Take away ${titleOf(group)}, which goes with it`, forward: `-- They go with ${shown(group)}.`, back: group.grants.map(grantSql).join('\n'), holds: 'true' });
  }
  for (const group of grouped(gone.filter((grant) => !againThere(grant) && there(grant)))) {
    differences.step({ phase: PHASES.grant, about: [group.name], description: `Revoke ${titleOf(group)}`, forward: revokeSql(group, after.grants), back: group.grants.map(grantSql).join('\n'), holds: 'true' });
  }
  for (const group of grouped([...fresh.values()].filter((grant) => againThere(grant) || made(grant) || !old.has(keyOf(grant))))) {
    differences.step({ phase: PHASES.grant + 0.5, about: [group.name], description: `Grant ${titleOf(group)}`, forward: group.grants.map(grantSql).join('\n'), back: group.grants.some(again) ? `-- They go with ${shown(group)}.` : revokeSql(group, before.grants), holds: 'true' });
  }

  function find(rule: string, group: Group): void {
    const value = group.grants.map(({ privilege, column, grantable }) => `${privilege}${column === undefined ? '' : ` (${column})`}${grantable ? ' WITH GRANT OPTION' : ''}`);
    differences.find(rule, {
      field_path: `grants.${shown(group)}.${group.grantee}`, ...(rule === 'privilege-revoked' ? { old_value: value } : { new_value: value }), affected_operations: [...new Set(group.grants.map(({ privilege }) => privilege))],
      description: `${group.grantee === 'public' ? 'Everybody' : `The role ${group.grantee}`} ${rule === 'privilege-revoked' ? 'has no longer' : 'has'} ${value.join(', ')} on ${group.on} ${shown(group)}.`,
    });
  }
}

interface Group extends Pick<Grant, 'on' | 'name' | 'grantee'> {
  readonly grants: readonly Grant[];
}

/** Those on one thing to one role together. */
function grouped(grants: readonly Grant[]): Group[] {
  const groups = new Map<string, Grant[]>();
  for (const grant of grants) {
    const key = [grant.on, grant.name, grant.grantee].join('\0');
    groups.set(key, [...(groups.get(key) ?? []), grant]);
  }
  return [...groups.values()].flatMap((all) => (all[0] ? [{ on: all[0].on, name: all[0].name, grantee: all[0].grantee, grants: all }] : []));
}

const keyOf = ({ on, name, column = '', grantee, privilege, grantable }: Grant): string => [on, name, column, grantee, privilege, grantable].join('\0');
const shown = ({ on, name }: Pick<Grant, 'on' | 'name'>): string => (on === 'schema' ? name : displayName(parseTableName(name)));
const titleOf = (group: Group): string => `${[...new Set(group.grants.map(({ privilege, column }) => `${privilege}${column === undefined ? '' : ` (${column})`}`))].join(', ')} on ${shown(group)} ${group.grantee === 'public' ? 'of everybody' : `of ${group.grantee}`}`;

/** Whether what a privilege is on is in the schema: a column takes its own along. */
function isThereIn({ tables, views, sequences }: Schema): (grant: Grant) => boolean {
  const objects = new Set<string>([...tables.map(({ name }) => name), ...views.map(({ name }) => name), ...sequences.map(({ schema, name }) => tableName(schema, name))]);
  const columns = new Map<string, readonly string[]>([...tables.map(({ name, columns: all }) => [name, all.map((column) => column.name)] as const), ...views.map(({ name, columns: all }) => [name, all] as const)]);
  return ({ on, name, column }) => on === 'schema' || (objects.has(name) && (column === undefined || columns.get(name)?.includes(column) === true));
}

/** Whether it is on a computed column, which may be dropped and made again. */
function isMadeAnew(...schemas: readonly Schema[]): (grant: Grant) => boolean {
  return ({ name, column }) => column !== undefined && schemas.some(({ tables }) => tables.find((table) => table.name === name)?.columns.some((each) => each.name === column && each.generated !== undefined) === true);
}

const objectSql = ({ on, name }: Pick<Grant, 'on' | 'name'>): string => `${on.toUpperCase()} ${on === 'schema' ? quoteIdentifier(name) : quoteTable(parseTableName(name))}`;
const privilegeSql = ({ privilege, column }: Grant): string => `${privilege}${column === undefined ? '' : ` (${quoteIdentifier(column)})`}`;
const grantSql = (grant: Grant): string => `GRANT ${privilegeSql(grant)} ON ${objectSql(grant)} TO ${roleText(grant.grantee)}${grant.grantable ? ' WITH GRANT OPTION' : ''};`;

/** Where the thing, its column and the role are there still. Revoked from the whole, a privilege goes from its columns too: those of `wanted` are given again. */
function revokeSql({ on, name, grantee, grants }: Group, wanted: readonly Grant[]): string {
  const object = on === 'schema' ? `to_regnamespace(${quoteLiteral(quoteIdentifier(name))}) IS NOT NULL` : `${regclass(parseTableName(name))} IS NOT NULL`;
  const role = grantee === 'public' ? '' : ` AND EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(grantee)})`;
  const revoke = (grant: Grant): string => `REVOKE ${privilegeSql(grant)} ON ${objectSql(grant)} FROM ${roleText(grantee)}`;
  const whole = grants.filter(({ column }) => column === undefined);
  const kept = wanted.filter((grant) => grant.column !== undefined && grant.on === on && grant.name === name && grant.grantee === grantee && whole.some(({ privilege }) => privilege === grant.privilege));
  return [
    ...(whole.length === 0 ? [] : [guarded(`${object}${role}`, ...whole.map(revoke))]),
    ...grants.flatMap((grant) => (grant.column === undefined ? [] : [guarded(`${hasColumn(parseTableName(name), grant.column)}${role}`, revoke(grant))])),
    ...kept.flatMap((grant) => (grant.column === undefined ? [] : [guarded(`${hasColumn(parseTableName(name), grant.column)}${role}`, grantSql(grant))])),
  ].join('\n');
}
