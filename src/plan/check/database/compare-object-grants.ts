import { quoteLiteral, tableName } from '../../../model/names.ts';
import type { ObjectGrant, Schema } from '../../../model/schema.ts';
import { roleText } from './compare-policies.ts';
import { PHASES, qualified, type Pair } from './differences.ts';
import { canonical, guarded } from './sql-text.ts';

/** What is dropped and made again: what was granted on it goes with it. */
export interface MadeAgain {
  /** By their names alone, so that one of that name with other arguments may not be. */
  readonly routines: ReadonlySet<string>;
  /** On the way there, and on the way there or back, as columns spell them. */
  readonly types: Pick<Pair, 'remade' | 'rebuilt'>;
}

/** A routine or a type, on which there is one privilege. */
type GrantedObject = Pick<ObjectGrant, 'on' | 'schema' | 'name' | 'signature'>;

/** What a role has of it. */
type Holding = 'nothing' | 'held' | 'grantable';

/** Privileges on routines and types; compared only where both sides speak of them. */
export function compareObjectGrants({ before, after, differences }: Pick<Pair, 'before' | 'after' | 'differences'>, again: MadeAgain): void {
  if (before.objectGrants === undefined || after.objectGrants === undefined) return;
  const [old, fresh] = [objectsIn(before), objectsIn(after)];
  const [was, is] = [holdingsIn(before.objectGrants), holdingsIn(after.objectGrants)];
  const named = new Map([...before.objectGrants, ...after.objectGrants].map((grant) => [`${keyOf(grant)}\0${grant.grantee}`, grant]));
  for (const grant of named.values()) {
    const key = keyOf(grant);
    const object = fresh.get(key) ?? old.get(key);
    if (!object) continue;
    const { grantee } = grant;
    const [from, to] = [was(key, grantee), is(key, grantee)];
    const about = `${privilegeOf(object)} on ${titleOf(object)} of ${grantee === 'public' ? 'everybody' : grantee}`;
    if (old.has(key) && fresh.has(key)) find(object, grantee, from, to);
    else if (fresh.has(key) && grantee !== 'public') find(object, grantee, 'nothing', to);
    const made = madeAgain(object, again);
    const gone = !fresh.has(key);
    const plain = from === fromTheBeginning(grantee);
    // On the way back it is there, with its privileges, only when everything else is.
    if (old.has(key) && ((gone && !plain) || (made.back && !(plain && from === to)))) {
      differences.step({ phase: PHASES.dropView - 1, about: [titleOf(object)], description: `Take away ${about}, which goes with it`, forward: '-- Nothing to do: it goes with what it is on.', back: change(object, grantee, from), holds: 'true' });
    }
    if (gone || (old.has(key) ? from === to && !(made.there && to !== fromTheBeginning(grantee)) : to === fromTheBeginning(grantee))) continue;
    differences.step({
      phase: PHASES.grant + 0.7, about: [titleOf(object)], description: `${made.there && to === fromTheBeginning(grantee) ? 'Leave as it is made:' : to === 'nothing' ? 'Revoke' : 'Grant'} ${about}${to === 'grantable' ? ', to be handed on' : ''}`,
      forward: change(object, grantee, to), back: !old.has(key) || made.back ? '-- Nothing to do: it goes with what it is on.' : change(object, grantee, from), holds: holds(object, grantee, to),
    });
  }

  function find(object: GrantedObject, grantee: string, from: Holding, to: Holding): void {
    if (from === to) return;
    const said = (holding: Holding): string[] => (holding === 'nothing' ? [] : [`${privilegeOf(object)}${holding === 'grantable' ? ' WITH GRANT OPTION' : ''}`]);
    const lost = RANK[to] < RANK[from];
    differences.find(lost ? 'privilege-revoked' : 'privilege-granted', {
      field_path: `grants.${titleOf(object)}.${grantee}`, old_value: said(from), new_value: said(to), affected_operations: [privilegeOf(object)],
      description: `${grantee === 'public' ? 'Everybody' : `The role ${grantee}`} ${lost ? 'has no longer' : 'has'} ${said(lost ? from : to).join()} on ${object.on} ${titleOf(object)}.`,
    });
  }
}

const RANK: Readonly<Record<Holding, number>> = { nothing: 0, held: 1, grantable: 2 };

