import { quoteIdentifier, quoteLiteral, quoteTable, splitTableName } from '../../../../model/names.ts';
import type { Column, Index, Key } from '../../../../model/schema.ts';
import type { MigrationScript } from '../../finding.ts';
import { hasAnyTrigger, isValid } from '../conditions.ts';
import { columnSql, commentOn, createIndex, dropIndex, keyIndex } from '../definitions.ts';
import { addConstraint, hasColumn, hasConstraint, hasRelation, renamed, waiting } from '../sql-text.ts';
import { backfill } from './backfill.ts';
import { titleOf, type FittingColumn } from './fitting-columns.ts';
import { differing, functionName, keepFunction, keepingName, keepTrigger, keptName, type Twins } from './keep-in-step.ts';

/** Scripts before the other changes, with which the new column takes over, and those behind them, with which the old one goes. */
interface ExpandContract {
  readonly expand: readonly MigrationScript[];
  readonly contract: readonly MigrationScript[];
}

type Draft = Pick<MigrationScript, 'description'> & { readonly forward: string; readonly back?: string; readonly holds: string; readonly transactional?: boolean; readonly loses?: string };

/**
 * The scripts for one column. Both columns hold the same from the trigger's first row to the last script, whichever is
 * written, so that each step leads back without losing what was written since. Pure.
 */
export function expandContract(column: FittingColumn): ExpandContract {
  const plan = planOf(column);
  return { expand: chained([...expanding(plan), ...carriedRules(plan), takeOver(plan)]), contract: chained([...remadeOnTheWayBack(plan), dropOld(plan)]) };
}

interface Plan extends FittingColumn {
  readonly title: string;
  /** The two while the new one is built, and once it has taken over. */
  readonly building: Twins;
  readonly taken: Twins;
  readonly isRename: boolean;
  /** SQL of whether the new column has taken over. */
  readonly over: string;
}

function planOf(column: FittingColumn): Plan {
  const { table: { name: table }, old, fresh } = column;
  const isRename = old.name !== fresh.name;
  const twins = (was: string, is: string): Twins => ({ table, old: { ...old, name: was }, fresh: { ...fresh, name: is } });
  const gone = isRename ? `NOT ${hasColumn(table, old.name)}` : `(${hasColumn(table, old.name, `format_type(a.atttypid, a.atttypmod) = ${quoteLiteral(fresh.type)}`)} AND NOT ${hasColumn(table, `banyan_new_${old.name}`)})`;
  return {
    ...column, isRename, title: titleOf(column), over: `(${hasAnyTrigger(table, keptName(old.name))} OR ${gone})`,
    building: isRename ? twins(old.name, fresh.name) : twins(old.name, `banyan_new_${old.name}`),
    taken: isRename ? twins(old.name, fresh.name) : twins(`banyan_old_${old.name}`, old.name),
  };
}

const NOTHING_THERE = '-- Nothing to do on the way there.';

function chained(drafts: readonly Draft[]): MigrationScript[] {
  return drafts.map(({ description, forward, back = '-- Nothing to undo.', holds, transactional = true, loses }, n) => ({
    script_type: 'sql', description, script_content: forward, rollback_script: back, dependencies: n === 0 ? [] : [drafts[n - 1]?.description ?? ''],
    validation_query: `SELECT ${holds}`, transactional, hazards: [], ...(loses === undefined ? {} : { loses }),
  }));
}

/** Whether a query gives no row; asked only where its columns are there, since a query that is no query yet can be in a text only. */
function none(query: string, unless: string): string {
  return `CASE WHEN ${unless} THEN true ELSE query_to_xml(${quoteLiteral(`SELECT count(*) AS n FROM (${query} LIMIT 1) AS found`)}, false, true, '')::text LIKE '%<n>0</n>%' END`;
}

/** Without a default and with nulls: the column of the other one's rows. */
function bare({ name, type, collation }: Column): string {
  return columnSql({ name, type, nullable: true, ...(collation === undefined ? {} : { collation }) });
}

