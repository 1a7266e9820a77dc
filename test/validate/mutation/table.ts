import { quoteIdentifier } from '../../../src/model/names.ts';
import type { TableToValidate } from '../../../src/validate/pair.ts';
import type { ToleranceRules } from '../../../src/validate/tolerance.ts';
import type { Dice } from '../dice.ts';
import { KEY_PARTS, SMALL_PARTS, type KeyPart } from './keys.ts';
import { KINDS, type Text, type ValueKind } from './kinds.ts';

/** A column of both sides. */
export interface PlantedColumn {
  readonly source: string;
  readonly target: string;
  readonly sourceType: string;
  readonly targetType: string;
  readonly meaning: (text: string) => string;
  /** In a table without a key. */
  readonly inBags: (text: string) => string;
  /** The target's vocabulary. */
  readonly vocabulary?: ReadonlyMap<string, string>;
  readonly excluded: boolean;
  readonly number?: 'floats' | 'decimals';
  /** How far values may be apart. */
  readonly bounds?: Bounds;
}

export interface Bounds {
  readonly absolute?: number;
  readonly relative?: number;
}

export interface PlantedRow {
  /** Texts of all columns, the key first; undefined: the side does not have the row. */
  source?: readonly Text[];
  target?: readonly Text[];
  /** Whether the filter keeps it there. */
  readonly kept: { source: boolean; target: boolean };
}

/** What was done to a table, for the message of a failed round and the statistics. */
export interface Corruption {
  readonly name: string;
  readonly kind: string;
  /** Whether a comparison has to see it. */
  readonly seen: boolean;
  readonly row: PlantedRow;
}

export interface PlantedTable {
  readonly names: { readonly source: string; readonly target: string };
  readonly create: { readonly source: string; readonly target: string };
  readonly columns: readonly PlantedColumn[];
  readonly keyLength: number;
  readonly filtered: boolean;
  readonly spec: TableToValidate;
  /** Columns that one side alone has, and that are to be reported. */
  readonly drift: readonly { readonly column: string; readonly absentOn: 'source' | 'target' }[];
  readonly rows: readonly PlantedRow[];
  readonly corruptions: readonly Corruption[];
}

const NAMES = ['a', 'order', 'select', 'user', 'Mixed Case', 'quo"te', 'ünïcode', 't', 'w', 'k0', 'at', 'row', 'leaf', 'hash', 'dollar$1', 'tab\tstop', '__proto__', 'constructor', 'percent%s', 'ctid2', 'lateral', 'value', "it's", 'question?'];
const TABLES = ['t', 'order', 'T "x"', 'ta.ble', 'Straße', 'group', "o'clock"];
const VOCABULARY = new Map([['happy', 'joy'], ['sad', "it's grief"], ['So So', '']]);

interface DrawnKey {
  readonly parts: readonly { readonly part: KeyPart; readonly small: boolean }[];
  readonly nature: 'primary' | 'unique' | 'declared' | 'none';
  readonly on: 'both' | 'source' | 'target';
}

