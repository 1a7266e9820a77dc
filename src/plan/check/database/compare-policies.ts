import { hasPolicy, isPolicy, isRelation } from './conditions.ts';
import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../../model/names.ts';
import type { Policy, Table } from '../../../model/schema.ts';
import { commonTables, displayName, onTheWayBack, PHASES, tablePath, turningColumns, type Pair, type Step } from './differences.ts';
import { columnsReached, type End } from './reached.ts';
import { butFor, canonical, goneOr, guarded, mentions, regclass, waiting } from './sql-text.ts';

/** Policies of row security, and whether it holds for owners. Of tables that come or go they come and go with them. */
export function comparePolicies(pair: Pair): void {
  const { before, after, differences } = pair;
  for (const tables of commonTables(pair)) {
    const { old, fresh } = tables;
    compareForced(pair, old, fresh);
    const path = (policy: Policy): string => `${tablePath(fresh.name)}.policies.${policy.name}`;
    const common = { affected_operations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] };
    const title = (policy: Policy): string => `The policy ${policy.name} of ${displayName(fresh.name)}`;
    const turning = turningColumns(pair, tables);
    const stuck = (policy: Policy, way: keyof typeof turning): boolean => [...turning[way]].some((column) => mentions(textOf(policy), column));
    // So, and with nothing left to change in its table: it is in nobody's way.
    const isAsAt = (end: End, policy: Policy): string => [isPolicy(fresh.name, policy), columnsReached(pair, [fresh.name], end) ?? 'true'].join(' AND ');
    for (const policy of old.policies ?? []) {
      const now = fresh.policies?.find(({ name }) => name === policy.name);
      const changed = now === undefined || textOf(now) !== textOf(policy);
      if (!now) differences.find(policy.permissive ? 'policy-removed' : 'restrictive-policy-removed', { ...common, field_path: path(policy), old_value: textOf(policy), description: `${title(policy)} is gone: ${textOf(policy)}.` });
      else if (changed) differences.find('policy-modified', { ...common, field_path: path(policy), old_value: textOf(policy), new_value: textOf(now), description: `${title(policy)} was ${textOf(policy)}, and is ${textOf(now)}.` });
      const steps = now ? [drop(fresh.name, policy, isAsAt('after', now)), make(fresh.name, now, isAsAt('before', policy))] : [drop(fresh.name, policy)];
      if (changed || stuck(policy, 'there')) differences.step(...steps);
      else if (stuck(policy, 'back')) differences.step(...steps.map(onTheWayBack));
    }
    for (const policy of fresh.policies ?? []) {
      if (old.policies?.some(({ name }) => name === policy.name)) continue;
      differences.find(policy.permissive ? 'policy-added' : 'restrictive-policy-added', { ...common, field_path: path(policy), new_value: textOf(policy), description: `${title(policy)} is new: ${textOf(policy)}.` });
      differences.step(make(fresh.name, policy));
    }
  }
  const lacks = (tables: readonly Table[], { name }: Table): boolean => !tables.some((table) => table.name === name);
  for (const table of before.tables.filter((each) => lacks(after.tables, each))) for (const policy of table.policies ?? []) differences.step(drop(table.name, policy));
  for (const table of after.tables.filter((each) => lacks(before.tables, each))) for (const policy of table.policies ?? []) differences.step(make(table.name, policy));
}

function textOf({ command, permissive, roles, using, check }: Policy): string {
  return [permissive ? 'PERMISSIVE' : 'RESTRICTIVE', `FOR ${command.toUpperCase()}`, `TO ${roles.map(roleText).toSorted().join(', ')}`, using === undefined ? '' : `USING (${canonical(using)})`, check === undefined ? '' : `WITH CHECK (${canonical(check)})`].filter((part) => part !== '').join(' ');
}

/** `public` is everybody. */
export const roleText = (role: string): string => (role === 'public' ? 'PUBLIC' : quoteIdentifier(role));

function createPolicy(table: TableName, { name, command, permissive, roles, using, check }: Policy): string {
  const there = `EXISTS (SELECT FROM pg_policy WHERE polrelid = ${regclass(table)} AND polname = ${quoteLiteral(name)})`;
  return waiting(guarded(`${regclass(table)} IS NOT NULL AND NOT ${there}`, `CREATE POLICY ${quoteIdentifier(name)} ON ${quoteTable(table)} AS ${permissive ? 'PERMISSIVE' : 'RESTRICTIVE'} FOR ${command.toUpperCase()} TO ${roles.map(roleText).join(', ')}${using === undefined ? '' : ` USING (${using})`}${check === undefined ? '' : ` WITH CHECK (${check})`}`));
}

const dropPolicy = (table: TableName, { name }: Policy, unless?: string): string => waiting(guarded(`${regclass(table)} IS NOT NULL${butFor(unless)}`, `DROP POLICY IF EXISTS ${quoteIdentifier(name)} ON ${quoteTable(table)}`));

function drop(table: TableName, policy: Policy, unless?: string): Step {
  return { phase: PHASES.dropTrigger, about: [table], description: `Drop policy ${policy.name} of ${displayName(table)}`, forward: dropPolicy(table, policy, unless), back: createPolicy(table, policy), holds: goneOr(`NOT ${hasPolicy(table, policy.name)}`, unless) };
}

function make(table: TableName, policy: Policy, unless?: string): Step {
  return { phase: PHASES.policy, about: [table], description: `Create policy ${policy.name} of ${displayName(table)}`, forward: createPolicy(table, policy), back: dropPolicy(table, policy, unless), holds: hasPolicy(table, policy.name) };
}

function compareForced({ differences }: Pair, old: Table, fresh: Table): void {
  const [was, is] = [old.rowSecurityForced ?? false, fresh.rowSecurityForced ?? false];
  if (was === is) return;
  differences.find(is ? 'row-security-forced' : 'row-security-unforced', { field_path: tablePath(fresh.name), old_value: was, new_value: is, affected_operations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], description: `Row security of ${displayName(fresh.name)} ${is ? 'holds for its owner too' : 'does not hold for its owner any more'}.` });
  const set = (forced: boolean): string => waiting(guarded(isRelation(fresh.name, `c.relforcerowsecurity <> ${forced}`), `ALTER TABLE ${quoteTable(fresh.name)} ${forced ? '' : 'NO '}FORCE ROW LEVEL SECURITY`));
  differences.step({ phase: PHASES.attribute, about: [fresh.name], description: `${is ? 'Force' : 'Do not force'} row security of ${displayName(fresh.name)}`, forward: set(is), back: set(was), holds: `(SELECT relforcerowsecurity FROM pg_class WHERE oid = ${regclass(fresh.name)}) = ${is}` });
}