const addColumn = ({ table }: Twins, column: Column): string => `ALTER TABLE ${quoteTable(table)} ADD COLUMN IF NOT EXISTS ${bare(column)}`;
const dropColumn = ({ table }: Twins, column: Column): string => `ALTER TABLE ${quoteTable(table)} DROP COLUMN IF EXISTS ${quoteIdentifier(column.name)}`;
const checkName = ({ old }: Plan): string => `banyan_not_null_of_${old.name}`.slice(0, 63);

function dropKeeping({ table, building }: Plan, column: string, name: string): readonly string[] {
  return [`DROP TRIGGER IF EXISTS ${quoteIdentifier(name)} ON ${quoteTable(building.table)}`, `DROP FUNCTION IF EXISTS ${functionName(table.name, column)}()`];
}

function expanding(plan: Plan): Draft[] {
  const { title, building, over, old, table, key } = plan;
  const is = building.fresh.name;
  return [
    { description: `Add column ${is} beside ${title}`, forward: waiting(addColumn(building, building.fresh)), back: waiting(dropColumn(building, building.fresh)), holds: `${over} OR ${hasColumn(table.name, is)}` },
    {
      description: `Keep ${is} and ${title} in step`, forward: waiting(keepFunction(building, old.name), keepTrigger(table.name, old.name, keepingName(old.name))),
      back: waiting(...dropKeeping(plan, old.name, keepingName(old.name))), holds: `${over} OR ${hasAnyTrigger(table.name, keepingName(old.name))}`,
    },
    { description: `Fill ${is} of ${title} in batches`, forward: backfill(building, key, 'fresh'), holds: none(differing(building), over), transactional: false },
  ];
}

/** The index on another of the two columns, under a name for the time being. */
function indexOn(index: Index, from: string, { name }: Column, prefix: string): Index {
  return { ...index, name: `${prefix}${index.name}`, definition: index.definition.replace(/(\sON\s[\s\S]*)$/i, (text) => renamed(text, from, name)) };
}

function uniqueOn(key: Key, from: string, { name }: Column, prefix: string): Key {
  return { ...key, name: `${prefix}${key.name}`, columns: key.columns.map((column) => (column === from ? name : column)) };
}

const concurrently = { concurrently: true };

function carriedRules(plan: Plan): Draft[] {
  const { table: { name: table }, indexes, uniques, building: { fresh }, old, over, title } = plan;
  const { schema } = splitTableName(table);
  const build = (name: string, sql: string, shown: string): Draft => ({
    description: `Build ${shown} anew on ${fresh.name}`, forward: sql, back: dropIndex(table, { name }, concurrently), holds: `${over} OR ${hasRelation(schema, name)}`, transactional: false,
  });
  const check = checkName(plan);
  const alter = `ALTER TABLE ${quoteTable(table)}`;
  return [
    ...indexes.map((index) => indexOn(index, old.name, fresh, 'banyan_new_')).map((index, n) => build(index.name, createIndex(table, index, concurrently), `index ${indexes[n]?.name ?? ''}`)),
    ...uniques.map((key) => uniqueOn(key, old.name, fresh, 'banyan_new_')).map((key, n) => build(key.name, keyIndex(table, key) ?? '', `the index of ${uniques[n]?.name ?? ''}`)),
    ...(old.nullable ? [] : [
      { description: `Refuse new nulls in ${fresh.name} of ${title}`, forward: waiting(addConstraint(table, check, `CHECK (${quoteIdentifier(fresh.name)} IS NOT NULL) NOT VALID`)), back: waiting(`${alter} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(check)}`), holds: `${over} OR ${hasConstraint(table, check)}` },
      { description: `Look for nulls in ${fresh.name} of ${title}`, forward: waiting(`${alter} VALIDATE CONSTRAINT ${quoteIdentifier(check)}`), holds: `${over} OR ${isValid(table, check)}` },
    ]),
  ];
}

