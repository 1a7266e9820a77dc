import { splitTableName, type TableName } from '../../model/names.ts';
import { tablesOf, type BoundaryDocument, type ServiceDetails } from '../document.ts';
import { workloadSection } from './workload.ts';
import { renderServicesYaml } from './yaml.ts';

const MANY = 40;
const FENCE = '```';

/** The whole answer for people, as Markdown. */
export function renderMarkdown(document: BoundaryDocument): string {
  const sections = [
    summary(document),
    services(document),
    shared(document),
    cuts(document),
    transactions(document),
    cycles(document),
    alternatives(document),
    evidence(document),
    workloadSection(document),
    doubtful(document),
    `## Configuration\n\nReady for banyan.yaml, the addresses left to fill in:\n\n${FENCE}yaml\n${renderServicesYaml(document)}${FENCE}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** A table's name as a reader knows it: without `public.`. */
export function shortName(table: TableName | string): string {
  const { schema } = splitTableName(table);
  return schema === 'public' ? table.replace(/^public\./, '') : table;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.995 ? 1 : 0)} %`;
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const shown = rows.slice(0, MANY);
  const more = rows.length > MANY ? `\n\n${rows.length - MANY} more in boundaries.json.` : '';
  return [row(head), row(head.map(() => '---')), ...shown.map(row)].join('\n') + more;
}

function summary(document: BoundaryDocument): string {
  const { metrics, details, cuts, transactions } = document;
  const writes =
    transactions.writing === 0
      ? 'No workload was given, so nothing is known of transactions.'
      : `${percent(metrics.writesKeptWhole)} of writing transactions, by calls, stay within one service.`;
  return [
    '# Service boundaries',
    '',
    `${metrics.tables} tables in ${metrics.services} services. ${writes} ${cuts.length} foreign keys cross a boundary, ${percent(metrics.keysKept)} stay inside one.`,
    '',
    `Method: ${details.method}.`,
  ].join('\n');
}

function services(document: BoundaryDocument): string {
  const parts = document.order.map((name, index) => {
    const service = document.details.services[name];
    const tables = tablesOf(document, name);
    return service ? describeService(name, index + 1, service, tables) : '';
  });
  return ['## Services, the easiest to take out first', ...parts].join('\n\n');
}

function describeService(name: string, position: number, service: ServiceDetails, tables: readonly TableName[]): string {
  const lines = [
    `### ${position}. ${name}`,
    '',
    tables.map((item) => '`' + shortName(item) + '`').join(', '),
    '',
    `- Cohesion ${percent(service.cohesion)}; ${service.incomingCuts} keys into it, ${service.outgoingCuts} out of it; ${service.distributedCalls} calls of transactions shared with others.`,
  ];
  if (service.rows >= 0) lines.push(`- About ${service.rows} rows, ${(service.bytes / 1_048_576).toFixed(1)} MiB.`);
  if (service.reasons.length > 0) lines.push('- Why together:', ...service.reasons.map((reason) => `  - ${reason}`));
  if (service.personalData.length > 0) lines.push(`- Personal data: ${service.personalData.slice(0, 8).join(', ')}${service.personalData.length > 8 ? ' …' : ''}`);
  return lines.join('\n');
}

function shared(document: BoundaryDocument): string {
  const { shared: tables, unplaced } = document.details;
  const parts: string[] = [];
  if (tables.length > 0) {
    const rows = tables.map((item) => [
      shortName(item.table),
      item.kind,
      item.owner ?? '',
      item.usedBy.join(', '),
      item.remedy,
    ]);
    parts.push(`## Shared tables\n\n${table(['table', 'kind', 'owner', 'used by', 'remedy'], rows)}`);
  }
  if (unplaced.length > 0) {
    parts.push(`## Left aside\n\nNothing binds these to any other table: ${unplaced.map(shortName).join(', ')}.`);
  }
  return parts.join('\n\n');
}

function cuts(document: BoundaryDocument): string {
  if (document.cuts.length === 0) return '## Cut foreign keys\n\nNone.';
  const rows = document.cuts.map((cut) => [
    `${shortName(cut.from)} (${cut.columns.join(', ')})`,
    shortName(cut.to),
    `${cut.fromService} → ${cut.toService}`,
    cut.constraint,
    cut.remedy,
  ]);
  return `## Cut foreign keys\n\n${table(['from', 'to', 'services', 'constraint', 'remedy'], rows)}`;
}

function transactions(document: BoundaryDocument): string {
  const { transactions: found } = document;
  const parts: string[] = [];
  if (found.distributed.length > 0) {
    const rows = found.distributed.map((item) => [
      item.calls,
      item.transaction,
      item.services.join(' → '),
      item.writes.map(shortName).join(', '),
      item.remedy,
    ]);
    parts.push(`## Transactions that become distributed\n\n${table(['calls', 'where', 'services', 'writes', 'remedy'], rows)}`);
  }
  if (found.crossingReads.length > 0) {
    const rows = found.crossingReads.map((item) => [
      item.calls,
      item.tables.map(shortName).join(', '),
      item.services.join(', '),
      item.remedy,
    ]);
    parts.push(`## Reads that cross services\n\n${table(['calls', 'tables', 'services', 'remedy'], rows)}`);
  }
  return parts.join('\n\n');
}

function cycles(document: BoundaryDocument): string {
  if (document.details.cycles.length === 0) return '';
  const lines = document.details.cycles.map(
    ({ services: names, cheapest }) =>
      `- ${names.join(' ⇄ ')}: cheapest to give up is ${shortName(cheapest.from)} → ${shortName(cheapest.to)} (${cheapest.fromService} → ${cheapest.toService})`,
  );
  return `## Circular dependencies\n\n${lines.join('\n')}`;
}

function alternatives(document: BoundaryDocument): string {
  const rows = document.details.alternatives.map((item) => [
    item.services,
    item.largest,
    item.stability.toFixed(2),
    percent(item.writesKeptWhole),
  ]);
  if (rows.length === 0) return '';
  return `## Coarser and finer cuts\n\n${table(['services', 'largest', 'stability', 'writes kept whole'], rows)}`;
}

function evidence(document: BoundaryDocument): string {
  const { signals, convention } = document.details;
  const rows = signals.map((item) => [
    item.title,
    item.pairs,
    item.agreement.toFixed(2),
    item.weight.toFixed(2),
    percent(item.sensitivity),
  ]);
  const names = convention.followed
    ? `The names follow a convention (${convention.source}, ${percent(convention.coverage)} of tables), and the structure agrees.`
    : `The names follow no convention that the structure confirms (best: ${convention.source}, ${percent(convention.coverage)} of tables, agreement ${convention.agreement.toFixed(2)}).`;
  return `## Evidence\n\n${names}\n\n${table(['signal', 'pairs', 'agreement', 'weight', 'changes if left out'], rows)}`;
}

function doubtful(document: BoundaryDocument): string {
  const rows = Object.entries(document.details.tables)
    .filter(([, details]) => details.runnerUp !== undefined && details.confidence < 0.6)
    .sort((a, b) => a[1].confidence - b[1].confidence || (a[0] < b[0] ? -1 : 1))
    .map(([name, details]) => [shortName(name), details.service, details.runnerUp ?? '', percent(details.confidence)]);
  if (rows.length === 0) return '';
  return `## Worth a second look\n\n${table(['table', 'placed in', 'could be in', 'confidence'], rows)}`;
}
