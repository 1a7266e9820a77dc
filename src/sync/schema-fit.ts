import type { AcceptedTables, CatalogColumn, CatalogTable, SchemaChange } from '../model/catalog.ts';
import { otherSide, sourceSide, type Direction, type Side } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import { holdsValuesOf } from '../model/wider-type.ts';

/** Where columns that the source has got are added unasked. */
export type AdditivePolicy = 'service' | 'everywhere' | 'pause';

/** What somebody has to run, and where, so that a table goes on. */
export interface SchemaStep {
  readonly side: Side;
  readonly change: SchemaChange;
}

export type SchemaFault = 'BANYAN_SCHEMA_CHANGED' | 'BANYAN_SCHEMA_CONFLICT';

/** Whether rows of the source can be written into the target as both are now. */
export type SchemaFit =
  | { readonly kind: 'fits'; readonly accepted: AcceptedTables; /** Columns of the target that the source has dropped. */ readonly left: readonly string[] }
  /** They could, with these changes of the target, which lose nothing and ask for nothing. */
  | { readonly kind: 'additive'; readonly changes: readonly SchemaChange[] }
  | { readonly kind: 'misfit'; readonly code: SchemaFault; readonly reason: string; readonly steps: readonly SchemaStep[] };

export interface SchemaFitOptions {
  readonly mapping: TableMapping;
  readonly direction: Direction;
  readonly additive: AdditivePolicy;
  readonly source: CatalogTable | undefined;
  readonly target: CatalogTable | undefined;
  /** How both were when they last fitted. Absent: as they are found now, they were meant. */
  readonly accepted: AcceptedTables | undefined;
}

interface Misfit {
  readonly code: SchemaFault;
  readonly reason: string;
  readonly steps: readonly SchemaStep[];
  /** Set where the change may be made unasked. */
  readonly additive?: SchemaChange;
}

/** Compares both catalogues of one table. Pure. */
export function schemaFit(options: SchemaFitOptions): SchemaFit {
  const { mapping, direction, source, target, accepted } = options;
  const from = sourceSide(direction);
  if (!source) return misfit({ code: CHANGED, reason: `the ${from} has no table ${mapping[from]} any more`, steps: [] });
  const to = otherSide(from);
  if (!target) return misfit({ code: CHANGED, reason: `the ${to} has no table ${mapping[to]} any more; it has to be made again`, steps: [] });
  const sides: Sides = { ...options, from, to, source, target, accepted, nameThere: namesThere(mapping, from, to) };
  const misfits = [...source.columns.flatMap((column) => columnMisfit(column, sides)), ...demandsOf(sides), ...keyMisfit(sides)];
  if (misfits.length === 0) {
    const left = leftOf(sides);
    return { kind: 'fits', accepted: { source: remembering(source, accepted?.source, []), target: remembering(target, accepted?.target, left) }, left };
  }
  const changes = misfits.flatMap(({ additive }) => (additive ? [additive] : []));
  if (changes.length === misfits.length) return { kind: 'additive', changes };
  return misfit({
    code: misfits.some(({ code }) => code === CONFLICT) ? CONFLICT : CHANGED,
    reason: misfits.map(({ reason }) => reason).join('; '),
    steps: misfits.flatMap(({ steps }) => steps),
  });
}

const CHANGED: SchemaFault = 'BANYAN_SCHEMA_CHANGED';
const CONFLICT: SchemaFault = 'BANYAN_SCHEMA_CONFLICT';

const misfit = (options: Misfit): SchemaFit => ({ kind: 'misfit', code: options.code, reason: options.reason, steps: options.steps });

interface Sides extends Omit<SchemaFitOptions, 'source' | 'target'> {
  readonly from: Side;
  readonly to: Side;
  readonly source: CatalogTable;
  readonly target: CatalogTable;
  /** What the target calls a column of the source; undefined: it is not carried. */
  readonly nameThere: (name: string) => string | undefined;
}

function namesThere({ columns }: TableMapping, from: Side, to: Side): (name: string) => string | undefined {
  if (!columns) return (name) => name;
  const names = new Map(columns.map((column) => [column[from], column[to]]));
  return (name) => names.get(name);
}

