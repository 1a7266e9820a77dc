import { xmlAttributes, xmlText } from '../../core/xml.ts';
import { dataCheckLines } from './data-check-text.ts';
import type { Finding, FindingSeverity, MigrationScript } from './finding.ts';
import { hazardText, rollbackHazardText } from './hazard-text.ts';
import type { CompatibilityReport } from './report.ts';
import type { WaiverUse } from './rule-file.ts';
import { KNOWN_RULES, rulePage } from './rule-page.ts';

/*
 * A compatibility report for people and for the machines around them.
 */

const WORDS: Readonly<Record<FindingSeverity, string>> = { breaking: 'breaking', potentially_breaking: 'potentially breaking', non_breaking: 'not breaking', additive: 'additive' };

const VERDICTS: Readonly<Record<CompatibilityReport['overall_compatibility'], string>> = {
  fully_compatible: 'Fully compatible: nothing has changed that anybody could notice.', backward_compatible: 'Backward compatible.',
  potentially_incompatible: 'Potentially breaking: somebody may depend on what changed.', breaking_changes: 'Breaking.',
};

/** Plain text. */
export function reportText(report: CompatibilityReport): string {
  const lines = [
    `${report.schema_before} to ${report.schema_after}`, '',
    ...report.issues.flatMap((issue) => [
      `${severityText(issue)}: ${issue.description} [${issue.rule}]`,
      `  ${issue.field_path}${issue.location ? ` (${issue.location.file}:${issue.location.line})` : ''}${issue.impact === '' ? '' : `: ${issue.impact}`}`,
      ...(issue.suggested_migration === '' ? [] : [`  ${issue.suggested_migration}`]),
      ...(issue.waived ? [`  Waived until ${issue.waived.until}: ${issue.waived.reason}`] : []), `  ${issue.page}`,
    ]),
    ...(report.migration_scripts.length === 0 ? [] : ['', ...report.migration_scripts.flatMap((script) => [`-- ${script.description}${script.hazards.length === 0 ? '' : ` (hazards: ${hazardText(script)})`}`, script.script_content, ...backLine(script, '-- Its way back has hazards: ')])]),
    ...(report.issues.length === 0 ? [] : ['']),
    ...(report.data_checks === undefined || report.data_checks.length === 0 ? [] : ['Rows that are there:', ...dataCheckLines(report.data_checks).map((line) => `  ${line}`), '']),
    ...waiverLines(report),
    ...(report.migration_scripts.length > 0 && report.plan_hash !== undefined ? [`Plan ${report.plan_hash}, ${report.migration_scripts.length} scripts${report.applied ? `, ${report.applied.length} of them applied` : ''}.`] : []),
    ...(report.hazards_not_allowed?.length ? [`Not allowed: ${report.hazards_not_allowed.join(', ')}.`] : []),
    `${VERDICTS[report.overall_compatibility]} ${countsText(report)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function severityText({ severity, waived }: Finding): string {
  return waived ? `waived (${WORDS[severity]})` : WORDS[severity];
}

function backLine(script: MigrationScript, title: string): string[] {
  const text = rollbackHazardText(script);
  return text === '' ? [] : [`${title}${text}`];
}

/** What whoever keeps the file of rules should know. */
function waiverLines({ waivers = [] }: CompatibilityReport): string[] {
  const title = ({ rule, object }: WaiverUse): string => `${rule}${object === undefined ? '' : ` of ${object}`}`;
  return waivers.flatMap((waiver) => {
    if (waiver.state === 'expired') return [`The waiver of ${title(waiver)} expired on ${waiver.until}: what it was for counts again.`];
    return waiver.state === 'unused' ? [`The waiver of ${title(waiver)} is not used: nothing was found that it is for.`] : [];
  });
}

function countsText(report: CompatibilityReport): string {
  const waived = report.issues.filter((issue) => issue.waived !== undefined).length;
  return `${report.breaking_changes_count} breaking, ${report.potentially_breaking_count} potentially breaking, ${report.non_breaking_changes_count} not breaking, ${report.additive_changes_count} additive${waived === 0 ? '' : `; ${waived} waived`}.`;
}

/** Markdown, for a pull request. */
export function reportMarkdown(report: CompatibilityReport): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const lines = [
    '# Compatibility', '', `\`${report.schema_before}\` to \`${report.schema_after}\`: **${VERDICTS[report.overall_compatibility]}** ${countsText(report)}`, '',
    ...(report.issues.length === 0 ? [] : ['| severity | rule | where | what | how |', '| --- | --- | --- | --- | --- |']),
    ...report.issues.map((issue) => `| ${severityText(issue)}${issue.waived ? cell(` until ${issue.waived.until}: ${issue.waived.reason}`) : ''} | ${issue.rule} (${rulePage(issue.rule)}) | \`${cell(issue.field_path)}\` | ${cell(issue.description)} | ${cell(issue.suggested_migration)} |`), '',
    ...waiverLines(report).map((line) => `> ${line}\n`),
    ...(report.data_checks === undefined || report.data_checks.length === 0 ? [] : ['## Rows that are there', '', ...dataCheckLines(report.data_checks).map((line) => `- ${line}`), '']),
    ...report.migration_scripts.flatMap((script) => [`## ${script.description}`, '', ...(script.hazards.length === 0 ? [] : [`Hazards: ${hazardText(script)}`, '']), '```sql', script.script_content, '```', '', 'Back:', '', ...backLine(script, 'Hazards: ').flatMap((line) => [line, '']), '```sql', script.rollback_script, '```', '']),
    ...(report.recommendations.length === 0 ? [] : ['## Recommendations', '', ...report.recommendations.map((each) => `- ${each}`)]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

const SARIF_LEVELS: Readonly<Record<FindingSeverity, string>> = { breaking: 'error', potentially_breaking: 'warning', non_breaking: 'note', additive: 'none' };

/** SARIF 2.1.0 (OASIS), for code scanning. */
export function reportSarif(report: CompatibilityReport): string {
  const rules = [...new Map(report.issues.map(({ rule, type }) => [rule, type])).entries()];
  const run = {
    tool: { driver: { name: 'banyan check', rules: rules.map(([id, type]) => sarifRule(id, type)) } },
    results: report.issues.map((issue) => ({
      ruleId: issue.rule, ruleIndex: rules.findIndex(([id]) => id === issue.rule), level: SARIF_LEVELS[issue.severity], message: { text: messageOf(issue) },
      locations: [{ physicalLocation: { artifactLocation: { uri: artifactUri(report.schema_after) }, ...(issue.location ? { region: { startLine: issue.location.line, startColumn: issue.location.column } } : {}) }, logicalLocations: [{ fullyQualifiedName: issue.field_path }] }],
      ...(issue.waived ? { suppressions: [{ kind: 'external', status: 'accepted', justification: `${issue.waived.reason} (until ${issue.waived.until})` }] } : {}),
      partialFingerprints: { 'banyan/v1': `${issue.rule}:${issue.field_path}` },
    })),
  };
  return `${JSON.stringify({ $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }, null, 2)}\n`;
}

/** A file as a reference of RFC 3986: relative ones stay so, since code scanning looks for them in the repository. */
function artifactUri(place: string): string {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(place)) return encodeURI(place);
  const path = place.replaceAll('\\', '/');
  const drive = /^[a-z]:(?=\/)/i.exec(path)?.[0];
  const encoded = path.slice(drive?.length ?? 0).split('/').map(encodeURIComponent).join('/');
  return drive !== undefined ? `file:///${drive}${encoded}` : path.startsWith('/') ? `file://${encoded}` : encoded;
}

function sarifRule(id: string, type: string): object {
  const rule = KNOWN_RULES.get(id);
  return {
    id, name: type, shortDescription: { text: type.replaceAll('_', ' ') },
    ...(rule ? { fullDescription: { text: rule.impact }, help: { text: `${rule.impact}\n${rule.remedy}\n${rulePage(id)}` } } : {}),
  };
}

/** JUnit XML: a case for each finding, those that may break failed. */
export function reportJunit(report: CompatibilityReport): string {
  const failing = report.issues.filter(isFailure);
  const totals = { tests: String(Math.max(1, report.issues.length)), failures: String(failing.length), errors: '0', time: '0' };
  // The schema of Jenkins knows `skipped` of a suite, not of all suites.
  const skipped = String(report.issues.filter(({ waived }) => waived !== undefined).length);
  const cases = report.issues.map((issue) => {
    const open = `    <testcase${xmlAttributes({ classname: issue.field_path, name: issue.rule, time: '0' })}`;
    if (issue.waived) return `${open}>\n      <skipped${xmlAttributes({ message: `waived until ${issue.waived.until}: ${issue.waived.reason}` })}/>\n      <system-out>${xmlText(messageOf(issue))}</system-out>\n    </testcase>\n`;
    if (!isFailure(issue)) return `${open}>\n      <system-out>${xmlText(messageOf(issue))}</system-out>\n    </testcase>\n`;
    return `${open}>\n      <failure${xmlAttributes({ message: issue.description, type: issue.severity })}>${xmlText(messageOf(issue))}</failure>\n    </testcase>\n`;
  });
  const none = `    <testcase${xmlAttributes({ classname: report.schema_after, name: 'unchanged', time: '0' })}/>\n`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${xmlAttributes({ name: 'banyan check', ...totals })}>\n` +
    `  <testsuite${xmlAttributes({ name: `${report.schema_before} to ${report.schema_after}`, ...totals, skipped })}>\n${cases.length === 0 ? none : cases.join('')}  </testsuite>\n</testsuites>\n`
  );
}

function isFailure({ severity, waived }: Finding): boolean {
  if (waived !== undefined) return false;
  return severity === 'breaking' || severity === 'potentially_breaking';
}

const GITHUB_LEVELS: Readonly<Record<FindingSeverity, string>> = { breaking: 'error', potentially_breaking: 'warning', non_breaking: 'notice', additive: 'notice' };

/** Workflow commands that GitHub shows beside the change. */
export function reportGithub(report: CompatibilityReport): string {
  const text = (value: string): string => value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (value: string): string => text(value).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const lines = report.issues.map((issue) => `::${issue.waived ? 'notice' : GITHUB_LEVELS[issue.severity]} file=${property(report.schema_after)}${issue.location ? `,line=${issue.location.line},col=${issue.location.column}` : ''},title=${property(issue.rule)}::${text(`${issue.field_path}: ${issue.waived ? `waived until ${issue.waived.until}, ${issue.waived.reason}: ` : ''}${messageOf(issue)}\n${rulePage(issue.rule)}`)}`);
  return `${[...lines, ...waiverLines(report).map((line) => `::notice title=waiver::${text(line)}`), `${VERDICTS[report.overall_compatibility]} ${countsText(report)}`].join('\n')}\n`;
}

function messageOf({ description, impact, suggested_migration: way }: Finding): string {
  return [description, impact, way].filter((part) => part !== '').join('\n');
}