/** Draws a table, the names it has on both sides, its rows, and what is wrong with the target's copy. */
export function plant(dice: Dice, serial: number, exact: boolean): PlantedTable {
  const key = drawKey(dice);
  const kinds = Array.from({ length: 1 + dice.below(dice.chance(0.3) ? 15 : 6) }, () => dice.pick(exact ? KINDS.filter(({ targetType }) => targetType === undefined) : KINDS));
  // Two texts side by side, between which a boundary can move.
  if (dice.chance(0.25)) kinds.splice(dice.below(kinds.length + 1), 0, ...[0, 1].map(() => KINDS.find(({ type }) => type === 'varchar(40)') ?? dice.pick(KINDS)));
  // Two decimals, of which one may have a tolerance.
  if (dice.chance(0.1)) kinds.push(...KINDS.filter(({ type }) => type === 'numeric'), ...KINDS.filter(({ type }) => type === 'numeric'));
  const names = shuffled(NAMES, dice);
  const mapped = dice.chance(0.5);
  const sourceNames = [...key.parts, ...kinds].map((_, i) => (i < key.parts.length ? `${dice.pick(['id', 'Key', 'k"k'])}${i}` : (names[i - key.parts.length] ?? `c${i}`)));
  // The same names in another order: nothing may be found by its name alone.
  const targetNames = mapped ? shuffled(sourceNames, dice) : sourceNames;
  const columns = [
    ...key.parts.map(({ part }, i) => columnOf({ ...part, names: [sourceNames[i] ?? '', targetNames[i] ?? ''] })),
    ...kinds.map((kind, at) => {
      const i = key.parts.length + at;
      const vocabulary = mapped && kind.type === 'public.mood' && kind.targetType === 'text' ? VOCABULARY : undefined;
      return columnOf({ ...kind, names: [sourceNames[i] ?? '', targetNames[i] ?? ''], excluded: at > 0 && dice.chance(0.07), ...(vocabulary ? { vocabulary } : {}) });
    }),
  ];
  const tolerance = key.nature === 'none' || dice.chance(0.7) ? undefined : drawTolerance(columns.slice(key.parts.length), dice);
  const bounded = columns.map((column, i) => {
    const bounds = i < key.parts.length ? undefined : boundsOf(column, tolerance);
    return bounds ? { ...column, bounds } : column;
  });
  const filtered = dice.chance(0.3);
  const { rows, corruptions } = corrupt(drawRows(dice, key, kinds, columns), { dice, key, kinds, columns, filtered });
  const { spec, ...described } = describe({ dice, serial, key, columns, mapped, filtered });
  return { ...described, spec: tolerance ? { ...spec, tolerance } : spec, columns: bounded, keyLength: key.parts.length, filtered, rows, corruptions };
}

/** Cents and millionths; for kinds of numbers, or for one column. */
function drawTolerance(columns: readonly PlantedColumn[], dice: Dice): ToleranceRules {
  const decimals = { absolute: 0.05 };
  const floats = { relative: 1e-6 };
  const one = columns.find((column) => column.number !== undefined && !column.excluded);
  if (one === undefined || dice.chance(0.5)) return dice.pick([{ decimals }, { floats }, { decimals, floats }]);
  return { columns: { [one.source]: one.number === 'floats' ? floats : decimals }, ...(dice.chance(0.5) ? { decimals: { relative: 1e-3 } } : {}) };
}

function boundsOf(column: PlantedColumn, tolerance: ToleranceRules | undefined): Bounds | undefined {
  if (column.number === undefined) return undefined;
  const own = Object.entries(tolerance?.columns ?? {}).find(([name]) => name === column.source)?.[1] as Bounds | undefined;
  return own ?? (tolerance?.[column.number] as Bounds | undefined);
}

function drawKey(dice: Dice): DrawnKey {
  const nature = dice.pick(['primary', 'primary', 'primary', 'unique', 'unique', 'declared', 'none'] as const);
  if (nature === 'none') return { parts: [], nature, on: 'both' };
  const small = dice.chance(0.4) ? Array.from({ length: 1 + dice.below(2) }, () => ({ part: dice.pick(SMALL_PARTS), small: true })) : [];
  const parts = shuffled([...small, { part: dice.pick(KEY_PARTS), small: false }], dice);
  return { parts, nature, on: dice.pick(['both', 'both', 'source', 'target'] as const) };
}

function columnOf(given: (ValueKind | KeyPart) & { readonly names: readonly [string, string]; readonly excluded?: boolean; readonly vocabulary?: ReadonlyMap<string, string> }): PlantedColumn {
  const { type, targetType = type, names: [source, target], meaning = (text) => text, excluded = false, vocabulary } = given;
  return {
    source, target, sourceType: type, targetType, meaning, excluded,
    inBags: ('inBags' in given ? given.inBags : undefined) ?? meaning,
    ...(vocabulary ? { vocabulary } : {}),
    ...('number' in given && given.number ? { number: given.number } : {}),
  };
}