/** One short transaction, in which no row is read. */
function takeOver(plan: Plan): Draft {
  const { table: { name: table }, building, taken, indexes, uniques, old, fresh, isRename, title, over } = plan;
  const alter = `ALTER TABLE ${quoteTable(table)}`;
  const { schema } = splitTableName(table);
  const column = (name: string, what: string): string => `${alter} ALTER COLUMN ${quoteIdentifier(name)} ${what}`;
  const rename = (from: string, to: string): string[] => (from === to ? [] : [`${alter} RENAME COLUMN ${quoteIdentifier(from)} TO ${quoteIdentifier(to)}`]);
  const renameIndex = (from: string, to: string): string => `ALTER INDEX ${quoteIdentifier(schema)}.${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`;
  const renameConstraint = (from: string, to: string): string => `${alter} RENAME CONSTRAINT ${quoteIdentifier(from)} TO ${quoteIdentifier(to)}`;
  const renameTrigger = (from: string, to: string): string => `ALTER TRIGGER ${quoteIdentifier(from)} ON ${quoteTable(table)} RENAME TO ${quoteIdentifier(to)}`;
  const comment = (name: string): string[] => (old.comment === undefined ? [] : [commentOn(`COLUMN ${quoteTable(table)}.${quoteIdentifier(name)}`, old.comment)]);
  // Of a renamed column the default stays with the old name, which is still written, until that goes.
  const defaults = old.default === undefined || isRename;
  return {
    description: `Let ${fresh.name} of the new kind take over from ${title}`,
    forward: waiting(
      ...rename(old.name, taken.old.name), ...rename(building.fresh.name, taken.fresh.name),
      ...(defaults ? [] : [column(taken.old.name, 'DROP DEFAULT'), ...(fresh.default === undefined ? [] : [column(fresh.name, `SET DEFAULT ${fresh.default}`)])]),
      ...(old.nullable ? [] : [column(fresh.name, 'SET NOT NULL'), `${alter} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(checkName(plan))}`]),
      ...indexes.flatMap(({ name }) => [renameIndex(name, `banyan_old_${name}`), renameIndex(`banyan_new_${name}`, name)]),
      ...uniques.flatMap((key) => [renameConstraint(key.name, `banyan_old_${key.name}`), `${alter} ADD CONSTRAINT ${quoteIdentifier(key.name)} ${usingIndex(key, `banyan_new_${key.name}`)}`]),
      keepFunction(taken, old.name), renameTrigger(keepingName(old.name), keptName(old.name)), ...comment(fresh.name),
    ),
    back: waiting(
      ...uniques.flatMap((key) => [`${alter} DROP CONSTRAINT ${quoteIdentifier(key.name)}`, renameConstraint(`banyan_old_${key.name}`, key.name)]),
      ...indexes.flatMap(({ name }) => [renameIndex(name, `banyan_new_${name}`), renameIndex(`banyan_old_${name}`, name)]),
      ...(old.nullable ? [] : [column(fresh.name, 'DROP NOT NULL')]),
      ...(defaults ? [] : [column(fresh.name, 'DROP DEFAULT'), column(taken.old.name, `SET DEFAULT ${old.default}`)]),
      ...rename(taken.fresh.name, building.fresh.name), ...rename(taken.old.name, old.name),
      keepFunction(building, old.name), renameTrigger(keptName(old.name), keepingName(old.name)), ...comment(old.name),
    ),
    holds: over,
  };
}

function usingIndex(key: Key, index: string): string {
  return `UNIQUE USING INDEX ${quoteIdentifier(index)}${key.deferrable ? ' DEFERRABLE' : ''}${/INITIALLY DEFERRED/i.test(key.definition) ? ' INITIALLY DEFERRED' : ''}`;
}