function columnMisfit(column: CatalogColumn, sides: Sides): readonly Misfit[] {
  const { target, nameThere, mapping } = sides;
  const name = nameThere(column.name);
  if (name === undefined) return [];
  const there = target.columns.find((each) => each.name === name);
  if (there) return mapping.columns || mapping.functions ? [] : typeMisfit(column, there, sides);
  return [missingMisfit(column, name, sides)];
}

function missingMisfit(column: CatalogColumn, name: string, sides: Sides): Misfit {
  const { from, to, source, target, accepted, mapping } = sides;
  const before = accepted?.source.columns.find(({ number }) => number === column.number);
  const lacks = `the ${to} has no column "${name}"`;
  if (!before) return newColumn(column, sides);
  if (before.name !== column.name && target.columns.some((each) => each.name === before.name)) {
    const change = { kind: 'rename-column', table: target.name, from: before.name, to: column.name } as const;
    const there = accepted?.target.columns.find((each) => each.name === before.name);
    const now = target.columns.find(({ number }) => number === there?.number);
    return {
      code: now && now.name !== before.name ? CONFLICT : CHANGED,
      reason: `"${before.name}" of ${mapping[from]} was renamed to "${column.name}", and ${lacks}`, steps: [{ side: to, change }],
    };
  }
  const known = accepted?.target.columns.find((each) => each.name === name || each.name === before.name);
  const renamed = target.columns.find(({ number }) => number === known?.number);
  if (!renamed) return { code: CHANGED, reason: `"${name}" of ${mapping[to]} was dropped there, and the ${from} still writes it`, steps: [{ side: from, change: { kind: 'drop-column', table: source.name, column: column.name } }] };
  const change = { kind: 'rename-column', table: source.name, from: column.name, to: renamed.name } as const;
  return before.name === column.name
    ? { code: CHANGED, reason: `"${name}" of ${mapping[to]} was renamed to "${renamed.name}", and the ${from} still writes it`, steps: [{ side: from, change }] }
    : { code: CONFLICT, reason: `"${before.name}" was renamed to "${column.name}" on the ${from} and to "${renamed.name}" on the ${to}`, steps: [{ side: from, change }] };
}

/** A column that was not there when both fitted. */
function newColumn(column: CatalogColumn, sides: Sides): Misfit {
  const { to, from, source, target, accepted, additive, mapping } = sides;
  const { existing, notNull } = column;
  const reason = `the ${from} has a new column "${column.name}" of ${mapping[from]}, which the ${to} lacks`;
  const add = (notNull: boolean): SchemaChange => ({ kind: 'add-column', table: target.name, column, notNull });
  if (column.identity) return { code: CHANGED, reason: `${reason}; it numbers its rows by itself`, steps: againOf(column, sides) };
  // Rows that were rewritten hold values that neither the catalogue nor the log tells.
  if (existing === undefined && (accepted ? source.files !== accepted.source.files : column.filled)) {
    return { code: CHANGED, reason: `${reason}; its rows were given values that the log does not tell`, steps: againOf(column, sides) };
  }
  if (notNull && !column.filled) {
    // Whoever writes there does not know the column yet.
    return { code: CHANGED, reason: `${reason}; it allows no null and has no default`, steps: [{ side: to, change: add(false) }] };
  }
  if (notNull && existing === undefined) {
    // What the rows hold that the log has told of already, nobody tells again.
    return { code: CHANGED, reason: `${reason}; it allows no null, and what its rows hold is not known`, steps: againOf(column, sides) };
  }
  const change = add(notNull);
  const unasked = additive === 'everywhere' || (additive === 'service' && to === 'service');
  return { code: CHANGED, reason, steps: [{ side: to, change }], ...(unasked ? { additive: change } : {}) };
}

/** The column there without a default of its own, then the rows of the source written once more. */
function againOf(column: CatalogColumn, { to, from, source, target }: Sides): readonly SchemaStep[] {
  const { default: _, existing: __, ...plain } = column;
  return [
    { side: to, change: { kind: 'add-column', table: target.name, column: { ...plain, filled: false }, notNull: false } },
    { side: from, change: { kind: 'write-again', table: source.name, column: column.name } },
  ];
}

