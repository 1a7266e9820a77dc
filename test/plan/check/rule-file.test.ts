import { expect, it } from 'vitest';
import type { Finding } from '../../../src/plan/check/finding.ts';
import { applyRules, readRuleFile } from '../../../src/plan/check/rule-file.ts';
import { compatibilityReport } from '../../../src/plan/check/report.ts';
import { reportGithub, reportJunit, reportMarkdown, reportSarif, reportText } from '../../../src/plan/check/render-report.ts';

const finding = (rule: string, path: string, more: Partial<Finding> = {}): Finding => ({
  type: rule.replaceAll('-', '_'), rule, severity: 'breaking', description: `${rule} at ${path}.`, field_path: path, old_value: null, new_value: null, impact: 'It hurts.', suggested_migration: 'Do not.', affected_operations: [], ...more,
});
const FINDINGS = [finding('column-removed', 'tables.users.columns.mail'), finding('column-removed', 'tables.orders.columns.note'), finding('index-added', 'tables.users.indexes.i', { severity: 'additive' })];
const read = (text: string) => readRuleFile({ file: 'rules.yaml', text });
const report = (text: string, at: string) => {
  const { findings, waivers } = applyRules({ findings: FINDINGS, rules: read(text), type: 'database', at: new Date(at) });
  return compatibilityReport({ before: 'a.sql', after: 'b.sql', at: new Date(at), comparison: { findings, scripts: [] }, waivers });
};
const WAIVER = 'waivers:\n  - { rule: column-removed, object: tables.users.*, until: 2026-12-31, reason: nobody reads it }\n';

it('another severity counts instead of the catalogue\'s, and a rule may be off', () => {
  const { findings } = applyRules({ findings: FINDINGS, rules: read('severity: { column-removed: warning, index-added: off }'), type: 'database', at: new Date(0) });
  expect(findings.map(({ rule, severity, catalogue_severity: was }) => [rule, severity, was])).toEqual([['column-removed', 'potentially_breaking', 'breaking'], ['column-removed', 'potentially_breaking', 'breaking']]);
});

it('what is waived stays to be seen in every form, and does not count', () => {
  const both = `${WAIVER}  - { rule: column-removed, object: "tables.orders.columns.no?e", until: 2026-12-31, reason: "b | c" }\n`;
  const waived = report(both, '2026-12-31T23:59:59.999Z');
  expect(waived).toMatchObject({ overall_compatibility: 'backward_compatible', breaking_changes_count: 0, additive_changes_count: 1, risk_assessment: { overall_risk: 'low' } });
  expect(waived.issues).toHaveLength(3);
  expect(waived.waivers?.map(({ state, findings }) => [state, findings])).toEqual([['holds', 1], ['holds', 1]]);
  expect(reportText(waived)).toContain('waived (breaking): column-removed at tables.users.columns.mail. [column-removed]');
  expect(reportText(waived)).toContain('Waived until 2026-12-31: nobody reads it');
  expect(reportText(waived)).toContain('2 waived.');
  expect(reportMarkdown(waived)).toContain(String.raw`until 2026-12-31: b \| c`);
  expect(reportGithub(waived)).not.toContain('::error');
  expect(reportGithub(waived)).toContain('waived until 2026-12-31, nobody reads it');
  const junit = reportJunit(waived);
  expect(junit).toContain('failures="0" errors="0" time="0" skipped="2"');
  expect(junit.match(/<skipped /g)).toHaveLength(2);
  const sarif = JSON.parse(reportSarif(waived)) as { runs: { results: { suppressions?: unknown }[]; tool: { driver: { rules: { id: string; help: { text: string } }[] } } }[] };
  expect(sarif.runs[0]?.results.map(({ suppressions }) => suppressions)).toEqual([expect.arrayContaining([expect.objectContaining({ kind: 'external', status: 'accepted' })]), expect.anything(), undefined]);
  expect(sarif.runs[0]?.tool.driver.rules.find(({ id }) => id === 'column-removed')?.help.text).toMatch(/\ndocs\/rules\/column-removed\.md$/);
});

it('a waiver that expired counts again and is said, by the clock that is passed in', () => {
  const expired = report(WAIVER, '2027-01-01T00:00:00Z');
  expect(expired).toMatchObject({ overall_compatibility: 'breaking_changes', breaking_changes_count: 2 });
  const said = 'The waiver of column-removed of tables.users.* expired on 2026-12-31: what it was for counts again.';
  for (const text of [reportText(expired), reportMarkdown(expired), reportGithub(expired)]) expect(text).toContain(said);
  // Another that still holds takes its place.
  expect(report(`${WAIVER}  - { rule: column-removed, until: 2027-06-01, reason: longer }`, '2027-01-01T00:00:00Z').breaking_changes_count).toBe(0);
});

it('a waiver that nothing needs is said; one for rules of another type is not', () => {
  const text = 'waivers:\n  - { rule: column-removed, object: columns.mail, until: 2026-12-31, reason: x }\n  - { rule: endpoint-removed, until: 2026-12-31, reason: x }\n';
  const unused = report(text, '2026-11-22T00:00:00Z');
  expect(unused.waivers?.map(({ rule, state }) => [rule, state])).toEqual([['column-removed', 'unused']]);
  expect(reportText(unused)).toContain('The waiver of column-removed of columns.mail is not used: nothing was found that it is for.');
  expect(unused.breaking_changes_count).toBe(2);
});

it.each([
  ['severity: { column-removd: off }', /rules\.yaml:1: severity\.column-removd: found "column-removd"; expected the name of a rule\. Did you mean column-removed\?/],
  ['severity: { column-removed: fatal }', /severity\.column-removed: found "fatal"; expected breaking, warning, info or off/],
  ['severity: [off]', /severity: found a list of 1; expected an object/],
  ['waivers:\n  - { rule: column-removed, until: 2026-02-30, reason: x }', /rules\.yaml:2: waivers\[0\]\.until: found "2026-02-30"; expected a day/],
  ['waivers:\n  - { rule: column-removed, reason: x }', /waivers\[0\]\.until: found nothing; expected a text \(the last day/],
  ['waivers:\n  - { rule: column-removed, until: 2026-02-03, reason: " " }', /waivers\[0\]\.reason: found an empty text/],
  ['waviers: []', /waviers: found a key that nobody reads; expected severity or waivers.*Did you mean waivers\?/],
  ['severity: {', /rules\.yaml:\d: found/],
])('%s is refused', (text, expected) => {
  expect(() => read(text)).toThrow(expected);
});

it('a file that is empty says nothing', () => {
  expect(read('')).toEqual({ severity: new Map(), waivers: [] });
});
