import type { CreateStatsStmt } from 'libpg-query';
import { splitTableName, tableName, type TableName } from '../../model/names.ts';
import type { StatisticsDefinition } from '../../model/schema.ts';
import { renamed } from '../../model/sql-words.ts';
import type { SchemaDraft } from './schema-draft.ts';
import { qualifiedName, relationName, strings } from './syntax-tree.ts';
import { untilSeparator, type DefinitionContext } from './table-definition.ts';

/** CREATE STATISTICS, as the catalogue would tell it. */
export function createStatistics(node: CreateStatsStmt, { draft, schema, source }: DefinitionContext): void {
  const relation = node.relations?.[0];
  if (!relation || !('RangeVar' in relation)) return;
  const table = relationName(relation.RangeVar, schema);
  const elements = (node.exprs ?? []).flatMap((item) => ('StatsElem' in item ? [item.StatsElem] : []));
  const columns = elements.flatMap(({ name }) => (name === undefined ? [] : [name]));
  const parts = splitTableName(table);
  const named = strings(node.defnames);
  const own = named.length > 0 ? splitTableName(qualifiedName(named, schema)) : { schema: parts.schema, table: `${parts.table}_${elements.map(({ name = 'expr' }) => name).join('_')}_stat` };
  const name = tableName(own.schema, own.table);
  if (node.if_not_exists === true && draft.statistics.has(name)) return;
  const expressions = textsOf(source.slice(0), elements.length).filter((_, i) => elements[i]?.name === undefined);
  draft.statistics.set(name, { schema: own.schema, name: own.table, table, kinds: kindsOf(strings(node.stat_types), elements.length), columns, expressions });
}

/** One expression has none of its own; without a word of them, several have all. */
function kindsOf(told: readonly string[], elements: number): string[] {
  return elements === 1 ? [] : told.length > 0 ? told.map((kind) => kind.toLowerCase()).toSorted() : ['dependencies', 'mcv', 'ndistinct'];
}

/** What stands between ON and FROM, part by part. */
function textsOf(text: string, count: number): string[] {
  const plain = text.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, (quoted) => '_'.repeat(quoted.length));
  let rest = text.slice((/\bon\b/i.exec(plain)?.index ?? 0) + 'on'.length);
  return Array.from({ length: count }, (_, i) => {
    const part = untilSeparator(rest);
    rest = rest.slice(part.length + 1);
    return (i < count - 1 ? part : part.replace(/\sfrom\s+(?:only\s+)?(?:"(?:[^"]|"")*"|[^"\s])+\s*;?\s*$/i, '')).trim();
  });
}

/** Statistics of a table go with it, and with each column of theirs. */
export function dropStatisticsOn({ statistics }: SchemaDraft, table: TableName, column?: string): void {
  for (const [key, each] of statistics) if (each.table === table && (column === undefined || each.columns.includes(column))) statistics.delete(key);
}

/** Under another name, or of a table or column that has another one. */
export function changeStatistics({ statistics }: SchemaDraft, change: (each: StatisticsDefinition) => StatisticsDefinition): void {
  const changed = [...statistics.values()].map(change);
  statistics.clear();
  for (const each of changed) statistics.set(tableName(each.schema, each.name), each);
}

/** Those of a table, by the new name of a column. */
export function withStatisticsColumn(each: StatisticsDefinition, table: TableName, { from, to }: { readonly from: string; readonly to: string }): StatisticsDefinition {
  return each.table === table ? { ...each, columns: each.columns.map((column) => (column === from ? to : column)), expressions: each.expressions.map((text) => renamed(text, from, to)) } : each;
}