function typeMisfit(column: CatalogColumn, there: CatalogColumn, { from, to, source, target, accepted, mapping }: Sides): readonly Misfit[] {
  if (!accepted || column.type === there.type || holdsValuesOf(there.type, column.type)) return [];
  const here = accepted.source.columns.find(({ number }) => number === column.number);
  const known = accepted.target.columns.find(({ number }) => number === there.number);
  const changedHere = here?.type !== column.type;
  const changedThere = known?.type !== there.type;
  if (!changedHere && !changedThere) return [];
  if (changedHere && changedThere) {
    return [{
      code: CONFLICT, reason: `"${column.name}" of ${mapping[from]} is ${column.type} on the ${from} and ${there.type} on the ${to} now`,
      steps: [{ side: to, change: { kind: 'change-type', table: target.name, column: there.name, type: column.type } }],
    }];
  }
  const step: SchemaStep = changedHere
    ? { side: to, change: { kind: 'change-type', table: target.name, column: there.name, type: column.type } }
    : { side: from, change: { kind: 'change-type', table: source.name, column: column.name, type: there.type } };
  return [{ code: CHANGED, reason: `"${column.name}" of ${mapping[from]} is ${column.type} on the ${from}, and ${there.type} on the ${to} does not hold all of that`, steps: [step] }];
}

/** Columns of the target that want a value, and that the source brings none for any more. */
function demandsOf(sides: Sides): readonly Misfit[] {
  const { to, target, accepted, mapping } = sides;
  if (!accepted) return [];
  return withoutSource(sides)
    .filter((column) => column.notNull && !column.filled)
    .filter((column) => !withoutSource({ ...sides, source: accepted.source, target: accepted.target }).some((before) => before.name === column.name && before.notNull && !before.filled))
    .map((column) => ({
      code: CHANGED, reason: `"${column.name}" of ${mapping[to]} must be given a value, and no column of the other side gives it one`,
      steps: [{ side: to, change: { kind: 'allow-null', table: target.name, column: column.name } }],
    }));
}

function withoutSource({ source, target, nameThere }: Pick<Sides, 'source' | 'target' | 'nameThere'>): readonly CatalogColumn[] {
  const brought = new Set(source.columns.map(({ name }) => nameThere(name)));
  return target.columns.filter(({ name }) => !brought.has(name));
}

/** What both had, and the source has no more: the target keeps it as it is. */
function leftOf(sides: Sides): readonly string[] {
  const { accepted, nameThere } = sides;
  if (!accepted) return [];
  const had = new Set(accepted.source.columns.map(({ name }) => nameThere(name)));
  const gone = new Set(accepted.target.columns.filter(({ formerly }) => formerly?.includes(GONE)).map(({ number }) => number));
  return withoutSource(sides).filter(({ name, number }) => had.has(name) || gone.has(number)).map(({ name }) => name);
}

function keyMisfit({ to, source, target, accepted, nameThere, mapping }: Sides): readonly Misfit[] {
  if (!accepted || mapping.columns) return [];
  const wanted = source.key.map((name) => nameThere(name) ?? name);
  if (sameNames(wanted, target.key)) return [];
  if (sameNames(source.key, accepted.source.key) && sameNames(target.key, accepted.target.key)) return [];
  const change: SchemaChange = { kind: 'change-key', table: target.name, columns: wanted, ...(target.keyName === undefined ? {} : { formerKey: target.keyName }) };
  return [{ code: CHANGED, reason: `rows of ${mapping[to]} are known by (${target.key.join(', ')}) there, and by (${source.key.join(', ')}) on the other side`, steps: wanted.length === 0 ? [] : [{ side: to, change }] }];
}

const sameNames = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name) => b.includes(name));

/** Stands among the former names of a column whose counterpart was dropped; no column can have it. */
const GONE = '';

/** A table with the names that its columns had before. */
function remembering(table: CatalogTable, before: CatalogTable | undefined, left: readonly string[]): CatalogTable {
  if (!before) return table;
  return {
    ...table,
    columns: table.columns.map((column) => {
      const known = before.columns.find(({ number }) => number === column.number);
      const names = [...(known?.formerly ?? []), ...(known && known.name !== column.name ? [known.name] : []), ...(left.includes(column.name) ? [GONE] : [])];
      const others = [...new Set(names)].filter((name) => name !== column.name);
      const added = known ? known.added === true : true;
      return { ...column, ...(added ? { added } : {}), ...(others.length === 0 ? {} : { formerly: others }) };
    }),
  };
}