function drawRows(dice: Dice, key: DrawnKey, kinds: readonly ValueKind[], columns: readonly PlantedColumn[]): PlantedRow[] {
  const count = dice.chance(0.1) ? dice.below(3) : dice.chance(0.08) ? 600 + dice.below(500) : 5 + dice.below(60);
  const rows: PlantedRow[] = [];
  for (let n = 0; n < count; n++) {
    const values = kinds.map((kind): Text => (dice.chance(0.15) ? null : dice.chance(0.2) ? dice.pick(kind.near).a : kind.draw(dice)));
    const source = [...key.parts.map(({ part }) => part.at(n, dice)), ...values];
    // Copies, where nothing tells rows apart.
    const copies = key.nature === 'none' && dice.chance(0.3) ? 1 + dice.below(4) : 1;
    for (let i = 0; i < copies; i++) rows.push({ source, target: translated(source, columns), kept: { source: true, target: true } });
  }
  return rows;
}

/** The target's texts of a row of the source. */
function translated(row: readonly Text[], columns: readonly PlantedColumn[]): readonly Text[] {
  return row.map((text, i) => (text === null ? null : (columns[i]?.vocabulary?.get(text) ?? text)));
}

interface Ground {
  readonly dice: Dice;
  readonly key: DrawnKey;
  readonly kinds: readonly ValueKind[];
  readonly columns: readonly PlantedColumn[];
  readonly filtered: boolean;
}

function corrupt(rows: PlantedRow[], ground: Ground): { readonly rows: readonly PlantedRow[]; readonly corruptions: readonly Corruption[] } {
  const { dice, key, filtered } = ground;
  const corruptions: Corruption[] = [];
  const touched = new Set<PlantedRow>();
  const untouched = (): PlantedRow | undefined => {
    const row = dice.pick(rows);
    return touched.has(row) ? undefined : row;
  };
  const log = (name: string, kind: string, seen: boolean, ...changed: readonly PlantedRow[]): void => {
    for (const row of changed) {
      touched.add(row);
      corruptions.push({ name, kind, seen, row });
    }
  };
  if (filtered) {
    for (const row of rows) if (dice.chance(0.2)) row.kept.source = row.kept.target = false;
  }
  // Often one alone: what a hash does not see is found all the same where another row of the leaf differs.
  const acts = rows.length === 0 || dice.chance(0.1) ? 0 : dice.chance(0.4) ? 1 : 1 + dice.below(10);
  for (let i = 0; i < acts; i++) {
    const row = untouched();
    if (!row?.source || !row.target) continue;
    const hidden = !row.kept.source;
    const act = dice.below(key.nature === 'none' ? 7 : 10);
    if (act === 0) {
      const side = dice.pick(['source', 'target'] as const);
      delete row[side];
      log(side === 'target' ? 'missing' : 'extra', 'row', !hidden, row);
    } else if (act === 1 && filtered) {
      const side = dice.pick(['source', 'target'] as const);
      row.kept[side] = hidden;
      log('left the filter', 'row', true, row);
    } else if (act === 2 && key.nature === 'none') {
      replaceTwins(row, rows, touched, log);
    } else if (act === 1 && key.nature === 'none') {
      const copy: PlantedRow = { kept: { ...row.kept }, ...(dice.chance(0.5) ? { source: row.source } : { target: row.target }) };
      rows.push(copy);
      log('one copy more', 'row', !hidden, copy);
    } else if (act === 7 || act === 8) {
      changeKey(row, rows, ground, log, hidden);
      // A key in another spelling is the same row, with what else is wrong with it.
      if (touched.has(row) && dice.chance(0.3)) changeValue(row, ground, log, hidden);
    }
    else if (act === 6) swap(row, untouched(), ground, log, hidden);
    else if (act === 5 && moveBoundary(row, ground, log, hidden)) continue;
    else changeValue(row, ground, log, hidden);
  }
  return { rows, corruptions };
}

type Log = (name: string, kind: string, seen: boolean, ...rows: readonly PlantedRow[]) => void;

