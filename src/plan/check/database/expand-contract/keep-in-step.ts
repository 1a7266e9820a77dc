import { quoteIdentifier, quoteTable, splitTableName, type TableName } from '../../../../model/names.ts';
import type { Column } from '../../../../model/schema.ts';
import { qualified } from '../differences.ts';
import { castOf, typeChange } from '../type-change.ts';

/** Two columns of one table that hold the same, under the names that they have at the time. */
export interface Twins {
  readonly table: TableName;
  readonly old: Column;
  readonly fresh: Column;
}

/** The name of the trigger before the new column has taken over, and after it; late in the alphabet, so that it sees what others changed. */
export const keepingName = (column: string): string => `zz_banyan_keeps_${column}`;
export const keptName = (column: string): string => `zz_banyan_kept_${column}`;

/** The names of the triggers that see a null written by its name; they sort before the others. */
export const nullNames = (column: string): readonly [fresh: string, old: string] => [`zz_banyan_keep_n_${column}`, `zz_banyan_keep_o_${column}`];

export function functionName(table: TableName, column: string): string {
  const { schema, table: name } = splitTableName(table);
  return qualified(schema, `banyan_keep_${name}_${column}`);
}

/** Without a cast where the server turns the value by itself: what does not fit is refused then, and not cut. */
function turned(value: string, from: Column, to: Column): string {
  return typeChange(from, to).casts ? castOf(value, from.type, to.type) : value;
}

/**
 * The trigger's function. The column that was written wins; if both were, the new one. It changes the row at hand only,
 * and so can not call itself. A row that was there before it is filled when it is touched, unless what touches it writes
 * null to the empty column by its name: then null is what somebody wants.
 */
export function keepFunction({ table, old, fresh }: Twins, column: string): string {
  const [was, is] = [quoteIdentifier(old.name), quoteIdentifier(fresh.name)];
  const toNew = `NEW.${is} := ${turned(`NEW.${was}`, old, fresh)};`;
  const toOld = `NEW.${was} := ${turned(`NEW.${is}`, fresh, old)};`;
  return `CREATE OR REPLACE FUNCTION ${functionName(table, column)}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $keep$
BEGIN
${!old.nullable ? '' : `  IF TG_NARGS = 1 THEN
    IF TG_ARGV[0] = 'fresh' THEN NEW.${was} := NULL; ELSE NEW.${is} := NULL; END IF;
    RETURN NEW;
  END IF;
`}  IF TG_OP = 'INSERT' THEN
    IF NEW.${is} IS NULL THEN ${toNew} ELSE ${toOld} END IF;
  ELSIF NEW.${is}::text IS DISTINCT FROM OLD.${is}::text THEN
    ${toOld}
  ELSIF NEW.${was}::text IS DISTINCT FROM OLD.${was}::text THEN
    ${toNew}
  ELSIF NEW.${is} IS NULL THEN
    ${toNew}
  ELSIF NEW.${was} IS NULL THEN
    ${toOld}
  END IF;
  RETURN NEW;
END $keep$;`;
}

/** Also for rows that replication writes. Those of nulls fire only for a statement that names the column. */
export function keepTriggers({ table, old, fresh }: Twins, column: string, name: string): readonly string[] {
  const on = quoteTable(table);
  const calls = functionName(table, column);
  const [was, is] = [quoteIdentifier(old.name), quoteIdentifier(fresh.name)];
  const ofNull = (trigger: string, which: 'fresh' | 'old', own: string, other: string): string =>
    `CREATE TRIGGER ${quoteIdentifier(trigger)} BEFORE UPDATE OF ${own} ON ${on} FOR EACH ROW WHEN (NEW.${own} IS NULL AND OLD.${own} IS NULL AND OLD.${other} IS NOT NULL) EXECUTE FUNCTION ${calls}('${which}');`;
  const [freshNull, oldNull] = nullNames(column);
  const trigger = quoteIdentifier(name);
  return [
    ...[name, freshNull, oldNull].map((each) => `DROP TRIGGER IF EXISTS ${quoteIdentifier(each)} ON ${on};`),
    `CREATE TRIGGER ${trigger} BEFORE INSERT OR UPDATE ON ${on} FOR EACH ROW EXECUTE FUNCTION ${calls}();`,
    `ALTER TABLE ${on} ENABLE ALWAYS TRIGGER ${trigger};`,
    ...(old.nullable ? [ofNull(freshNull, 'fresh', is, was), ofNull(oldNull, 'old', was, is)] : []),
  ];
}

export function dropKeeping(table: TableName, column: string, name: string): readonly string[] {
  return [...[name, ...nullNames(column)].map((each) => `DROP TRIGGER IF EXISTS ${quoteIdentifier(each)} ON ${quoteTable(table)}`), `DROP FUNCTION IF EXISTS ${functionName(table, column)}()`];
}

/** Rows in which one column does not say what the other does. */
export function differing({ table, old, fresh }: Twins): string {
  const [was, is] = [quoteIdentifier(old.name), quoteIdentifier(fresh.name)];
  const [toNew, toOld] = [castOf(was, old.type, fresh.type), castOf(is, fresh.type, old.type)];
  // The way back from a wider type rounds: then the old column follows from the new one, and not the other way round.
  const follows = `CASE WHEN ${is} IS NULL OR ${was} IS NULL THEN ${is} IS NULL AND ${was} IS NULL ELSE ${is}::text = (${toNew})::text OR ${was}::text = (${toOld})::text END`;
  return `SELECT 1 FROM ${quoteTable(table)} WHERE NOT (${follows})`;
}
