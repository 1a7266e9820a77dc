import { quoteIdentifier, quoteTable, splitTableName } from '../../model/names.ts';
import type { Index, Key, Table } from '../../model/schema.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { addConstraint } from '../provision/statements.ts';
import { matchRules, type Rule } from './rules.ts';
import { finding, type TableContext } from './table-context.ts';

/** Primary key, unique keys and other indexes of one table. Pure. */
export function compareKeys(context: TableContext): readonly SchemaFinding[] {
  return [...primaryKey(context), ...uniques(context), ...indexes(context)];
}

const dropConstraint = (table: Table, name: string): string => `ALTER TABLE ${quoteTable(table.name)} DROP CONSTRAINT ${quoteIdentifier(name)}`;

function primaryKey({ expected, actual }: TableContext): readonly SchemaFinding[] {
  const [mine, theirs] = [expected.primaryKey, actual.primaryKey];
  if (mine === undefined ? theirs === undefined : theirs !== undefined && columnsOf(mine) === columnsOf(theirs)) return [];
  return [
    finding('primary_key', {
      object: `primary key of ${actual.name}`, source: mine?.definition, target: theirs?.definition,
      sql: [...(theirs ? [dropConstraint(actual, theirs.name)] : []), ...(mine ? [addConstraint(actual.name, 'primary key', mine).sql] : [])],
    }),
  ];
}

const columnsOf = (key: Key): string => JSON.stringify([key.columns, /WITHOUT OVERLAPS/.test(key.definition)]);

/** A unique constraint or index: as what it keeps apart they are the same. */
interface Unique extends Rule {
  readonly columns: readonly (string | null)[];
  readonly definition: string;
  /** How it was declared, where it is a constraint. */
  readonly key?: Key;
  readonly sql: string;
}

function uniquesOf(table: Table, context: TableContext): readonly Unique[] {
  const all: Unique[] = [
    ...table.uniques.map((key) => ({
      name: key.name, columns: key.columns, definition: key.definition, key, signature: keySignature(key.columns, key.nullsNotDistinct, /WITHOUT OVERLAPS/.test(key.definition)),
      sql: addConstraint(context.actual.name, 'unique', key).sql,
    })),
    ...table.indexes.filter((index) => index.unique).map((index) => ({
      name: index.name, columns: index.columns, definition: using(index), sql: index.definition,
      signature: isPlain(index) ? keySignature(index.columns, /NULLS NOT DISTINCT/.test(index.definition), false) : using(index),
    })),
  ];
  return all.filter(({ columns }) => !columns.some((name) => name !== null && context.excluded.has(name)));
}

/** In which order columns are named makes no difference to what is unique. */
const keySignature = (columns: readonly (string | null)[], nullsNotDistinct: boolean, overlaps: boolean): string =>
  JSON.stringify([overlaps ? columns : columns.map(String).sort((a, b) => (a < b ? -1 : 1)), nullsNotDistinct, overlaps]);

function uniques(context: TableContext): readonly SchemaFinding[] {
  const { expected, actual } = context;
  const { same, changed, missing, extra } = matchRules(uniquesOf(expected, context), uniquesOf(actual, context));
  const object = (rule: Unique): string => `unique ${rule.name} of ${actual.name}`;
  const drop = (rule: Unique): string => (rule.key ? dropConstraint(actual, rule.name) : dropIndex(actual, rule.name));
  return [
    ...same.flatMap(({ mine, theirs }) =>
      mine.key && theirs.key && timing(mine.key) !== timing(theirs.key)
        ? [finding('unique_changed', { object: object(theirs), source: mine.definition, target: theirs.definition, sql: [drop(theirs), mine.sql] })]
        : [],
    ),
    // What is kept apart is something else: the old rule refuses rows, the new one is not kept.
    ...changed.flatMap(({ mine, theirs }) => [finding('unique_missing', { object: object(mine), source: mine.definition, target: theirs.definition, sql: [drop(theirs), mine.sql] })]),
    ...missing.map((rule) => finding('unique_missing', { object: object(rule), source: rule.definition, target: null, sql: [rule.sql] })),
    ...extra.map((rule) => finding('unique_extra', { object: object(rule), source: null, target: rule.definition, sql: [drop(rule)] })),
  ];
}

const timing = (key: Key): string => / DEFERRABLE.*$/.exec(key.definition)?.[0] ?? '';

const dropIndex = (table: Table, name: string): string => `DROP INDEX ${quoteIdentifier(splitTableName(table.name).schema)}.${quoteIdentifier(name)}`;

/** What an index says after its name and its table's. */
function using(index: Index): string {
  const at = index.definition.indexOf(' USING ');
  return at < 0 ? index.definition : index.definition.slice(at + 1);
}

/** Nothing but columns, in the order and by the comparison that a key has. */
function isPlain(index: Index): boolean {
  const found = /^USING btree \((.*)\)(?: NULLS NOT DISTINCT)?$/.exec(using(index))?.[1];
  if (found === undefined || index.partial || index.columns.includes(null)) return false;
  const spelled = index.columns.flatMap((name) => (name === null ? [] : [name, quoteIdentifier(name)]));
  return found.split(/, (?=(?:[^"]*"[^"]*")*[^"]*$)/).every((part) => spelled.includes(part));
}

function indexes(context: TableContext): readonly SchemaFinding[] {
  const { expected, actual, alike } = context;
  const rules = (table: Table): readonly (Index & Rule)[] =>
    table.indexes
      .filter((index) => !index.unique && !index.columns.some((name) => name !== null && context.excluded.has(name)))
      .map((index) => ({ ...index, signature: isPlain(index) ? JSON.stringify(index.columns) : using(index) }));
  const { changed, missing, extra } = matchRules(rules(expected), rules(actual));
  const object = (index: Index): string => `index ${index.name} of ${actual.name}`;
  return [
    ...changed.map(({ mine, theirs }) => finding('index_missing', { object: object(mine), source: using(mine), target: using(theirs), sql: [dropIndex(actual, theirs.name), mine.definition] })),
    ...missing.map((index) => finding('index_missing', { object: object(index), source: using(index), target: null, sql: [index.definition] })),
    // Where columns are others, so may be what is asked of them.
    ...(alike ? extra : []).map((index) => finding('index_extra', { object: object(index), source: null, target: using(index), on: 'source', sql: [index.definition] })),
  ];
}
