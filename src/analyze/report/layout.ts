import { tablesOf, type BoundaryDocument } from '../document.ts';
import { append, at, count, counted, itemAt } from '../lookup.ts';
import { shortName } from '../text.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A line of horizontal and vertical stretches. */
export type Route = readonly { readonly x: number; readonly y: number }[];

/** Where everything of the picture is. */
export interface Layout {
  readonly groups: ReadonlyMap<string, Box>;
  readonly tables: ReadonlyMap<string, Box>;
  /** One for each cut of the document, in its order; undefined where an end is not drawn. */
  readonly routes: readonly (Route | undefined)[];
  readonly width: number;
  readonly height: number;
}

export const ROW = 22;
export const PADDING = 14;
const HEAD = 34;
/** Between lines that run beside each other, and from the outermost to what is drawn beside it. */
const LANE = 5;
const MARGIN = 16;
const LEAST_GAP = 30;
const MOST_COLUMNS = 6;
/** Longer names are cut short. */
const LONGEST = 64;

/** The name as it is drawn. */
export function drawnName(name: string): string {
  const letters = Array.from(name);
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join('')}…` : name;
}

/** How wide a text is at most, at a size, in any usual font. */
export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const letter of text) width += (letter.codePointAt(0) ?? 0) > 0x2e80 || /[MWmw@%…]/.test(letter) ? 1.05 : /[A-Z&]/.test(letter) ? 0.8 : 0.64;
  return Math.ceil(width * size);
}

interface Placed {
  readonly service: string;
  readonly tables: readonly string[];
  readonly column: number;
  /** From the top of its column. */
  readonly rank: number;
  readonly width: number;
  readonly height: number;
}

/** One line's way: gutters beside columns, and gaps between the groups of the columns it passes. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly lane: string;
  /** Gutter k is to the right of column k; -1 is to the left of the first. */
  readonly gutters: readonly number[];
  /** Gap r of a column is above its group of rank r. */
  readonly gaps: readonly { readonly column: number; readonly gap: number }[];
  /** Whether it leaves and arrives on the right side of its tables. */
  readonly leavesRight: boolean;
  readonly arrivesRight: boolean;
}

/**
 * Services as groups in columns of about equal height. Cut keys run only beside the groups: in the
 * gutters between columns and in the gaps between groups, each in a lane that it shares with no
 * other but those from the same service to the same table, so that no line crosses a name.
 */
export function layOut(document: BoundaryDocument): Layout {
  const placed = place(document);
  const byService = new Map(placed.map((item) => [item.service, item]));
  const columns: Placed[][] = [];
  for (const item of placed) (columns[item.column] ??= []).push(item);
  const service = new Map(placed.flatMap((item) => item.tables.map((table) => [table, item] as const)));
  const ways = document.cuts.map((cut): Way | undefined => {
    const [from, to] = [byService.get(cut.fromService), byService.get(cut.toService)];
    if (!from || !to || !service.has(cut.from) || !service.has(cut.to)) return undefined;
    return wayOf(cut, { from, to, columns });
  });
  const lanes = assignLanes(ways);
  return draw({ columns, ways, lanes });
}

function place(document: BoundaryDocument): Placed[] {
  const sizes = document.order.map((service) => {
    const tables = tablesOf(document, service);
    const widths = tables.map((table) => textWidth(drawnName(shortName(table)), 12));
    const width = Math.max(textWidth(drawnName(service), 14) * 1.15, ...widths) + 2 * PADDING + 14;
    return { service, tables, width: Math.ceil(width), height: HEAD + tables.length * ROW + PADDING };
  });
  const count = Math.max(1, Math.min(MOST_COLUMNS, Math.ceil(Math.sqrt(sizes.length))));
  const columns = Array.from({ length: count }, () => ({ height: 0, filled: 0 }));
  // Tallest first into the shortest column: within a third of the best packing.
  return [...sizes].sort((a, b) => b.height - a.height).map((size): Placed => {
    const column = columns.reduce((best, candidate, index) => (candidate.height < itemAt(columns, best).height ? index : best), 0);
    const into = itemAt(columns, column);
    into.height += size.height + LEAST_GAP;
    into.filled += 1;
    return { ...size, column, rank: into.filled - 1 };
  });
}

function wayOf(
  cut: { readonly from: string; readonly to: string; readonly fromService: string },
  { from, to, columns }: { readonly from: Placed; readonly to: Placed; readonly columns: readonly (readonly Placed[])[] },
): Way {
  const ends = { from: cut.from, to: cut.to, lane: `${cut.fromService}\n${cut.to}` };
  if (from.column === to.column) return { ...ends, gutters: [from.column], gaps: [], leavesRight: true, arrivesRight: true };
  const right = to.column > from.column;
  const passed = Array.from({ length: Math.abs(to.column - from.column) - 1 }, (_, i) => from.column + (right ? i + 1 : -i - 1));
  const [start, end] = [middleOf(columns, from, cut.from), middleOf(columns, to, cut.to)];
  const gaps = passed.map((column, i) => ({ column, gap: nearestGap(itemAt(columns, column), start + ((end - start) * (i + 1)) / (passed.length + 1)) }));
  const gutters = [from.column, ...passed].map((column) => (right ? column : column - 1));
  return { ...ends, gutters, gaps, leavesRight: right, arrivesRight: !right };
}

/** Where a table is if all gaps are as small as they may be. */
function middleOf(columns: readonly (readonly Placed[])[], placed: Placed, table: string): number {
  const above = itemAt(columns, placed.column).slice(0, placed.rank).reduce((sum, { height }) => sum + height + LEAST_GAP, 0);
  return above + HEAD + (placed.tables.indexOf(table) + 0.5) * ROW;
}

function nearestGap(column: readonly Placed[], y: number): number {
  let top = -LEAST_GAP / 2;
  let best = { gap: 0, distance: Math.abs(y - top) };
  column.forEach(({ height }, rank) => {
    top += height + LEAST_GAP;
    if (Math.abs(y - top) < best.distance) best = { gap: rank + 1, distance: Math.abs(y - top) };
  });
  return best.gap;
}

/** The place of each lane in each gutter and gap, and how many there are. */
interface Lanes {
  readonly of: ReadonlyMap<string, number>;
  readonly counts: ReadonlyMap<string, number>;
}

const gutterKey = (gutter: number): string => `gutter ${gutter}`;
const gapKey = (column: number, gap: number): string => `gap ${column} ${gap}`;

function assignLanes(ways: readonly (Way | undefined)[]): Lanes {
  const of = new Map<string, number>();
  const counts = new Map<string, number>();
  const take = (place: string, lane: string): void => {
    if (of.has(`${place} ${lane}`)) return;
    of.set(`${place} ${lane}`, counted(counts, place));
    count(counts, place);
  };
  for (const way of ways) {
    for (const gutter of way?.gutters ?? []) take(gutterKey(gutter), way?.lane ?? '');
    for (const { column, gap } of way?.gaps ?? []) take(gapKey(column, gap), way?.lane ?? '');
  }
  return { of, counts };
}

function draw({ columns, ways, lanes }: { readonly columns: readonly (readonly Placed[])[]; readonly ways: readonly (Way | undefined)[]; readonly lanes: Lanes }): Layout {
  const groups = new Map<string, Box>();
  const tables = new Map<string, Box>();
  const room = (place: string, least: number): number => Math.max(least, 2 * MARGIN + Math.max(0, counted(lanes.counts, place) - 1) * LANE);
  const gutterStart: number[] = [];
  const gapStart = new Map<string, number>();
  let x = room(gutterKey(-1), LEAST_GAP);
  let bottom = 0;
  columns.forEach((column, index) => {
    const width = Math.max(...column.map((item) => item.width));
    let y = 0;
    column.forEach((item, rank) => {
      gapStart.set(gapKey(index, rank), y);
      y += room(gapKey(index, rank), LEAST_GAP);
      groups.set(item.service, { x, y, width, height: item.height });
      item.tables.forEach((table, row) => tables.set(table, { x: x + PADDING, y: y + HEAD + row * ROW, width: width - 2 * PADDING, height: ROW - 4 }));
      y += item.height;
    });
    gapStart.set(gapKey(index, column.length), y);
    bottom = Math.max(bottom, y + room(gapKey(index, column.length), LEAST_GAP));
    gutterStart[index] = x + width;
    x += width + room(gutterKey(index), 2 * LEAST_GAP);
  });
  const inLane = (place: string, start: number, lane: string): number => start + MARGIN + counted(lanes.of, `${place} ${lane}`) * LANE;
  const gutterX = (gutter: number, lane: string): number => inLane(gutterKey(gutter), gutter < 0 ? 0 : at(gutterStart, gutter), lane);
  const gapY = (column: number, gap: number, lane: string): number => inLane(gapKey(column, gap), gapStart.get(gapKey(column, gap)) ?? 0, lane);
  const routes = ways.map((way) => (way ? routeOf(way, { tables, gutterX, gapY }) : undefined));
  return { groups, tables, routes, width: Math.ceil(x), height: Math.ceil(Math.max(bottom, 2 * LEAST_GAP)) };
}

function routeOf(
  way: Way,
  { tables, gutterX, gapY }: {
    readonly tables: ReadonlyMap<string, Box>;
    readonly gutterX: (gutter: number, lane: string) => number;
    readonly gapY: (column: number, gap: number, lane: string) => number;
  },
): Route | undefined {
  const [from, to] = [tables.get(way.from), tables.get(way.to)];
  if (!from || !to) return undefined;
  const points: { x: number; y: number }[] = [];
  let y = from.y + from.height / 2 + 3;
  points.push({ x: way.leavesRight ? from.x + from.width : from.x, y });
  way.gutters.forEach((gutter, i) => {
    const x = gutterX(gutter, way.lane);
    points.push({ x, y });
    const next = way.gaps[i];
    y = next ? gapY(next.column, next.gap, way.lane) : to.y + to.height / 2 - 3;
    points.push({ x, y });
  });
  points.push({ x: way.arrivesRight ? to.x + to.width : to.x, y });
  return points;
}

/** Ways by the table they lead to: an arrow's head is drawn once for each side it is reached from. */
export function arrowHeads(routes: readonly (Route | undefined)[]): readonly { readonly x: number; readonly y: number; readonly left: boolean; readonly routes: readonly number[] }[] {
  const heads = new Map<string, number[]>();
  routes.forEach((route, index) => {
    const [before, last] = [route?.at(-2), route?.at(-1)];
    if (before && last) append(heads, `${last.x} ${last.y} ${before.x > last.x ? 'left' : 'right'}`, index);
  });
  return [...heads].map(([key, indexes]) => {
    const [x = 0, y = 0] = key.split(' ').map(Number);
    return { x, y, left: key.endsWith('left'), routes: indexes };
  });
}
