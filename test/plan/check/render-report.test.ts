import { DOMParser } from '@xmldom/xmldom';
import { describe, expect, it } from 'vitest';
import { reportGithub, reportJunit, reportMarkdown, reportSarif, reportText } from '../../../src/plan/check/render-report.ts';
import { compatibilityReport, type CompatibilityReport } from '../../../src/plan/check/report.ts';
import type { Finding, FindingSeverity, MigrationScript } from '../../../src/plan/check/finding.ts';

const finding = (severity: FindingSeverity, more: Partial<Finding> = {}): Finding => ({
  type: 'property_removed', rule: `response-${severity.replace('_', '-')}`, severity, description: `something ${severity}`, field_path: `paths./a.get.${severity}`,
  old_value: 'a', new_value: null, impact: 'Readers miss it.', suggested_migration: 'Deprecate it.', affected_operations: ['GET /a'], ...more,
});
const script = (more: Partial<MigrationScript> = {}): MigrationScript => ({
  script_type: 'sql', description: 'Add a column', script_content: 'ALTER TABLE t ADD c int;', rollback_script: 'ALTER TABLE t DROP c;', dependencies: [], validation_query: 'SELECT true', transactional: true, hazards: [], ...more,
});
const report = (findings: readonly Finding[], scripts: readonly MigrationScript[] = [], after = 'new.yaml'): CompatibilityReport =>
  compatibilityReport({ before: 'old.yaml', after, at: new Date(0), comparison: { findings, scripts } });

const ALL = [finding('additive'), finding('non_breaking'), finding('breaking'), finding('potentially_breaking')];
/** Everything that a format could stumble over. */
const NASTY = 'a|b\n::error::c %25 <d> & "e" ]]> \u0000\u001b[31m 😀';

describe('the report', () => {
  it('has the worst first, counts each kind, and says the whole', () => {
    const whole = report(ALL);
    expect(whole.issues.map(({ severity }) => severity)).toEqual(['breaking', 'potentially_breaking', 'non_breaking', 'additive']);
    expect([whole.breaking_changes_count, whole.potentially_breaking_count, whole.non_breaking_changes_count, whole.additive_changes_count]).toEqual([1, 1, 1, 1]);
    expect(whole.analysis_date).toBe('1970-01-01T00:00:00.000Z');
    expect(whole.recommendations.length).toBeGreaterThan(0);
    expect(whole.risk_assessment.testing_requirements.join()).toContain('GET /a');
  });

  it.each([
    [[], 'fully_compatible', 'low'],
    [[finding('additive')], 'backward_compatible', 'low'],
    [[finding('non_breaking')], 'backward_compatible', 'low'],
    [[finding('potentially_breaking'), finding('additive')], 'potentially_incompatible', 'medium'],
    [[finding('additive'), finding('breaking')], 'breaking_changes', 'high'],
    [Array.from({ length: 6 }, () => finding('breaking')), 'breaking_changes', 'critical'],
  ] as const)('%#: is as bad as its worst finding', (findings, compatibility, risk) => {
    expect(report(findings)).toMatchObject({ overall_compatibility: compatibility, risk_assessment: { overall_risk: risk } });
  });

  it('knows what a script may hurt, and what its way back can not bring back', () => {
    expect(report([finding('additive')], [script({ hazards: ['exclusive-lock'], loses: 'the values of c' })])).toMatchObject({
      risk_assessment: { deployment_risk: 'high', rollback_complexity: 'high' }, recommendations: expect.arrayContaining(['Allow each hazard by its name, in a quiet hour.', 'Take a copy before what can not be undone.']) as unknown,
    });
  });

  it.each([
    [[], 'low'], [[script()], 'medium'], [[script(), script({ rollback_hazards: [] })], 'medium'],
    [[script(), script({ rollback_hazards: ['table_rewrite'] })], 'high'], [[script({ loses: 'the values of c' })], 'high'],
  ] as const)('%#: going back is as hard as what the way back may hurt or lose', (scripts, complexity) => {
    expect(report([], [...scripts]).risk_assessment.rollback_complexity).toBe(complexity);
  });
});

