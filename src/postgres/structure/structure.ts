import { quoteTable, tableName, type TableName } from '../../model/names.ts';
import type { Table } from '../../model/schema.ts';
import type { SchemaFinding, SequenceFinding, StructureCheck } from '../../model/structure-finding.ts';
import type { StructureComparer, StructureScope, TableStructure } from '../../ports/structure.ts';
import { compareSequence } from '../provision/compare.ts';
import { matchSequences } from '../provision/provisioner.ts';
import { asSpelled } from './as-spelled.ts';
import { compareNumbers, pairSequences } from './compare-sequences.ts';
import { compareTable } from './compare-table.ts';
import { readComparison, type Comparison, type ComparisonOptions } from './comparison.ts';
import { compareTypes, isOfType } from './compare-types.ts';
import { drawnFrom } from './read-numbers.ts';
import { finding, type TableContext } from './table-context.ts';

/**
 * Compares two catalogues through the mapping that `provision` and `sync` use: what the mapping intends is no
 * drift. Rules are compared by what they demand, not by their names. Two dozen statements on each side,
 * and two for each sequence, however many rows there are.
 */
export class PostgresStructure implements StructureComparer {
  readonly #options: ComparisonOptions;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  async compare(options: { readonly tables: readonly StructureScope[]; readonly checks: ReadonlySet<StructureCheck> }): Promise<readonly TableStructure[]> {
    const { checks } = options;
    if (!checks.has('schema') && !checks.has('sequences')) return [];
    const comparison = await readComparison(this.#options, options.tables);
    if (!comparison) return [];
    const { scopes } = comparison;
    const schema = checks.has('schema') ? schemaFindings(comparison) : new Map<TableName, SchemaFinding[]>();
    const sequences = checks.has('sequences') ? await this.#sequences(comparison) : new Map<TableName, SequenceFinding[]>();
    return scopes.map(({ target }) => ({ target, schema: schema.get(target) ?? [], sequences: sequences.get(target) ?? [] }));
  }

  async #sequences(comparison: Comparison): Promise<ReadonlyMap<TableName, SequenceFinding[]>> {
    const { own, expected, actual, scopes } = comparison;
    const pairs = pairSequences({
      own, target: actual, names: matchSequences(expected, actual),
      sourceTables: new Set(scopes.map(({ source }) => source)), targetTables: new Set(scopes.map(({ target }) => target)),
    });
    const found = new Map<TableName, SequenceFinding[]>();
    for (const pair of pairs) {
      const home = pair.fedTarget[0]?.table ?? scopes.find(({ source }) => source === pair.fedSource[0]?.table)?.target;
      if (home !== undefined) append(found, home, await compareNumbers(pair, this.#options.primaries ?? this.#options));
    }
    return found;
  }
}

function append<T>(found: Map<TableName, T[]>, table: TableName, more: readonly T[]): void {
  found.set(table, [...(found.get(table) ?? []), ...more]);
}

function schemaFindings(comparison: Comparison): ReadonlyMap<TableName, SchemaFinding[]> {
  const { expected, actual, own, scopes } = comparison;
  const found = new Map<TableName, SchemaFinding[]>();
  for (const scope of scopes) {
    const context = contextOf(scope, comparison);
    if (context) append(found, scope.target, asSpelled(compareTable(context, { source: expected, target: actual }), comparison.sameSpelling));
  }
  for (const { type, finding: of } of compareTypes(own, actual)) {
    // Said once, at the first table that has it on both sides; a composite type may hold it further down.
    const using = scopes.filter(({ target }) => expected.tables.some((table) => table.name === target));
    const has = (tables: readonly Table[], { target }: StructureScope) => tables.find((table) => table.name === target)?.columns.some((column) => isOfType(column.type, type)) === true;
    const home = using.find((scope) => has(expected.tables, scope) && has(actual.tables, scope)) ?? (own.domains.length + (own.structuredTypes ?? []).length > 0 ? using[0] : undefined);
    if (home) append(found, home.target, [of]);
  }
  for (const [name, there] of matchSequences(expected, actual)) {
    const mine = expected.sequences.find((sequence) => tableName(sequence.schema, sequence.name) === name);
    const theirs = actual.sequences.find((sequence) => tableName(sequence.schema, sequence.name) === there);
    const home = scopes.find(({ target }) => target === mine?.ownedBy?.table) ?? scopes.find(({ target }) => expected.tables.find((table) => table.name === target)?.columns.some((column) => drawnFrom(column.default) === name));
    if (!mine || !theirs || !home) continue;
    const retyped = contextOf(home, comparison)?.reshaped === true;
    append(found, home.target, compareSequence(mine, theirs).filter(({ property }) => !retyped || (property !== 'type' && property !== 'max')).map(({ property, monolith, service }) =>
      finding('sequence_definition', { object: `sequence ${there} (${property})`, source: monolith, target: service, sql: redefinition(there, property, monolith) }),
    ));
  }
  return found;
}

function redefinition(sequence: TableName, property: string, value: string): readonly string[] {
  const clause = { type: `AS ${value}`, increment: `INCREMENT BY ${value}`, max: `MAXVALUE ${value}`, cycle: value === 'true' ? 'CYCLE' : 'NO CYCLE' }[property];
  return clause === undefined ? [] : [`ALTER SEQUENCE ${quoteTable(sequence)} ${clause}`];
}

function contextOf(scope: StructureScope, { own, expected, actual, mappings }: Comparison): TableContext | undefined {
  const wanted = expected.tables.find(({ name }) => name === scope.target);
  const there = actual.tables.find(({ name }) => name === scope.target);
  const forms = mappings.filter((mapping) => mapping.service === scope.target);
  if (!wanted || !there || forms.length === 0 || forms.some(({ functions }) => functions)) return undefined;
  const named = forms.some(({ columns }) => columns);
  const kept = forms.every(({ columns }) => columns?.every((column) => column.monolith === column.service && !column.values && column.type === undefined) !== false);
  const whole = forms.length === 1 && forms[0]?.columns?.length === own.tables.find(({ name }) => name === scope.source)?.columns.length;
  const alike = forms.length === 1 && scope.source === scope.target && !named;
  const targetNames = new Map((forms[0]?.columns ?? []).map((column) => [column.monolith, column.service]));
  const sequences = matchSequences(expected, actual);
  // A table that a module makes is there, and nobody knows how it looks.
  const opaque = new Set(mappings.filter(({ functions }) => functions).map(({ service }) => service));
  const moved = new Set(expected.tables.map(({ name }) => name));
  return {
    expected: wanted, actual: there, sourceName: scope.source, alike, chosen: named,
    // As provisioning sees it: with fewer columns, checks may speak of one that is not there.
    reshaped: named && !(kept && whole),
    revalued: new Set(forms.flatMap(({ columns = [] }) => columns.flatMap(({ service, values }) => (values ? [service] : [])))),
    excluded: new Set((scope.exclude ?? []).map((name) => targetNames.get(name) ?? name)),
    translated: (expression) => {
      const sequence = drawnFrom(expression);
      const other = sequence === undefined ? undefined : [...sequences].find(([name]) => name === sequence)?.[1];
      return other === undefined ? expression : `nextval('${other.replaceAll("'", "''")}'::regclass)`;
    },
    comparable: (table) => moved.has(table) && !opaque.has(table) && actual.tables.some(({ name }) => name === table),
  };
}
