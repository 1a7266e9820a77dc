import { tablesOf, type BoundaryDocument } from '../document.ts';
import { shortName } from '../text.ts';

/** The cut for Graphviz: services as clusters, cut keys bold. */
export function renderDot(document: BoundaryDocument): string {
  const lines = ['digraph boundaries {', '  rankdir=LR;', '  node [shape=box, fontname="sans-serif"];'];
  document.order.forEach((service, index) => {
    lines.push(`  subgraph cluster_${index} {`, `    label=${quote(service)};`);
    for (const table of tablesOf(document, service)) lines.push(`    ${quote(shortName(table))};`);
    lines.push('  }');
  });
  for (const key of document.details.keysInside) {
    lines.push(`  ${quote(shortName(key.from))} -> ${quote(shortName(key.to))} [color=gray];`);
  }
  for (const cut of document.cuts) {
    lines.push(`  ${quote(shortName(cut.from))} -> ${quote(shortName(cut.to))} [penwidth=2, color=firebrick];`);
  }
  return `${lines.join('\n')}\n}\n`;
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll(/\r?\n/g, '\\n')}"`;
}