describe('each form', () => {
  it('as text has every finding with its rule, and the verdict', () => {
    const text = reportText(report(ALL, [script()]));
    for (const { rule, description, field_path: path } of ALL) for (const part of [rule, description, path]) expect(text).toContain(part);
    expect(text).toContain('ALTER TABLE t ADD c int;');
    expect(text).toMatch(/Breaking\. 1 breaking, 1 potentially breaking, 1 not breaking, 1 additive\.\n$/);
    expect(reportText(report([]))).toMatch(/Fully compatible/);
  });

  it('tells what the way back may hurt, and nothing where it may not', () => {
    const details = [{ hazard: 'table_rewrite', relation: 't', rows: 5, bytes: 8192, severity: 'low' }] as const;
    const risky = report(ALL, [script({ rollback_hazards: ['table_rewrite'], rollback_hazard_details: details })]);
    expect(reportText(risky)).toContain('-- Its way back has hazards: table_rewrite of t (low: about 5 rows, 8 KiB)');
    expect(reportMarkdown(risky)).toContain('Back:\n\nHazards: table_rewrite of t (low: about 5 rows, 8 KiB)\n\n```sql\nALTER TABLE t DROP c;');
    expect(`${reportText(report(ALL, [script()]))}${reportMarkdown(report(ALL, [script()]))}`).not.toMatch(/hazards/i);
  });

  it('as Markdown keeps its table whatever a finding says', () => {
    const rows = reportMarkdown(report([finding('breaking', { description: NASTY })], [script()])).split('\n').filter((line) => line.startsWith('|'));
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(7);
  });

  it('as SARIF has what its standard asks for', () => {
    const sarif = JSON.parse(reportSarif(report([...ALL, finding('breaking', { description: NASTY })], [], 'new schema.yaml'))) as Sarif;
    expect(sarif.version).toBe('2.1.0');
    const [run] = sarif.runs;
    const rules = run?.tool.driver.rules ?? [];
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    expect(run?.results.map(({ level }) => level)).toEqual(['error', 'error', 'warning', 'note', 'none']);
    for (const { ruleId, ruleIndex, message, locations } of run?.results ?? []) {
      expect(rules[ruleIndex]?.id).toBe(ruleId);
      expect(message.text.length).toBeGreaterThan(0);
      expect(locations[0]?.physicalLocation.artifactLocation.uri).toBe('new%20schema.yaml');
    }
  });

  it('as JUnit is well-formed, and its counts are those of its cases', () => {
    for (const findings of [[], [...ALL, finding('breaking', { description: NASTY, field_path: NASTY })]]) {
      const document = new DOMParser({ onError: (level, message) => { throw new Error(`${level}: ${message}`); } }).parseFromString(reportJunit(report(findings)), 'text/xml');
      const suite = document.getElementsByTagName('testsuite')[0];
      expect(suite?.getAttribute('tests')).toBe(String(document.getElementsByTagName('testcase').length));
      expect(suite?.getAttribute('failures')).toBe(String(document.getElementsByTagName('failure').length));
      expect(document.getElementsByTagName('failure').length).toBe(findings.filter(({ severity }) => severity.endsWith('breaking') && severity !== 'non_breaking').length);
    }
  });

  it('as annotations is one line for each finding, and lets nothing command GitHub', () => {
    const lines = reportGithub(report([...ALL, finding('breaking', { description: NASTY, field_path: 'a,b:c' })], [], 'a,b:c.yaml')).trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines.slice(0, 5).map((line) => /^::(\w+) file=a%2Cb%3Ac\.yaml,title=[a-z-]+::/.exec(line)?.[1])).toEqual(['error', 'error', 'warning', 'notice', 'notice']);
    expect(lines.join('\n')).toContain('a|b%0A::error::c %2525 <d>');
  });
});

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number; readonly level: string; readonly message: { readonly text: string }; readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } }[] }[];
  }[];
}