const privilegeOf = ({ on }: GrantedObject): string => (on === 'routine' ? 'EXECUTE' : 'USAGE');
const titleOf = ({ on, schema, name, signature = '' }: GrantedObject): string => `${schema === 'public' ? '' : `${schema}.`}${name}${on === 'type' ? '' : `(${signature.replaceAll(/\bpublic\./g, '')})`}`;
const keyOf = ({ on, schema, name, signature = '' }: GrantedObject): string => [on, schema, name, canonical(signature)].join('\0');

/** Everybody may call a routine and use a type, if nobody has said otherwise. */
const fromTheBeginning = (grantee: string): Holding => (grantee === 'public' ? 'held' : 'nothing');

function objectsIn({ routines = [], enums, domains, structuredTypes = [] }: Schema): Map<string, GrantedObject> {
  const all: GrantedObject[] = [
    ...routines.map(({ schema, name, signature }) => ({ on: 'routine', schema, name, signature }) as const), ...[...enums, ...domains, ...structuredTypes].map(({ schema, name }) => ({ on: 'type', schema, name }) as const),
  ];
  return new Map(all.map((object) => [keyOf(object), object]));
}

function holdingsIn(grants: readonly ObjectGrant[]): (key: string, grantee: string) => Holding {
  const known = new Map(grants.map((grant) => [`${keyOf(grant)}\0${grant.grantee}`, grant]));
  return (key, grantee) => {
    const grant = known.get(`${key}\0${grantee}`);
    if (!grant) return fromTheBeginning(grantee);
    return grant.withheld === true ? 'nothing' : grant.grantable ? 'grantable' : 'held';
  };
}

function madeAgain({ on, schema, name }: GrantedObject, { routines, types }: MadeAgain): { readonly there: boolean; readonly back: boolean } {
  if (on === 'type') return { there: types.remade.has(tableName(schema, name)), back: types.rebuilt.has(tableName(schema, name)) };
  const made = routines.has(name);
  return { there: made, back: made };
}

const CATALOGUE = {
  routine: { cast: 'to_regprocedure', table: 'pg_proc', acl: "coalesce(o.proacl, acldefault('f', o.proowner))" },
  type: { cast: 'to_regtype', table: 'pg_type', acl: "coalesce(o.typacl, acldefault('T', o.typowner))" },
} as const;

const nameSql = ({ on, schema, name, signature = '' }: GrantedObject): string => `${qualified(schema, name)}${on === 'routine' ? `(${signature})` : ''}`;
const idSql = (object: GrantedObject): string => `${CATALOGUE[object.on].cast}(${quoteLiteral(nameSql(object))})`;

/** Whether the role has the privilege of its own, and more that is true of its row `a`. */
function has(object: GrantedObject, grantee: string, more = ''): string {
  const { table, acl } = CATALOGUE[object.on];
  const role = grantee === 'public' ? '0' : `(SELECT oid FROM pg_roles WHERE rolname = ${quoteLiteral(grantee)})`;
  return `EXISTS (SELECT FROM ${table} o CROSS JOIN LATERAL aclexplode(${acl}) a WHERE o.oid = ${idSql(object)} AND a.grantee = ${role}${more})`;
}

function holds(object: GrantedObject, grantee: string, to: Holding): string {
  const there = `${idSql(object)} IS NOT NULL`;
  if (to === 'nothing') return `${there} AND NOT ${has(object, grantee)}`;
  return has(object, grantee, ` AND ${to === 'grantable' ? '' : 'NOT '}a.is_grantable`);
}

/** Statements of which each runs only where it changes something. */
function change(object: GrantedObject, grantee: string, to: Holding): string {
  const on = `ON ${object.on.toUpperCase()} ${nameSql(object)}`;
  const [privilege, role] = [privilegeOf(object), roleText(grantee)];
  if (to === 'nothing') return guarded(has(object, grantee), `REVOKE ${privilege} ${on} FROM ${role}`);
  const there = `${idSql(object)} IS NOT NULL`;
  if (to === 'grantable') return guarded(`${there} AND NOT ${has(object, grantee, ' AND a.is_grantable')}`, `GRANT ${privilege} ${on} TO ${role} WITH GRANT OPTION`);
  return [
    guarded(`${there} AND NOT ${has(object, grantee)}`, `GRANT ${privilege} ${on} TO ${role}`),
    ...(grantee === 'public' ? [] : [guarded(has(object, grantee, ' AND a.is_grantable'), `REVOKE GRANT OPTION FOR ${privilege} ${on} FROM ${role}`)]),
  ].join('\n');
}
