import type { Level } from '../../../src/validate/report.ts';
import type { Text } from './kinds.ts';
import type { PlantedColumn, PlantedRow, PlantedTable } from './table.ts';

/** The texts the servers made of what was planted, in the order of the planted rows. */
export interface ServerTexts {
  readonly source: readonly (readonly Text[])[];
  readonly target: readonly (readonly Text[])[];
}

interface Side {
  readonly texts: readonly Text[];
  readonly meanings: readonly Text[];
}

interface KnownRow {
  readonly planted: PlantedRow;
  readonly source?: Side;
  readonly target?: Side;
}

/** What a report has to say, with lists as maps by their key, since their order is free. */
export interface Truth {
  readonly source: number;
  readonly target: number;
  readonly missing: ReadonlyMap<string, unknown>;
  readonly extra: ReadonlyMap<string, unknown>;
  readonly different: ReadonlyMap<string, unknown>;
  readonly counts: { readonly missing: number; readonly extra: number; readonly different: number; readonly unsettled: number };
  readonly drift: readonly unknown[];
  readonly consistent: boolean;
}

/**
 * What is different between the two sides, by the checker's own list of which texts mean the same. With
 * `exact` every text means itself.
 */
export function truthOf(table: PlantedTable, texts: ServerTexts, options: { readonly exact: boolean; readonly level: Level }): Truth {
  const { exact, level } = options;
  const known = knownRows(table, texts, exact);
  const rows = { source: known.filter(({ source }) => source).length, target: known.filter(({ target }) => target).length };
  // Numbers that agree are all that this level looks at.
  const silent = level === 'count' && rows.source === rows.target;
  const found = silent ? { missing: new Map(), extra: new Map(), different: new Map() } : table.keyLength === 0 ? inBags(table, known) : byKey(table, known, { level, exact });
  const surplus = (rows: ReadonlyMap<string, unknown>) =>
    table.keyLength > 0 ? rows.size : [...rows.values()].reduce<number>((sum, row) => sum + (isCopies(row) ? Math.abs(row.source - row.target) : 0), 0);
  const counts = { missing: surplus(found.missing), extra: surplus(found.extra), different: found.different.size, unsettled: 0 };
  return { ...rows, ...found, counts, drift: table.drift, consistent: counts.missing + counts.extra + counts.different === 0 && table.drift.length === 0 };
}

/** Planted corruptions of a table with a key that the truth does not hold: the checker itself would be wrong. */
export function overlooked(table: PlantedTable, texts: ServerTexts, truth: Truth): readonly string[] {
  if (table.keyLength === 0) return [];
  const rows = new Map(knownRows(table, texts, false, true).map((row) => [row.planted, row]));
  return table.corruptions.flatMap(({ name, kind, seen, row }) => {
    const { source, target } = rows.get(row) ?? {};
    const keys = [source, target].flatMap((side) => (side ? [keyText(table, side)] : []));
    const there = keys.some((key) => truth.missing.has(key) || truth.extra.has(key) || truth.different.has(key));
    const tolerated = table.columns.some((column) => column.bounds !== undefined);
    return seen && !there && !tolerated ? [`${name} of ${kind} in ${keys.join()}`] : [];
  });
}

function isCopies(row: unknown): row is { readonly source: number; readonly target: number } {
  return typeof row === 'object' && row !== null && 'source' in row;
}

function knownRows(table: PlantedTable, texts: ServerTexts, exact: boolean, all = false): readonly KnownRow[] {
  const next = { source: 0, target: 0 };
  const side = (row: PlantedRow, name: 'source' | 'target'): Side | undefined => {
    const read = row[name] ? texts[name][next[name]++] : undefined;
    if (!read || (table.filtered && !all && !row.kept[name])) return undefined;
    // The source's text is given in the target's words.
    const given = read.map((text, i) => (text === null || name === 'target' ? text : (table.columns[i]?.vocabulary?.get(text) ?? text)));
    return { texts: given, meanings: given.map((text, i) => meaningOf(table.columns[i], text, exact, table.keyLength === 0)) };
  };
  return table.rows.map((planted) => {
    const [source, target] = [side(planted, 'source'), side(planted, 'target')];
    return { planted, ...(source ? { source } : {}), ...(target ? { target } : {}) };
  });
}

