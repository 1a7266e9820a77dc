import { tablesOf, type BoundaryDocument } from '../document.ts';
import { shortName } from '../text.ts';

const LARGE = 60;

/**
 * The cut as a Mermaid flowchart: services as groups, keys inside them thin, cut keys thick. With
 * more than 60 tables only the services are drawn, with the number of keys between them.
 */
export function renderMermaid(document: BoundaryDocument): string {
  return document.metrics.tables > LARGE ? overview(document) : full(document);
}

/** One service with its tables and what they refer to outside. */
export function renderServiceMermaid(document: BoundaryDocument, service: string): string {
  const tables = tablesOf(document, service);
  const members = new Set<string>(tables);
  const lines = ['flowchart LR', `  subgraph ${id(service)}["${label(service)}"]`];
  for (const table of tables) lines.push(`    ${id(table)}["${label(shortName(table))}"]`);
  lines.push('  end');
  for (const key of document.details.keysInside) {
    if (members.has(key.from)) lines.push(`  ${id(key.from)} --> ${id(key.to)}`);
  }
  for (const cut of document.cuts) {
    if (!members.has(cut.from)) continue;
    lines.push(`  ${id(cut.from)} ==> ${id(cut.to)}["${label(`${cut.toService}: ${shortName(cut.to)}`)}"]`);
  }
  return `${lines.join('\n')}\n`;
}

function full(document: BoundaryDocument): string {
  const lines = ['flowchart LR'];
  for (const service of document.order) {
    lines.push(`  subgraph ${id(`service ${service}`)}["${label(service)}"]`);
    for (const table of tablesOf(document, service)) lines.push(`    ${id(table)}["${label(shortName(table))}"]`);
    lines.push('  end');
  }
  for (const key of document.details.keysInside) lines.push(`  ${id(key.from)} --> ${id(key.to)}`);
  for (const cut of document.cuts) lines.push(`  ${id(cut.from)} ==> ${id(cut.to)}`);
  return `${lines.join('\n')}\n`;
}

function overview(document: BoundaryDocument): string {
  const lines = ['flowchart LR'];
  for (const service of document.order) {
    const count = tablesOf(document, service).length;
    lines.push(`  ${id(`service ${service}`)}["${label(service)}<br/>${count} ${count === 1 ? 'table' : 'tables'}"]`);
  }
  const between = new Map<string, { readonly from: string; readonly to: string; count: number }>();
  for (const { fromService, toService } of document.cuts) {
    const key = `${fromService}\n${toService}`;
    const known = between.get(key) ?? { from: fromService, to: toService, count: 0 };
    known.count += 1;
    between.set(key, known);
  }
  for (const { from, to, count } of between.values()) {
    lines.push(`  ${id(`service ${from}`)} ==>|${count}| ${id(`service ${to}`)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A Mermaid identifier that no two names share. */
function id(name: string): string {
  return `n_${name.replaceAll(/[^A-Za-z0-9]/g, (char) => `_${(char.codePointAt(0) ?? 0).toString(16)}_`)}`;
}

/** Mermaid reads `#60;` as a character and nothing else into it. */
function label(text: string): string {
  return text.replaceAll(/\s/g, ' ').replaceAll(/["<>#&;{}%`|\\[\]()]/g, (char) => `#${char.codePointAt(0) ?? 0};`);
}
