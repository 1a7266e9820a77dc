import type { Dice } from '../validate/dice.ts';
import type { RandomGrant, RandomRule, RandomSchema, RandomTable } from './random-model.ts';

/*
 * What stands around tables in a random schema: policies, checks of several columns, routines, composite types, grants.
 */

const ROUTINES = [
  ['FUNCTION', "(a integer, b text DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a'"],
  ['FUNCTION', "(a integer, b text DEFAULT 'it''s') RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT a + 1'"],
  ['FUNCTION', "(a integer, c text DEFAULT 'x') RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT a::bigint'"],
  ['FUNCTION', "(a integer) RETURNS TABLE (x integer, y text) LANGUAGE plpgsql STABLE ROWS 7 AS $$BEGIN RETURN QUERY SELECT a, '$body$'; END$$"],
  ['FUNCTION', "(VARIADIC a integer[]) RETURNS SETOF text LANGUAGE sql PARALLEL SAFE COST 5 SET search_path TO 'pg_catalog', 'pg_temp' AS 'SELECT unnest(a)::text'"],
  ['FUNCTION', '(a integer, b integer) RETURNS integer LANGUAGE sql RETURN a + b'],
  ['PROCEDURE', "(a integer, b text) LANGUAGE plpgsql AS 'BEGIN NULL; END'"],
  ['PROCEDURE', "(a integer, INOUT b text) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN b := a::text; END'"],
] as const;

const PARTS = ['x integer, y text', 'x bigint, y text', 'x integer, "It\'s" numeric(9,2)[], z text COLLATE "C"', '"only" timestamptz(3)'];

const PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;

const POLICIES = ['USING (%0 IS NOT NULL)', 'AS RESTRICTIVE FOR SELECT USING (%0 IS NULL OR id > 0)', 'FOR INSERT TO CURRENT_USER WITH CHECK (%0 IS NOT NULL)', 'FOR UPDATE USING (id > 0) WITH CHECK (%0 IS NOT NULL OR id > 3)', 'FOR DELETE USING (%0 IS NOT NULL AND CURRENT_USER <> \'it\'\'s\')'];

/** A policy on one column of the table, or a check over two. */
export function policyOrCheck(dice: Dice, table: RandomTable, name: string): RandomRule {
  const { key } = dice.pick(table.columns);
  if (dice.chance(0.5) || table.columns.length < 2) return { kind: 'policy', name, columns: [key], sql: dice.pick(POLICIES) };
  const other = dice.pick(table.columns.filter((column) => column.key !== key));
  return { kind: 'check', name, columns: [key, other.key], sql: dice.pick(['CHECK (%0 IS NOT NULL OR %1 IS NOT NULL OR id > 0)', 'CHECK (id > 0 OR (%0 IS NULL) = (%1 IS NULL))', 'CHECK (num_nulls(%0, %1) < 3)']) };
}

/** One of what stands around tables comes, goes or changes. `key` gives a new number, `name` a new name. */
export function changeObjects(dice: Dice, schema: RandomSchema, { key, name }: { readonly key: () => number; readonly name: () => string }): RandomSchema {
  return dice.pick([
    () => {
      if (schema.routines.length >= 3) return { ...schema, routines: schema.routines.slice(1) };
      const [kind, form] = dice.pick(ROUTINES);
      return { ...schema, routines: [...schema.routines, { key: key(), name: name(), kind, form }] };
    },
    () => ({ ...schema, routines: schema.routines.map((routine, n) => {
      const [kind, form] = dice.pick(ROUTINES);
      return n === 0 ? { ...routine, kind, form } : routine;
    }) }),
    () => (schema.composites.length >= 2 ? { ...schema, composites: schema.composites.slice(1) } : { ...schema, composites: [...schema.composites, { name: name(), parts: dice.pick(PARTS) }] }),
    () => ({ ...schema, composites: schema.composites.map((type, n) => (n === 0 ? { ...type, parts: dice.pick(PARTS) } : type)) }),
    () => {
      if (schema.grants.length >= 4) return { ...schema, grants: schema.grants.slice(1) };
      const on = dice.pick([...schema.tables, ...schema.views]);
      const column = 'rules' in on && dice.chance(0.4) ? dice.pick(on.columns).key : undefined;
      const grant: RandomGrant = column === undefined ? { on: on.key, privilege: dice.pick(PRIVILEGES) } : { on: on.key, privilege: dice.pick(['SELECT', 'UPDATE'] as const), column };
      return { ...schema, grants: [...schema.grants, grant] };
    },
  ])();
}
