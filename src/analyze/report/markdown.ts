import { tablesOf, type BoundaryDocument, type ServiceDetails } from '../document.ts';
import { bytesText, counted, percent, secondsText, shortName, whole } from '../text.ts';
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
    duplicates(document),
    cuts(document),
    distributed(document),
    crossingReads(document),
    cycles(document),
    against(document),
    alternatives(document),
    evidence(document),
    workloadSection(document),
    doubtful(document),
    `## Configuration\n\nReady for banyan.yaml, the addresses left to fill in:\n\n${FENCE}yaml\n${renderServicesYaml(document)}${FENCE}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
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
    return service ? describeService(name, index + 1, service, { document }) : '';
  });
  return ['## Services, the easiest to take out first', ...parts].join('\n\n');
}

function describeService(name: string, position: number, service: ServiceDetails, context: { readonly document: BoundaryDocument }): string {
  const { details } = context.document;
  const tables = tablesOf(context.document, name);
  const order = details.order[position - 1]?.reasons ?? [];
  const lines = [
    `### ${position}. ${name}`,
    '',
    tables.map((item) => '`' + shortName(item).replaceAll(/\s/g, ' ').replaceAll('`', "'") + '`').join(', '),
    '',
    `- Centre: ${shortName(service.centre)}. Cohesion ${percent(service.cohesion)}; ${counted(service.incomingCuts, 'key')} into it, ${whole(service.outgoingCuts)} out of it.`,
  ];
  if (service.writes.calls > 0) {
    lines.push(`- Of ${whole(service.writes.calls)} calls that write its tables, ${whole(service.writes.whole)} (${percent(service.writes.whole / service.writes.calls)}) write nowhere else.`);
  }
  if (service.rows >= 0) lines.push(`- About ${whole(service.rows)} rows, ${bytesText(service.bytes)}.`);
  if (service.extraction) {
    const { low, likely, high, arithmetic } = service.extraction;
    lines.push(`- First copy: ${secondsText(likely)} (${secondsText(low)} to ${secondsText(high)}). ${arithmetic}.`);
  }
  if (service.reasons.length > 0) lines.push('- Why together:', ...service.reasons.map((reason) => `  - ${reason}`));
  if (service.leaves.length > 0) lines.push('- What ties it to others:', ...service.leaves.map(({ service: other, says }) => `  - ${other}: ${says}`));
  if (order.length > 0) lines.push(`- Why at this place: ${order.join('; ')}.`);
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
  for (const { column, tables: holders, refersTo } of document.details.tenancy) {
    const to = refersTo === undefined ? '' : ` and refers to ${shortName(refersTo)}`;
    parts.push(`The column ${column}, which ${holders.length} tables have${to}, divides rows by tenant, region or author: it holds no tables together, and every service keeps it.`);
  }
  if (unplaced.length > 0) {
    parts.push(`## Left aside\n\nNothing binds these to any other table: ${unplaced.map(shortName).join(', ')}.`);
  }
  return parts.join('\n\n');
}

function duplicates(document: BoundaryDocument): string {
  const rows = document.details.duplicates.map(({ table: name, owner, into, why, staleness }) => [shortName(name), owner, into.join(', '), why, staleness]);
  return rows.length === 0 ? '' : `## What to copy, and how old a copy may be\n\n${table(['table', 'owner', 'into', 'why', 'how old'], rows)}`;
}

function cuts(document: BoundaryDocument): string {
  if (document.cuts.length === 0) return '## Cut foreign keys\n\nNone.';
  const rows = document.cuts.map((cut) => [
    `${shortName(cut.from)} (${cut.columns.join(', ')})`,
    shortName(cut.to),
    `${cut.fromService} → ${cut.toService}`,
    cut.constraint,
    cut.remedy,
    cut.why,
  ]);
  return `## Cut foreign keys\n\n${table(['from', 'to', 'services', 'constraint', 'remedy', 'why'], rows)}`;
}

/** `7,680 a day`, or the bare number of calls. */
function often({ calls, callsPerDay }: { readonly calls: number; readonly callsPerDay?: number }): string {
  return callsPerDay === undefined ? counted(calls, 'call') : `${counted(callsPerDay, 'call')} a day`;
}

function distributed({ transactions }: BoundaryDocument): string {
  if (transactions.distributed.length === 0) return '';
  const parts = transactions.distributed.slice(0, MANY).map((item, index) =>
    [
      `### ${index + 1}. ${item.services.join(' → ')}: ${often(item)}`,
      '',
      `${capital(item.transaction)}: writes ${item.writes.map(shortName).join(', ')}.`,
      '',
      `${capital(item.remedy)}.`,
      '',
      table(
        ['step', 'service', 'kind', 'does', 'undone by', 'why here', 'until the next step'],
        item.steps.map((step) => [step.order, step.service, step.kind, step.action, step.compensation, step.why, step.between]),
      ),
    ].join('\n'),
  );
  const more = transactions.distributed.length - parts.length;
  return ['## Transactions that become distributed', ...parts, ...(more > 0 ? [`${more} more in boundaries.json.`] : [])].join('\n\n');
}

