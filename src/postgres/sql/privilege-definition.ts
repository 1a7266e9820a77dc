import type { AlterPolicyStmt, CreatePolicyStmt, GrantStmt, Node } from 'libpg-query';
import { parseTableName, splitTableName } from '../../model/names.ts';
import type { Grant, Policy } from '../../model/schema.ts';
import { changeObjectGrants } from './object-privilege.ts';
import type { SchemaDraft } from './schema-draft.ts';
import { relationName, strings } from './syntax-tree.ts';
import { textInBrackets, type DefinitionContext } from './table-definition.ts';

const COMMANDS: readonly Policy['command'][] = ['all', 'select', 'insert', 'update', 'delete'];

/** CREATE POLICY. */
export function createPolicy(node: CreatePolicyStmt, context: DefinitionContext): void {
  const table = context.draft.tables.get(relationName(node.table, context.schema));
  if (!table) return;
  const policy: Policy = {
    name: node.policy_name ?? '', command: COMMANDS.find((command) => command === node.cmd_name) ?? 'all', permissive: node.permissive ?? false,
    roles: rolesOf(node.roles), ...expressionsOf(context.source.slice(0), node),
  };
  table.policies = [...(table.policies ?? []).filter(({ name }) => name !== policy.name), policy].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** ALTER POLICY: what it says anew. */
export function alterPolicy(node: AlterPolicyStmt, context: DefinitionContext): void {
  const table = context.draft.tables.get(relationName(node.table, context.schema));
  if (!table?.policies) return;
  table.policies = table.policies.map((policy) => (policy.name === node.policy_name ? { ...policy, ...(node.roles ? { roles: rolesOf(node.roles) } : {}), ...expressionsOf(context.source.slice(0), node) } : policy));
}

function expressionsOf(text: string, { qual, with_check: check }: Pick<CreatePolicyStmt, 'qual' | 'with_check'>): Pick<Policy, 'using' | 'check'> {
  // What stands in a string or a quoted name is no clause.
  const plain = text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, (quoted) => '_'.repeat(quoted.length));
  const after = (words: RegExp): string => textInBrackets(text.slice(plain.search(words)));
  return { ...(qual ? { using: after(/\busing\s*\(/i) } : {}), ...(check ? { check: after(/\bwith\s+check\s*\(/i) } : {}) };
}

function rolesOf(nodes: readonly Node[] = []): string[] {
  // PUBLIC and whoever runs the statement (CURRENT_USER) have no name: they are told by their word.
  return nodes.flatMap((node) => ('RoleSpec' in node ? [node.RoleSpec.rolename ?? (node.RoleSpec.roletype ?? '').replace('ROLESPEC_', '').toLowerCase()] : []));
}

const ALL: Readonly<Record<Grant['on'], readonly string[]>> = {
  table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'], sequence: ['USAGE', 'SELECT', 'UPDATE'], schema: ['USAGE', 'CREATE'],
};
const ON: Readonly<Record<string, Grant['on']>> = { OBJECT_TABLE: 'table', OBJECT_SEQUENCE: 'sequence', OBJECT_SCHEMA: 'schema' };

/** GRANT and REVOKE on tables, views, their columns, sequences, schemas, routines and types; of other things they are passed over. */
export function changeGrants(node: GrantStmt, { draft, schema }: Pick<DefinitionContext, 'draft' | 'schema'>): void {
  const on = ON[node.objtype ?? ''];
  if (on === undefined) return changeObjectGrants(node, rolesOf(node.grantees), { draft, schema });
  draft.grants ??= new Map();
  const privileges = (node.privileges ?? []).flatMap((item) => ('AccessPriv' in item ? [item.AccessPriv] : []));
  const wanted = (privileges.length === 0 ? [{}] : privileges).flatMap(({ priv_name: name, cols = [] }: { readonly priv_name?: string; readonly cols?: Node[] }) =>
    (name === undefined ? (cols.length > 0 ? ['SELECT', 'INSERT', 'UPDATE', 'REFERENCES'] : ALL[on]) : [name.toUpperCase()]).flatMap((privilege) => (cols.length === 0 ? [{ privilege }] : strings(cols).map((column) => ({ privilege, column })))));
  for (const name of namesOf(node, on, draft, schema)) {
    for (const grantee of rolesOf(node.grantees)) {
      for (const each of wanted) {
        const grant: Grant = { on, name, ...each, grantee, grantable: node.grant_option ?? false };
        const key = [on, name, grant.column ?? '', grantee, grant.privilege].join('\0');
        if (node.is_grant) draft.grants.set(key, grant);
        else if (!node.grant_option) draft.grants.delete(key);
        else if (draft.grants.has(key)) draft.grants.set(key, { ...grant, grantable: false });
      }
    }
  }
}

function namesOf(node: GrantStmt, on: Grant['on'], draft: SchemaDraft, schema: string): string[] {
  const objects = node.objects ?? [];
  if (node.targtype === 'ACL_TARGET_ALL_IN_SCHEMA') {
    const schemas = new Set(strings(objects));
    const all = on === 'sequence' ? [...draft.sequences.keys()] : [...draft.tables.keys(), ...draft.views.keys()];
    return all.filter((name) => schemas.has(splitTableName(parseTableName(name)).schema));
  }
  return on === 'schema' ? strings(objects) : objects.flatMap((item) => ('RangeVar' in item ? [relationName(item.RangeVar, schema)] : []));
}