function changeKey(row: PlantedRow, rows: readonly PlantedRow[], { dice, key, columns }: Ground, log: Log, hidden: boolean): void {
  const at = dice.below(key.parts.length);
  const drawn = key.parts[at];
  const text = row.source?.[at];
  if (!drawn || !row.target || text === null || text === undefined) return;
  const { part } = drawn;
  if (part.respelled && dice.chance(0.5)) {
    row.target = row.target.with(at, part.respelled(text));
    log('key respelled', part.type, false, row);
    return;
  }
  // Small parts come round; the others have no row of that number.
  const other = part.alike?.(text, dice) ?? part.at(drawn.small ? dice.below(3) : (5000 + rows.indexOf(row)), dice);
  if (other === text) return;
  row.target = row.target.with(at, columns[at]?.vocabulary?.get(other) ?? other);
  log('key changed', `${part.type} to ${part.targetType ?? part.type}`, !hidden, row);
}

function swap(row: PlantedRow, neighbour: PlantedRow | undefined, { dice, key, kinds, columns }: Ground, log: Log, hidden: boolean): void {
  const at = dice.below(kinds.length);
  const kind = kinds[at];
  const column = key.parts.length + at;
  // Without a key a swap within two rows of one column may give the same two rows.
  if (!kind || neighbour === undefined || neighbour === row || key.nature === 'none' || !row.source || !row.target || !neighbour.source || !neighbour.target) return;
  const { a, b } = dice.pick(kind.near);
  const map = (text: string) => columns[column]?.vocabulary?.get(text) ?? text;
  row.source = row.source.with(column, a);
  neighbour.source = neighbour.source.with(column, b);
  row.target = row.target.with(column, map(b));
  neighbour.target = neighbour.target.with(column, map(a));
  const seen = columns[column]?.excluded === false;
  log('swapped', kind.type, seen && !hidden, row);
  log('swapped', kind.type, seen && neighbour.kept.source, neighbour);
}

/** Two copies of one row become copies of another: what is added up without carry does not notice. */
function replaceTwins(other: PlantedRow, rows: readonly PlantedRow[], touched: ReadonlySet<PlantedRow>, log: Log): void {
  const alike = rows.filter((row) => row.source !== undefined && row.target !== undefined && row.source !== other.source && row.kept.source === other.kept.source && !touched.has(row));
  const twins = alike.filter((row) => alike.some((twin) => twin !== row && twin.source === row.source));
  const first = twins[0];
  const second = twins.find((row) => row !== first && row.source === first?.source);
  if (!first || !second || !other.target) return;
  first.target = second.target = other.target;
  log('both copies replaced', 'row', other.kept.source, first, second, other);
}

/** ('a', 'bc') becomes ('ab', 'c'). */
function moveBoundary(row: PlantedRow, { key, kinds, columns }: Ground, log: Log, hidden: boolean): boolean {
  const at = kinds.findIndex((kind, i) => kind.type === 'varchar(40)' && kinds[i + 1]?.type === kind.type);
  const column = key.parts.length + at;
  if (at < 0 || columns[column]?.excluded || columns[column + 1]?.excluded || !row.source || !row.target) return false;
  row.source = row.source.with(column, 'a').with(column + 1, 'bc');
  row.target = row.target.with(column, 'ab').with(column + 1, 'c');
  log('boundary moved', 'varchar(40)', !hidden, row);
  return true;
}

function changeValue(row: PlantedRow, { dice, key, kinds, columns }: Ground, log: Log, hidden: boolean): void {
  const several = shuffled(kinds.map((kind, at) => ({ kind, column: key.parts.length + at })), dice).slice(0, dice.chance(0.2) ? 3 : 1);
  for (const { kind, column } of several) {
    const excluded = columns[column]?.excluded === true;
    const set = (a: Text, b: Text): void => {
      if (row.source) row.source = row.source.with(column, a);
      if (row.target) row.target = row.target.with(column, b === null ? null : (columns[column]?.vocabulary?.get(b) ?? b));
    };
    const seen = !excluded && !hidden;
    const act = dice.below(6);
    const pair = dice.pick(kind.near);
    const [a, b] = dice.chance(0.5) ? [pair.a, pair.b] : [pair.b, pair.a];
    if (act === 0) {
      if (dice.chance(0.5)) set(a, null);
      else set(null, kind.near.some((near) => near.a === '') ? '' : b);
      log('null', kind.type, seen, row);
    } else if (act === 1 && kind.spellings) {
      const spelling = dice.pick(kind.spellings);
      if (dice.chance(0.5)) set(spelling.a, spelling.b);
      else set(spelling.b, spelling.a);
      log('respelled', `${kind.type}: ${spelling.a}`, false, row);
    } else {
      set(a, b);
      log(excluded ? 'excluded' : pair.name, kind.type, seen, row);
    }
  }
}

