import type { BoundaryDocument } from '../document.ts';
import { renderDot } from './dot.ts';
import { renderMarkdown } from './markdown.ts';
import { renderMermaid, renderServiceMermaid } from './mermaid.ts';
import { renderSvg } from './svg.ts';
import { renderServicesYaml } from './yaml.ts';

/** The files that `banyan analyze -o DIR` writes, by name; with many tables one Mermaid file per service beside the overview. */
export function reportFiles(document: BoundaryDocument): Readonly<Record<string, string>> {
  const files: Record<string, string> = {
    'boundaries.json': `${JSON.stringify(document, null, 2)}\n`,
    'report.md': renderMarkdown(document),
    'boundaries.mmd': renderMermaid(document),
    'boundaries.svg': renderSvg(document),
    'boundaries.dot': renderDot(document),
    'services.yaml': renderServicesYaml(document),
  };
  if (document.metrics.tables > 60) {
    for (const service of document.order) files[`boundaries-${service}.mmd`] = renderServiceMermaid(document, service);
  }
  return files;
}