/** What the way back has to build on the old column before it may take over again; on the way there most of it is nothing. */
function remadeOnTheWayBack(plan: Plan): Draft[] {
  const { table: { name: table }, indexes, uniques, taken, old, title, key } = plan;
  const { schema } = splitTableName(table);
  const alter = `ALTER TABLE ${quoteTable(table)}`;
  const check = quoteIdentifier(checkName(plan));
  const was = quoteIdentifier(taken.old.name);
  const isGone = `NOT ${hasColumn(table, taken.old.name)}`;
  const only = (description: string, back: string): Draft => ({ description: `On the way back only: ${description}`, forward: NOTHING_THERE, back, holds: 'true' });
  return [
    ...(old.nullable ? [] : [
      only(`make ${taken.old.name} of ${title} NOT NULL`, waiting(`${alter} ALTER COLUMN ${was} SET NOT NULL`, `${alter} DROP CONSTRAINT IF EXISTS ${check}`)),
      only(`look for nulls in ${taken.old.name} of ${title}`, waiting(`${alter} VALIDATE CONSTRAINT ${check}`)),
      only(`refuse new nulls in ${taken.old.name} of ${title}`, waiting(`${alter} DROP CONSTRAINT IF EXISTS ${check}`, `${alter} ADD CONSTRAINT ${check} CHECK (${was} IS NOT NULL) NOT VALID`)),
    ]),
    ...uniques.map((each) => uniqueOn(each, old.name, taken.old, 'banyan_old_')).flatMap((each): Draft[] => [
      { description: `Drop ${each.name} of ${title}`, forward: waiting(`${alter} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(each.name)}`), back: waiting(`${alter} ADD CONSTRAINT ${quoteIdentifier(each.name)} ${usingIndex(each, each.name)}`), holds: `NOT ${hasConstraint(table, each.name)}` },
      { ...only(`build the index of ${each.name}`, keyIndex(table, each) ?? ''), transactional: false },
    ]),
    ...indexes.map((index) => indexOn(index, old.name, taken.old, 'banyan_old_')).map((index): Draft => ({
      description: `Drop index ${index.name} of ${title}`, forward: dropIndex(table, index, concurrently), back: createIndex(table, index, concurrently), holds: `NOT (${hasRelation(schema, index.name)})`, transactional: false,
    })),
    { description: `Compare both columns of ${title} once more`, forward: NOTHING_THERE, back: backfill(taken, key, 'old'), holds: none(differing(taken), isGone), transactional: false },
  ];
}

function dropOld(plan: Plan): Draft {
  const { table: { name: table }, taken, old, fresh, isRename, title } = plan;
  const alter = `ALTER TABLE ${quoteTable(table)}`;
  const moves = isRename && old.default !== undefined;
  const column = (name: string, what: string): string => `${alter} ALTER COLUMN ${quoteIdentifier(name)} ${what}`;
  return {
    description: `Drop ${taken.old.name}, the old column of ${title}`,
    forward: waiting(...dropKeeping(plan, old.name, keptName(old.name)), dropColumn(taken, taken.old), ...(moves && fresh.default !== undefined ? [column(fresh.name, `SET DEFAULT ${fresh.default}`)] : [])),
    back: waiting(
      addColumn(taken, taken.old), ...(moves ? [column(fresh.name, 'DROP DEFAULT'), column(old.name, `SET DEFAULT ${old.default}`)] : []),
      ...(isRename && old.comment !== undefined ? [commentOn(`COLUMN ${quoteTable(table)}.${quoteIdentifier(old.name)}`, old.comment)] : []),
      keepFunction(taken, old.name), keepTrigger(table, old.name, keptName(old.name)),
    ),
    holds: `NOT ${hasColumn(table, taken.old.name)}`,
    loses: old.type === fresh.type ? 'nothing: the way back fills it from the new column' : `how ${title} spelled values before they were ${fresh.type}; the way back is refused while one is there that ${old.type} does not hold`,
  };
}
