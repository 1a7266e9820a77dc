import type { GrantStmt, Node, ObjectWithArgs } from 'libpg-query';
import { tableName } from '../../model/names.ts';
import type { ObjectGrant } from '../../model/schema.ts';
import type { SchemaDraft } from './schema-draft.ts';
import { listStrings, qualifiedName, strings } from './syntax-tree.ts';
import type { DefinitionContext } from './table-definition.ts';
import { typeText } from './type-text.ts';

type GrantedObject = Pick<ObjectGrant, 'on' | 'schema' | 'name' | 'signature'>;

const EVERYBODY = 'public';

/** GRANT and REVOKE on routines and types. What is not defined here is passed over. */
export function changeObjectGrants(node: GrantStmt, grantees: readonly string[], { draft, schema }: Pick<DefinitionContext, 'draft' | 'schema'>): void {
  const objects = objectsOf(node, draft, schema);
  if (!objects) return;
  const grants = (draft.objectGrants ??= new Map());
  for (const object of objects) {
    for (const grantee of grantees) {
      const key = keyOf(object, grantee);
      // Everybody has the one privilege that there is, until it is taken away.
      if (grantee === EVERYBODY) {
        if (node.is_grant) grants.delete(key);
        else if (!node.grant_option) grants.set(key, { ...object, grantee, grantable: false, withheld: true });
      } else if (node.is_grant) grants.set(key, { ...object, grantee, grantable: (node.grant_option ?? false) || grants.get(key)?.grantable === true });
      else if (!node.grant_option) grants.delete(key);
      else if (grants.has(key)) grants.set(key, { ...object, grantee, grantable: false });
    }
  }
}

/** What is granted on a routine or a type goes with it. */
export function forgetObjectGrants({ objectGrants }: SchemaDraft, isGone: (grant: ObjectGrant) => boolean): void {
  for (const [key, grant] of objectGrants ?? []) if (isGone(grant)) objectGrants?.delete(key);
}

/** A type has another name now. */
export function moveTypeGrants({ objectGrants }: SchemaDraft, from: { readonly schema: string; readonly name: string }, to: { readonly schema: string; readonly name: string }): void {
  for (const [key, grant] of objectGrants ?? []) {
    if (grant.on !== 'type' || grant.schema !== from.schema || grant.name !== from.name) continue;
    objectGrants?.delete(key);
    objectGrants?.set(keyOf({ ...grant, ...to }, grant.grantee), { ...grant, ...to });
  }
}

const keyOf = ({ on, schema, name, signature = '' }: GrantedObject, grantee: string): string => [on, schema, name, signature, grantee].join('\0');

/** Undefined: it is about something else. */
function objectsOf(node: GrantStmt, draft: SchemaDraft, schema: string): GrantedObject[] | undefined {
  const kind: string = node.objtype ?? '';
  const objects = node.objects ?? [];
  if (kind === 'OBJECT_TYPE' || kind === 'OBJECT_DOMAIN') return objects.flatMap((object) => typeOf(draft, qualifiedName(listStrings(object), schema)));
  if (kind !== 'OBJECT_FUNCTION' && kind !== 'OBJECT_PROCEDURE' && kind !== 'OBJECT_ROUTINE') return undefined;
  if (node.targtype === 'ACL_TARGET_ALL_IN_SCHEMA') {
    const schemas = new Set(strings(objects));
    return [...draft.routines.values()].filter((routine) => schemas.has(routine.schema) && (kind === 'OBJECT_ROUTINE' || kind === `OBJECT_${routine.kind.toUpperCase()}`)).map(routineObject);
  }
  return objects.flatMap((object) => ('ObjectWithArgs' in object ? routinesOf(draft, object.ObjectWithArgs, schema) : []));
}

function typeOf({ enums, domains, structuredTypes }: SchemaDraft, name: string): GrantedObject[] {
  const found = enums.get(name) ?? domains.get(name) ?? structuredTypes.get(name);
  return found ? [{ on: 'type', schema: found.schema, name: found.name }] : [];
}

function routinesOf(draft: SchemaDraft, { objname, objargs = [], args_unspecified: any }: ObjectWithArgs, schema: string): GrantedObject[] {
  const wanted = qualifiedName(strings(objname), schema);
  const named = [...draft.routines.values()].filter((routine) => tableName(routine.schema, routine.name) === wanted);
  const bare = (signature: string): string => signature.replaceAll(/\bpublic\./g, '');
  const signature = bare(objargs.map((arg: Node) => ('TypeName' in arg ? typeText(arg.TypeName).text.replace(/\(.*?\)/, '') : '')).join(', '));
  return named.filter((routine) => any === true || bare(routine.signature) === signature).map(routineObject);
}

const routineObject = ({ schema, name, signature }: { readonly schema: string; readonly name: string; readonly signature: string }): GrantedObject => ({ on: 'routine', schema, name, signature });