/** Names, statements and the specification. */
function describe(options: {
  readonly dice: Dice;
  readonly serial: number;
  readonly key: DrawnKey;
  readonly columns: readonly PlantedColumn[];
  readonly mapped: boolean;
  readonly filtered: boolean;
}): Pick<PlantedTable, 'names' | 'create' | 'spec' | 'drift'> {
  const { dice, serial, key, columns, mapped, filtered } = options;
  const name = () => `${dice.pick(['"Odd Schema"', 'public'])}.${quoteIdentifier(`${dice.pick(TABLES)}${serial}`)}`;
  const source = name();
  const target = mapped ? name() : source;
  const keyColumns = columns.slice(0, key.parts.length);
  const surplus = dice.chance(0.15) ? dice.pick(['source', 'target'] as const) : undefined;
  const sharedOnly = dice.chance(0.3);
  const create = (side: 'source' | 'target', table: string): string => {
    const types = columns.map((column) => (side === 'source' ? column.sourceType : column.targetType));
    const definitions = columns.map((column, i) => `${quoteIdentifier(column[side])} ${types[i]}${i < keyColumns.length && key.nature === 'unique' ? ' NOT NULL' : ''}`);
    const list = keyColumns.map((column) => quoteIdentifier(column[side])).join(', ');
    const held = key.on === 'both' || key.on === side;
    if (key.nature === 'primary' && held) definitions.push(`PRIMARY KEY (${list})`);
    // Neither a column that may be null nor a part of the rows makes a key.
    if (key.nature === 'unique') definitions.push('decoy int UNIQUE', ...(held ? [`UNIQUE (${list})`] : []));
    if (surplus === side) definitions.push('surplus int');
    if (filtered) definitions.push('kept boolean');
    return `CREATE TABLE ${table} (${shuffled(definitions.filter((line) => !/^(PRIMARY|UNIQUE)/.test(line)), dice).concat(definitions.filter((line) => /^(PRIMARY|UNIQUE)/.test(line))).join(', ')})`;
  };
  const excluded = columns.filter((column) => column.excluded).map((column) => column.source);
  const spec: TableToValidate = {
    table: source,
    ...(mapped ? { as: target, columns: columns.map((column) => ({ source: column.source, target: column.target, ...(column.vocabulary ? { values: column.vocabulary } : {}) })) } : {}),
    ...(excluded.length > 0 || key.nature === 'unique' || (filtered && !mapped) ? { exclude: [...excluded, ...(key.nature === 'unique' ? ['decoy'] : []), ...(filtered && !mapped ? ['kept'] : [])] } : {}),
    ...(key.nature === 'declared' ? { key: keyColumns.map((column) => column.source) } : {}),
    ...(filtered ? { where: 'kept -- not the others', ...(dice.chance(0.5) ? { targetWhere: 't.kept' } : {}) } : {}),
    ...(sharedOnly ? { sharedOnly } : {}),
  };
  const drift = surplus === undefined || mapped || sharedOnly ? [] : [{ column: 'surplus', absentOn: surplus === 'source' ? ('target' as const) : ('source' as const) }];
  return { names: { source, target }, create: { source: create('source', source), target: create('target', target) }, spec, drift };
}

function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  const left = [...items];
  return items.map(() => left.splice(dice.below(left.length), 1)[0] as T);
}
