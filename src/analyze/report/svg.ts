import { tablesOf, type BoundaryDocument } from '../document.ts';
import { shortName } from '../text.ts';

const ROW = 22;
const PADDING = 14;
const HEAD = 34;
const GAP = 70;
const CHARACTER = 6.9;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The cut as a picture, drawn here and now: services as groups in columns of about equal height,
 * their keys thin, cut keys bold. Each service has a colour of its own, which its outgoing cuts share.
 */
export function renderSvg(document: BoundaryDocument): string {
  const { groups, tables, width, height } = layout(document);
  const colours = new Map(document.order.map((name, index) => [name, colour(index, document.order.length)]));
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="12">`,
    `<title>${escape(`${document.metrics.tables} tables in ${document.metrics.services} services`)}</title>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="context-stroke"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
  ];
  for (const [service, box] of groups) {
    const stroke = colours.get(service) ?? '#555555';
    out.push(
      `<g class="service"><rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="8" fill="${stroke}" fill-opacity="0.07" stroke="${stroke}"/>`,
      `<text x="${box.x + PADDING}" y="${box.y + 22}" font-weight="bold" font-size="14" fill="${stroke}">${escape(service)}</text></g>`,
    );
  }
  for (const key of document.details.keysInside) {
    const from = tables.get(key.from);
    const to = tables.get(key.to);
    if (from && to) out.push(`<path class="key" d="${insidePath(from, to)}" fill="none" stroke="#9aa0a6" stroke-width="1"/>`);
  }
  for (const cut of document.cuts) {
    const from = tables.get(cut.from);
    const to = tables.get(cut.to);
    const stroke = colours.get(cut.fromService) ?? '#555555';
    if (!from || !to) continue;
    const title = escape(`${shortName(cut.from)} → ${shortName(cut.to)}: ${cut.remedy}`);
    out.push(
      `<path class="cut" d="${cutPath(from, to)}" fill="none" stroke="${stroke}" stroke-width="2.2" stroke-opacity="0.75" marker-end="url(#arrow)"><title>${title}</title></path>`,
    );
  }
  for (const [table, box] of tables) {
    out.push(
      `<g class="table"><rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="3" fill="#ffffff" stroke="#c4c7cc"/>`,
      `<text x="${box.x + 7}" y="${box.y + 13}" fill="#202124">${escape(shortName(table))}</text></g>`,
    );
  }
  return `${out.join('\n')}\n</svg>\n`;
}

function layout(document: BoundaryDocument): {
  readonly groups: ReadonlyMap<string, Box>;
  readonly tables: ReadonlyMap<string, Box>;
  readonly width: number;
  readonly height: number;
} {
  const sizes = document.order.map((service) => {
    const names = tablesOf(document, service).map(shortName);
    const longest = Math.max(service.length * 1.2, ...names.map((name) => name.length));
    return { service, width: Math.ceil(longest * CHARACTER) + 4 * PADDING, height: HEAD + names.length * ROW + PADDING };
  });
  const total = sizes.reduce((sum, size) => sum + size.height + GAP / 2, 0);
  const columnCount = Math.max(1, Math.min(6, Math.ceil(Math.sqrt(sizes.length))));
  const columns = Array.from({ length: columnCount }, () => ({ height: 0, width: 0, services: [] as typeof sizes }));
  const target = Math.max(total / columnCount, ...sizes.map((size) => size.height));
  // Tallest first into the shortest column: within a third of the best packing.
  for (const size of [...sizes].sort((a, b) => b.height - a.height)) {
    const column = columns.reduce((best, candidate) => (candidate.height < best.height ? candidate : best));
    column.services.push(size);
    column.height += size.height + GAP / 2;
    column.width = Math.max(column.width, size.width);
  }
  const groups = new Map<string, Box>();
  const tables = new Map<string, Box>();
  let x = GAP / 2;
  let bottom = target;
  for (const column of columns.filter((candidate) => candidate.services.length > 0)) {
    let y = GAP / 2;
    for (const size of column.services) {
      groups.set(size.service, { x, y, width: column.width, height: size.height });
      tablesOf(document, size.service).forEach((table, index) => {
        const top = y + HEAD + index * ROW;
        tables.set(table, { x: x + PADDING, y: top, width: column.width - 2 * PADDING, height: ROW - 4 });
      });
      y += size.height + GAP / 2;
    }
    bottom = Math.max(bottom, y);
    x += column.width + GAP;
  }
  return { groups, tables, width: Math.ceil(x), height: Math.ceil(bottom + GAP / 2) };
}

function insidePath(from: Box, to: Box): string {
  const x = from.x;
  const y1 = from.y + from.height / 2;
  const y2 = to.y + to.height / 2;
  const bend = Math.min(12, 3 + Math.abs(y1 - y2) / 20);
  return `M${x} ${y1} C${x - bend} ${y1} ${x - bend} ${y2} ${x} ${y2}`;
}

function cutPath(from: Box, to: Box): string {
  const rightward = to.x > from.x;
  const x1 = rightward ? from.x + from.width : from.x;
  const x2 = rightward || to.x === from.x ? to.x : to.x + to.width;
  const y1 = from.y + from.height / 2;
  const y2 = to.y + to.height / 2;
  const bend = Math.max(30, Math.abs(x2 - x1) / 2);
  const c1 = rightward ? x1 + bend : x1 - bend;
  const c2 = rightward || to.x === from.x ? x2 - bend : x2 + bend;
  return `M${x1} ${y1} C${c1} ${y1} ${c2} ${y2} ${x2} ${y2}`;
}

/** Hues spread by the golden angle, so that neighbours differ however many there are. */
function colour(index: number, count: number): string {
  const hue = Math.round((index * (count < 3 ? 140 : 137.5)) % 360);
  return `hsl(${hue} 60% 38%)`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