function meaningOf(column: PlantedColumn | undefined, text: Text, exact: boolean, bag: boolean): Text {
  if (text === null || column === undefined || exact) return text;
  return bag ? column.inBags(text) : column.meaning(text);
}

const keyText = (table: PlantedTable, side: Side): string => JSON.stringify(side.texts.slice(0, table.keyLength));

function byKey(table: PlantedTable, known: readonly KnownRow[], { level, exact }: { readonly level: Level; readonly exact: boolean }): Pick<Truth, 'missing' | 'extra' | 'different'> {
  const meaning = (side: Side) => JSON.stringify(side.meanings.slice(0, table.keyLength));
  const there = new Map(known.flatMap(({ target }) => (target ? [[meaning(target), target] as const] : [])));
  const here = new Set(known.flatMap(({ source }) => (source ? [meaning(source)] : [])));
  const missing = new Map<string, unknown>();
  const different = new Map<string, unknown>();
  for (const { source } of known) {
    if (!source) continue;
    const target = there.get(meaning(source));
    if (!target) missing.set(keyText(table, source), true);
    else if (level !== 'count') {
      const columns = table.columns.flatMap((column, i) =>
        column.excluded || source.meanings[i] === target.meanings[i] || (!exact && close(column, source.texts[i] ?? null, target.texts[i] ?? null)) ? [] : [[column.source, [source.texts[i] ?? null, target.texts[i] ?? null]] as const],
      );
      if (columns.length > 0) different.set(keyText(table, source), level === 'full' ? new Map(columns) : new Map());
    }
  }
  const extra = new Map(known.flatMap(({ target }) => (target && !here.has(meaning(target)) ? [[keyText(table, target), true] as const] : [])));
  return { missing, extra, different };
}

/** Whether two numbers are within the column's bounds. None of the planted ones lies on a bound. */
function close({ bounds, number }: PlantedColumn, a: Text, b: Text): boolean {
  if (!bounds || a === null || b === null || [a, b].some((text) => /[IN]/.test(text))) return false;
  const { absolute = 0, relative = 0 } = bounds;
  if (number === 'floats') return Math.abs(Number(a) - Number(b)) <= Math.max(absolute, relative * Math.max(Math.abs(Number(a)), Math.abs(Number(b))));
  // In units of 10^-25, and the bounds in millionths.
  const units = (text: string) => BigInt(text.replace(/^([^.]*)\.?(.*)$/, (_, whole: string, fraction: string) => whole + fraction.padEnd(25, '0')));
  const size = (value: bigint) => (value < 0n ? -value : value);
  const apart = size(units(a) - units(b)) * 1_000_000n;
  const larger = size(units(a)) > size(units(b)) ? size(units(a)) : size(units(b));
  return apart <= BigInt(Math.round(absolute * 1e6)) * 10n ** 25n || apart <= BigInt(Math.round(relative * 1e6)) * larger;
}

/** Rows as a multiset; of several texts with one meaning the least stands for all. */
function inBags(table: PlantedTable, known: readonly KnownRow[]): Pick<Truth, 'missing' | 'extra' | 'different'> {
  const compared = table.columns.flatMap((column, i) => (column.excluded ? [] : [{ column, i }]));
  const bags = new Map<string, { readonly source: Side[]; readonly target: Side[] }>();
  for (const row of known) {
    for (const name of ['source', 'target'] as const) {
      const side = row[name];
      if (!side) continue;
      const meaning = JSON.stringify(compared.map(({ i }) => side.meanings[i]));
      const bag = bags.get(meaning) ?? { source: [], target: [] };
      bags.set(meaning, bag);
      bag[name].push(side);
    }
  }
  const missing = new Map<string, unknown>();
  const extra = new Map<string, unknown>();
  for (const { source, target } of bags.values()) {
    if (source.length === target.length) continue;
    const shown = source.length > 0 ? source : target;
    const row = new Map(compared.map(({ column, i }) => [column.source, least(shown.map(({ texts }) => texts[i] ?? null))]));
    (source.length > target.length ? missing : extra).set(JSON.stringify([...row]), { source: source.length, target: target.length });
  }
  return { missing, extra, different: new Map() };
}

function least(texts: readonly Text[]): Text {
  return texts.reduce((a, b) => (a === null || b === null ? a : Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0 ? a : b));
}
