import type { DeclaredReference } from '../../model/declared-reference.ts';
import type { TableName } from '../../model/names.ts';
import type { ForeignKey, Schema } from '../../model/schema.ts';
import type { TableMapping } from '../../model/table-mapping.ts';
import type { PlacedEnd, Reference, ReferenceEnd, ReferenceFinder, ReferenceReader } from '../../ports/references.ts';
import type { FenceOptions } from '../../ports/fence.ts';
import type { StructureScope } from '../../ports/structure.ts';
import { readComparison, type Comparison, type ComparisonOptions } from './comparison.ts';

/** Another service, to which tables of the monolith belong. */
export interface OtherOwner {
  readonly name: string;
  readonly mappings: readonly TableMapping[];
  readonly reader: ReferenceReader;
  /** Its streams, where they run. */
  readonly fence?: FenceOptions;
}

export interface ReferenceFinderOptions extends ComparisonOptions {
  readonly readers: { readonly source: ReferenceReader; readonly target: ReferenceReader };
  /** The other services: what they own is looked for there. Default: none. */
  readonly others?: readonly OtherOwner[];
  /** References without a constraint, by the source's names. Default: none. */
  readonly declared?: readonly DeclaredReference[];
}

/**
 * Finds references where foreign keys say so: inside the source, inside the target, and from the target to what
 * stayed behind when the table was taken out; and where somebody declared one.
 *
 * Left out: keys over columns that a module makes or a mapping gives other values, and periods.
 */
export class PostgresReferenceFinder implements ReferenceFinder {
  readonly #options: ReferenceFinderOptions;

  constructor(options: ReferenceFinderOptions) {
    this.#options = options;
  }

  async find({ tables }: { readonly tables: readonly StructureScope[] }): Promise<readonly Reference[]> {
    const comparison = await readComparison(this.#options, tables);
    if (!comparison) return [];
    const ends = new Ends(comparison, this.#options);
    return [...comparison.scopes.flatMap((scope) => constraintsOf(scope, comparison, ends)), ...(this.#options.declared ?? []).flatMap((declared) => declaredOf(declared, comparison, ends))];
  }
}

/** Where rows are, and what they are called there. */
class Ends {
  readonly #comparison: Comparison;
  readonly #options: ReferenceFinderOptions;

  constructor(comparison: Comparison, options: ReferenceFinderOptions) {
    this.#comparison = comparison;
    this.#options = options;
  }

  at(side: 'source' | 'target', end: ReferenceEnd): PlacedEnd {
    return { database: side, end, reader: this.#options.readers[side] };
  }

  /** Columns of the source in the target's words; undefined: not all of them are there as they are. */
  moved(table: TableName, columns: readonly string[]): ReferenceEnd | undefined {
    const mapping = this.#comparison.moved.find((each) => each.monolith === table && !each.part);
    return mapping && renamed(mapping, columns);
  }

  /** Where a table is that the target does not have: with the service that owns it whole, else in the source. */
  elsewhere(table: TableName, columns: readonly string[]): { readonly end: PlacedEnd; readonly fence?: FenceOptions } {
    for (const { name, mappings, reader, fence } of this.#options.others ?? []) {
      const mapping = mappings.find((each) => each.monolith === table && !each.part && each.where === undefined);
      const end = mapping && renamed(mapping, columns);
      if (end) return { end: { database: name, end, reader }, ...(fence ? { fence } : {}) };
    }
    return { end: this.at('source', { table, columns }) };
  }
}

function renamed(mapping: TableMapping, columns: readonly string[]): ReferenceEnd | undefined {
  if (mapping.functions) return undefined;
  const names = columns.map((name) => (mapping.columns ? mapping.columns.find((column) => column.monolith === name && !column.values)?.service : name));
  return names.every((name) => name !== undefined) ? { table: mapping.service, columns: names } : undefined;
}

const filtered = (end: ReferenceEnd, where: string | undefined): ReferenceEnd => (where === undefined ? end : { ...end, where });

function constraintsOf(scope: StructureScope, { own, actual, moved: mappings }: Comparison, ends: Ends): readonly Reference[] {
  const home = scope.target;
  const by = 'constraint' as const;
  const excluded = new Set(scope.exclude ?? []);
  const inSource = keysOf(own, scope.source).filter((key) => !key.columns.some((name) => excluded.has(name)));
  const moved = new Set(mappings.map(({ monolith }) => monolith));
  const inTarget = keysOf(actual, scope.target);
  const child = (key: ForeignKey): ReferenceEnd | undefined => {
    const end = ends.moved(scope.source, key.columns);
    return end && end.table === scope.target ? filtered(end, scope.targetWhere) : undefined;
  };
  return [
    ...inSource.map(({ name, columns, references, referencedColumns }): Reference => ({
      name, by, home, child: ends.at('source', filtered({ table: scope.source, columns }, scope.where)), parent: ends.at('source', { table: references, columns: referencedColumns }),
    })),
    ...inTarget.map(({ name, columns, references, referencedColumns }): Reference => ({
      name, by, home, child: ends.at('target', filtered({ table: scope.target, columns }, scope.targetWhere)), parent: ends.at('target', { table: references, columns: referencedColumns }),
    })),
    ...inSource.flatMap((key): Reference[] => {
      const end = child(key);
      if (!end || inTarget.some((other) => same(other.columns, end.columns))) return [];
      if (!moved.has(key.references)) {
        const { end: parent, fence } = ends.elsewhere(key.references, key.referencedColumns);
        return [{ name: key.name, by, home, child: ends.at('target', end), parent, ...(fence ? { fence } : {}) }];
      }
      // The target may lack the constraint that it should have.
      const parent = ends.moved(key.references, key.referencedColumns);
      return parent ? [{ name: key.name, by, home, child: ends.at('target', end), parent: ends.at('target', parent) }] : [];
    }),
  ];
}

const keysOf = (schema: Schema, table: TableName): readonly ForeignKey[] =>
  (schema.tables.find(({ name }) => name === table)?.foreignKeys ?? []).filter((key) => !/\bPERIOD\b/.test(key.definition));

const same = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name) => b.includes(name));

/** One that is declared is looked at where its rows belong; with both ends moved, also as the source has them. */
function declaredOf(declared: DeclaredReference, { scopes, own }: Comparison, ends: Ends): readonly Reference[] {
  const { from, to, name } = declared;
  const by = 'configuration' as const;
  const scopeOf = (table: TableName): StructureScope | undefined => scopes.find(({ source }) => source === table);
  const [child, parent] = [ends.moved(from.table, from.columns), ends.moved(to.table, to.columns)];
  const scope = scopeOf(from.table);
  if (child && scope) {
    const home = scope.target;
    const end = ends.at('target', filtered(child, scope.targetWhere));
    if (!parent) {
      const { end: there, fence } = ends.elsewhere(to.table, to.columns);
      return [{ name, by, home, child: end, parent: there, ...(fence ? { fence } : {}) }];
    }
    const both = [from.table, to.table].every((table) => own.tables.some((each) => each.name === table));
    return [
      { name, by, home, child: end, parent: ends.at('target', parent) },
      ...(both ? [{ name, by, home, child: ends.at('source', filtered(from, scope.where)), parent: ends.at('source', to) }] : []),
    ];
  }
  // Of rows that stayed behind; those of another service are looked at with that service.
  const home = scopeOf(to.table)?.target;
  const { end, fence } = ends.elsewhere(from.table, from.columns);
  if (child || !parent || home === undefined || end.database !== 'source') return [];
  return [{ name, by, home, child: end, parent: ends.at('target', parent), ...(fence ? { fence } : {}) }];
}