function crossingReads({ transactions }: BoundaryDocument): string {
  const rows = transactions.crossingReads.map((item) => [
    often(item), item.tables.map(shortName).join(', '), item.services.join(', '), item.remedy, item.why,
  ]);
  return rows.length === 0 ? '' : `## Reads that cross services\n\n${table(['how often', 'tables', 'services', 'remedy', 'why'], rows)}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function cycles(document: BoundaryDocument): string {
  if (document.details.cycles.length === 0) return '';
  const parts = document.details.cycles.map(({ services: names, breaks }) =>
    [
      `${names.join(' ⇄ ')}: no circle is left once these are broken, the cheapest first.`,
      '',
      table(['from', 'to', 'keys', 'what it costs'], breaks.map(({ from, to, keys, cost }) => [from, to, keys, cost])),
    ].join('\n'),
  );
  return ['## Circular dependencies', ...parts].join('\n\n');
}

function alternatives(document: BoundaryDocument): string {
  const { alternatives: found, levels } = document.details;
  const parts: string[] = [];
  if (found.length > 0) {
    const described = found.map(({ name, trades, services: tables, order }) => {
      const rows = order.map((service) => [service, (tables[service] ?? []).map(shortName).join(', ')]);
      return `### ${capital(name)}\n\n${capital(trades)}.\n\n${table(['service', 'tables'], rows)}`;
    });
    parts.push(['## Alternatives', ...described].join('\n\n'));
  }
  if (levels.length > 0) {
    const rows = levels.map((item) => [item.services === document.order.length ? `**${item.services}**` : item.services, item.largest, percent(item.writesKeptWhole), percent(item.keysKept)]);
    parts.push(`## Coarser and finer cuts\n\nEach is made of the one below it; \`--services\` picks one.\n\n${table(['services', 'largest', 'writes kept whole', 'keys kept'], rows)}`);
  }
  return parts.join('\n\n');
}

function against(document: BoundaryDocument): string {
  const given = document.details.against;
  if (given === undefined) return '';
  const { ours, theirs } = given.metrics;
  const measures: readonly (readonly [string, string, string])[] = [
    ['services', whole(ours.services), whole(theirs.services)],
    ['writing transactions kept whole', percent(ours.writesKeptWhole), percent(theirs.writesKeptWhole)],
    ['keys kept', percent(ours.keysKept), percent(theirs.keysKept)],
    ['keys cut', whole(given.cuts.ours), whole(given.cuts.theirs)],
    ['calls of transactions torn', whole(given.distributedCalls.ours), whole(given.distributedCalls.theirs)],
    ...(['modularity', 'structuralModularity', 'interPartitionCalls', 'interfaceNumber', 'nonExtremeDistribution', 'businessContextPurity'] as const).map(
      (name) => [name, ours[name].toFixed(3), theirs[name].toFixed(3)] as const,
    ),
  ];
  const rows = given.moved.map((item) => [shortName(item.table), item.theirs, item.ours || 'none', item.why]);
  return [
    `## Against ${given.file}`,
    `ARI ${given.ari.toFixed(2)}, NMI ${given.nmi.toFixed(2)}, F1 of pairs ${given.f1.toFixed(2)} (precision ${given.precision.toFixed(2)}, recall ${given.recall.toFixed(2)}), of ${counted(given.tables, 'table')}.`,
    table(['measure', 'found', 'given'], measures),
    rows.length === 0 ? 'No table would move.' : `${counted(rows.length, 'table')} would move.\n\n${table(['table', 'is in', 'belongs to', 'why'], rows)}`,
    ...(given.unknown.length === 0 ? [] : [`Named there and not in the schema: ${given.unknown.map(shortName).join(', ')}.`]),
    ...(given.unassigned.length === 0 ? [] : [`Not named there: ${given.unassigned.map(shortName).join(', ')}.`]),
    ...(given.twice.length === 0 ? [] : [`Claimed by several there: ${given.twice.map(shortName).join(', ')}.`]),
  ].join('\n\n');
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
  const moves = signals.filter((item) => item.moves.length > 0).map((item) => {
    const said = item.moves.slice(0, 12).map(({ table: name, from, to }) => `${shortName(name)} (${from ?? 'none'} → ${to ?? 'elsewhere'})`);
    return `- Without ${item.title}: ${said.join(', ')}${item.moves.length > said.length ? ` and ${item.moves.length - said.length} more` : ''}.`;
  });
  return [`## Evidence`, names, table(['signal', 'pairs', 'agreement', 'weight', 'tables that move without it'], rows), ...(moves.length > 0 ? [moves.join('\n')] : [])].join('\n\n');
}

function doubtful(document: BoundaryDocument): string {
  const rows = Object.entries(document.details.tables)
    .filter(([, details]) => details.runnerUp !== undefined && details.confidence < 0.6)
    .sort((a, b) => a[1].confidence - b[1].confidence || (a[0] < b[0] ? -1 : 1))
    .map(([name, details]) => [shortName(name), details.service, details.runnerUp ?? '', percent(details.confidence)]);
  if (rows.length === 0) return '';
  return `## Worth a second look\n\n${table(['table', 'placed in', 'could be in', 'confidence'], rows)}`;
}
