import { quoteIdentifier, quoteLiteral, quoteTable } from '../../../model/names.ts';
import type { StatisticsDefinition } from '../../../model/schema.ts';
import { displayName, PHASES, qualified, type Pair, type Step } from './differences.ts';
import { canonical, guarded, mentions, regclass, waiting } from './sql-text.ts';

/** Extended statistics (CREATE STATISTICS). The server drops them with a column of theirs; what is made again gets them again. */
export function compareStatistics({ before, after, differences, rebuilt }: Pair): void {
  const [old, fresh] = [byName(before.statistics), byName(after.statistics)];
  for (const [key, each] of old) {
    if (fresh.has(key)) continue;
    if (after.tables.some(({ name }) => name === each.table)) find('statistics-removed', each, `The statistics ${titleOf(each)} of ${displayName(each.table)} are gone.`, each);
    differences.step(drop(each));
  }
  for (const [key, each] of fresh) {
    const former = old.get(key);
    if (!former) {
      if (before.tables.some(({ name }) => name === each.table)) find('statistics-added', each, `The statistics ${titleOf(each)} of ${displayName(each.table)} are new.`, undefined, each);
      differences.step(make(each));
      continue;
    }
    const isChanged = headOf(former) !== headOf(each);
    if (isChanged) find('statistics-modified', each, `The statistics ${titleOf(each)} are of something else.`, former, each);
    if (isChanged || standsOnTurning(each)) differences.step(drop(former), make(each));
  }

  function find(rule: string, each: StatisticsDefinition, description: string, was?: StatisticsDefinition, is?: StatisticsDefinition): void {
    differences.find(rule, { field_path: `statistics.${titleOf(each)}`, description, affected_operations: ['SELECT'], ...(was ? { old_value: headOf(was) } : {}), ...(is ? { new_value: headOf(is) } : {}) });
  }

  /** Whether a column of it is dropped and made again, or an expression of it may be printed otherwise afterwards. */
  function standsOnTurning({ table, columns, expressions }: StatisticsDefinition): boolean {
    const [was, is] = [before, after].map(({ tables }) => tables.find(({ name }) => name === table)?.columns ?? []);
    return (was ?? []).some((column) => {
      const now = is?.find(({ name }) => name === column.name);
      const isNamed = expressions.some((text) => mentions(text, column.name));
      if (!columns.includes(column.name) && !isNamed) return false;
      return !now || now.generated !== column.generated || rebuilt.has(column.type.replace(/(\[\])+$/, '')) || (isNamed && now.type !== column.type);
    });
  }
}

const byName = (statistics: readonly StatisticsDefinition[] = []): Map<string, StatisticsDefinition> => new Map(statistics.map((each) => [titleOf(each), each]));

const titleOf = ({ schema, name }: StatisticsDefinition): string => (schema === 'public' ? name : `${schema}.${name}`);

/** One spelling: the server keeps neither the order of columns nor that of kinds. */
function headOf({ table, kinds, columns, expressions }: StatisticsDefinition): string {
  return `${kinds.length === 0 ? '' : `(${kinds.toSorted().join(', ')}) `}ON ${[...columns.toSorted(), ...expressions.map(canonical)].join(', ')} FROM ${displayName(table)}`;
}

const row = ({ schema, name }: StatisticsDefinition): string => `FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname = ${quoteLiteral(schema)} AND s.stxname = ${quoteLiteral(name)}`;

function createSql({ schema, name, table, kinds, columns, expressions }: StatisticsDefinition): string {
  const parts = [...columns.map(quoteIdentifier), ...expressions.map((text) => `(${text})`)];
  return `CREATE STATISTICS ${qualified(schema, name)}${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`} ON ${parts.join(', ')} FROM ${quoteTable(table)}`;
}

const KINDS: Readonly<Record<string, string>> = { dependencies: 'f', mcv: 'm', ndistinct: 'd' };

/** Whether there are some of this name that are of these columns, kinds and so many expressions: a former form is not taken for it. */
function isThere(each: StatisticsDefinition): string {
  const columns = `ARRAY[${each.columns.toSorted().map(quoteLiteral).join(', ')}]::text[]`;
  const kinds = `ARRAY[${[...each.kinds.map((kind) => KINDS[kind] ?? kind), ...(each.expressions.length > 0 ? ['e'] : [])].toSorted().map(quoteLiteral).join(', ')}]::text[]`;
  return [
    `EXISTS (SELECT ${row(each)} AND s.stxrelid = ${regclass(each.table)}`,
    `(SELECT coalesce(array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C"), '{}') FROM pg_attribute a WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys)) = ${columns}`,
    `(SELECT coalesce(array_agg(k::text ORDER BY k::text COLLATE "C"), '{}') FROM unnest(s.stxkind) k) = ${kinds})`,
  ].join(' AND ');
}

const dropSql = (each: StatisticsDefinition): string => waiting(guarded(isThere(each), `DROP STATISTICS ${qualified(each.schema, each.name)}`));
const makeSql = (each: StatisticsDefinition): string => waiting(guarded(`${regclass(each.table)} IS NOT NULL AND NOT EXISTS (SELECT ${row(each)})`, createSql(each)));

function drop(each: StatisticsDefinition): Step {
  return { phase: PHASES.dropRule, about: [each.table], description: `Drop statistics ${titleOf(each)}`, forward: dropSql(each), back: makeSql(each), holds: `NOT ${isThere(each)}` };
}

function make(each: StatisticsDefinition): Step {
  return { phase: PHASES.attribute, about: [each.table], description: `Create statistics ${titleOf(each)}`, forward: makeSql(each), back: dropSql(each), holds: isThere(each) };
}
