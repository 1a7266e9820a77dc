import type { DataCheck } from './data-check.ts';
import { SEVERITIES, type Comparison, type Finding, type FindingSeverity, type MigrationScript } from './finding.ts';
import type { WaiverUse } from './rule-file.ts';
import { rulePage } from './rule-page.ts';

export type Compatibility = 'fully_compatible' | 'backward_compatible' | 'potentially_incompatible' | 'breaking_changes';

type Level = 'low' | 'medium' | 'high' | 'critical';

/** A finding with the page of its rule, in the package. */
interface Issue extends Finding {
  readonly page: string;
}

/** The report of `banyan check`, as INTERFACE gives it. */
export interface CompatibilityReport {
  readonly schema_before: string;
  readonly schema_after: string;
  readonly analysis_date: string;
  readonly overall_compatibility: Compatibility;
  readonly breaking_changes_count: number;
  readonly potentially_breaking_count: number;
  readonly non_breaking_changes_count: number;
  readonly additive_changes_count: number;
  /** With those that are waived, which count nowhere. */
  readonly issues: readonly Issue[];
  /** Banyan's own: what became of each waiver of the file of rules; absent: there was no file. */
  readonly waivers?: readonly WaiverUse[];
  /** Banyan's own: how many rows break each new rule. Absent: `before` is no database, or its rows were not to be looked at. */
  readonly data_checks?: readonly DataCheck[];
  readonly migration_scripts: readonly MigrationScript[];
  /** Banyan's own: the hash of the old schema with its scripts, by which they are applied. Absent: no database was compared. */
  readonly plan_hash?: string;
  /** Hazards of the scripts that nobody has allowed; absent: nobody said which are. */
  readonly hazards_not_allowed?: readonly string[];
  /** Descriptions of the scripts that were run; absent: none was to be. */
  readonly applied?: readonly string[];
  readonly risk_assessment: { readonly overall_risk: Level; readonly deployment_risk: Level; readonly rollback_complexity: Level; readonly testing_requirements: readonly string[] };
  readonly recommendations: readonly string[];
}

export interface ReportOptions {
  /** What was compared, as the user named it; never a secret. */
  readonly before: string;
  readonly after: string;
  readonly at: Date;
  readonly comparison: Comparison;
  readonly waivers?: readonly WaiverUse[];
  readonly dataChecks?: readonly DataCheck[];
}

/** A report with its findings in order: the worst first, and by place. */
export function compatibilityReport({ before, after, at, comparison, waivers, dataChecks }: ReportOptions): CompatibilityReport {
  const { scripts } = comparison;
  const all = comparison.findings.map((finding) => ({ ...finding, page: rulePage(finding.rule) })).toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || compare(a.field_path, b.field_path) || compare(a.type, b.type));
  const issues = all.filter(({ waived }) => waived === undefined);
  const count = (severity: FindingSeverity): number => issues.filter((issue) => issue.severity === severity).length;
  const [breaking, potentially] = [count('breaking'), count('potentially_breaking')];
  return {
    schema_before: before, schema_after: after, analysis_date: at.toISOString(),
    overall_compatibility: breaking > 0 ? 'breaking_changes' : potentially > 0 ? 'potentially_incompatible' : issues.length > 0 ? 'backward_compatible' : 'fully_compatible',
    breaking_changes_count: breaking, potentially_breaking_count: potentially, non_breaking_changes_count: count('non_breaking'), additive_changes_count: count('additive'),
    issues: all, ...(waivers === undefined ? {} : { waivers }), ...(dataChecks === undefined ? {} : { data_checks: dataChecks }), migration_scripts: scripts,
    risk_assessment: {
      overall_risk: breaking > 5 ? 'critical' : breaking > 0 ? 'high' : potentially > 0 ? 'medium' : 'low',
      deployment_risk: scripts.some(({ hazards }) => hazards.length > 0) ? 'high' : breaking > 0 ? 'high' : potentially > 0 ? 'medium' : 'low',
      rollback_complexity: scripts.some(({ loses, rollback_hazards: hazards = [] }) => loses !== undefined || hazards.length > 0) ? 'high' : scripts.length > 0 ? 'medium' : 'low',
      testing_requirements: testsFor(issues),
    },
    recommendations: recommendationsFor(issues, scripts, all.length === 0 ? 'Nothing has changed.' : 'What has changed is waived.'),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function testsFor(issues: readonly Finding[]): string[] {
  const operations = [...new Set(issues.flatMap(({ severity, affected_operations: operations }) => (severity === 'breaking' || severity === 'potentially_breaking' ? operations : [])))];
  return [
    ...(issues.length === 0 ? [] : ['Run the old code against the new form, and the new code against the old one']),
    ...(operations.length === 0 ? [] : [`Test ${operations.slice(0, 20).join(', ')}${operations.length > 20 ? ` and ${operations.length - 20} more` : ''}`]),
    ...(issues.length === 0 ? [] : ['Apply each script and its rollback on a copy']),
  ];
}

function recommendationsFor(issues: readonly Finding[], scripts: readonly MigrationScript[], nothing: string): string[] {
  const having = (severity: FindingSeverity): readonly Finding[] => issues.filter((issue) => issue.severity === severity);
  const breaking = having('breaking');
  return [
    ...(breaking.length === 0 ? [] : [`Do not deploy it as it is: ${breaking.slice(0, 3).map(({ field_path: path }) => path).join(', ')}${breaking.length > 3 ? ` and ${breaking.length - 3} more` : ''} would break somebody. Go by expand and contract.`]),
    ...(having('potentially_breaking').length === 0 ? [] : ['Find out who depends on what may break (logs, pg_stat_statements) before it is deployed.']),
    ...[...new Set(breaking.map(({ suggested_migration: way }) => way))].slice(0, 10),
    ...(scripts.some(({ hazards }) => hazards.length > 0) ? ['Allow each hazard by its name, in a quiet hour.'] : []),
    ...(scripts.some(({ loses }) => loses !== undefined) ? ['Take a copy before what can not be undone.'] : []),
    ...(issues.length === 0 ? [nothing] : []),
  ];
}
