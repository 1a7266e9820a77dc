import type { BoundaryDocument } from '../document.ts';
import { shortName } from '../text.ts';
import { arrowHeads, drawnName, layOut, PADDING, type Box, type Route } from './layout.ts';

/**
 * The cut as a picture, drawn here and now: services as groups in columns, their keys thin, cut keys
 * bold. Each service has a colour of its own, which its outgoing cuts share.
 */
export function renderSvg(document: BoundaryDocument): string {
  const { groups, tables, routes, width, height } = layOut(document);
  const colours = new Map(document.order.map((name, index) => [name, colour(index, document.order.length)]));
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="12">`,
    `<title>${escape(`${document.metrics.tables} tables in ${document.metrics.services} services`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
  ];
  for (const [service, box] of groups) {
    const stroke = colours.get(service) ?? '#555555';
    out.push(
      `<g class="service"><rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="8" fill="${stroke}" fill-opacity="0.07" stroke="${stroke}"/>`,
      `<text x="${box.x + PADDING}" y="${box.y + 22}" font-weight="bold" font-size="14" fill="${stroke}">${escape(drawnName(service))}</text></g>`,
    );
  }
  for (const key of document.details.keysInside) {
    const from = tables.get(key.from);
    const to = tables.get(key.to);
    if (from && to) out.push(`<path class="key" d="${insidePath(from, to)}" fill="none" stroke="#9aa0a6" stroke-width="1"/>`);
  }
  for (const [table, box] of tables) {
    const name = shortName(table);
    const title = drawnName(name) === name ? '' : `<title>${escape(name)}</title>`;
    out.push(
      `<g class="table">${title}<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="3" fill="#ffffff" stroke="#c4c7cc"/>`,
      `<text x="${box.x + 7}" y="${box.y + 13}" fill="#202124">${escape(drawnName(name))}</text></g>`,
    );
  }
  document.cuts.forEach((cut, index) => {
    const route = routes[index];
    if (!route) return;
    const stroke = colours.get(cut.fromService) ?? '#555555';
    const title = escape(`${shortName(cut.from)} → ${shortName(cut.to)}: ${cut.remedy}`);
    out.push(`<path class="cut" d="${roundedPath(route)}" fill="none" stroke="${stroke}" stroke-width="2.2" stroke-linejoin="round"><title>${title}</title></path>`);
  });
  for (const { x, y, left, routes: leading } of arrowHeads(routes)) {
    const from = document.cuts[leading[0] ?? -1]?.fromService ?? '';
    // Several services may lead here: then the head has none of their colours.
    const one = leading.every((index) => document.cuts[index]?.fromService === from);
    const back = left ? x + 8 : x - 8;
    out.push(`<path class="head" d="M${back} ${y - 4} L${x} ${y} L${back} ${y + 4} z" fill="${one ? (colours.get(from) ?? '#555555') : '#3c4043'}"/>`);
  }
  return `${out.join('\n')}\n</svg>\n`;
}

function insidePath(from: Box, to: Box): string {
  const x = from.x;
  const y1 = from.y + from.height / 2;
  const y2 = to.y + to.height / 2;
  const bend = Math.min(12, 3 + Math.abs(y1 - y2) / 20);
  return `M${x} ${y1} C${x - bend} ${y1} ${x - bend} ${y2} ${x} ${y2}`;
}

/** Corners are rounded by as much as the stretches beside them allow. */
function roundedPath(route: Route): string {
  const parts: string[] = [];
  route.forEach((point, index) => {
    const [before, after] = [route[index - 1], route[index + 1]];
    if (!before || !after) {
      parts.push(`${before ? 'L' : 'M'}${point.x} ${point.y}`);
      return;
    }
    const [a, b] = [before, after].map((other) => {
      const [dx, dy] = [other.x - point.x, other.y - point.y];
      const length = Math.hypot(dx, dy);
      const cut = length === 0 ? 0 : Math.min(6, length / 2) / length;
      return { x: point.x + dx * cut, y: point.y + dy * cut };
    });
    if (a && b) parts.push(`L${number(a.x)} ${number(a.y)} Q${point.x} ${point.y} ${number(b.x)} ${number(b.y)}`);
  });
  return parts.join(' ');
}

function number(value: number): number {
  return Number(value.toFixed(2));
}

/** Hues spread by the golden angle, so that neighbours differ however many there are. */
function colour(index: number, count: number): string {
  const hue = Math.round((index * (count < 3 ? 140 : 137.5)) % 360);
  return `hsl(${hue} 60% 38%)`;
}

/** What XML does not allow in any form is drawn as a box: control characters, and halves of letters. */
function escape(text: string): string {
  const allowed = text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (letter) => (/[\t\n\r]/.test(letter) ? ' ' : '□'));
  return allowed.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
