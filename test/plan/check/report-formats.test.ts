import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';
import type { Finding } from '../../../src/plan/check/finding.ts';
import { reportJunit, reportSarif } from '../../../src/plan/check/render-report.ts';
import { compatibilityReport, type CompatibilityReport } from '../../../src/plan/check/report.ts';
import { junitFaults } from '../../support/junit-schema.ts';
import { SARIF_SCHEMA } from '../../support/sarif-schema.ts';
import { OPERATION_EXAMPLES, SCHEMA_EXAMPLES } from './api-examples.ts';

const isSarif = new Ajv({ allErrors: true }).compile(SARIF_SCHEMA);
const sarifFaults = (text: string): string[] => (isSarif(JSON.parse(text)) ? [] : (isSarif.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`));

const findings = [...SCHEMA_EXAMPLES, ...OPERATION_EXAMPLES].flatMap(({ before, after }) => compareApis({ before, after }).findings);
const [first] = findings;
const nasty: Finding[] = first ? [
  { ...first, description: 'a|b ]]> <x> & "q" \u0000\u001b[31m 😀 \ud800', field_path: 'paths./ä/{id} <b>' },
  { ...first, rule: 'other', waived: { reason: 'agreed & "signed" <by all>', until: '2030-01-01' } },
] : [];
const report = (of: readonly Finding[], after = 'new.yaml'): CompatibilityReport => compatibilityReport({ before: 'old.yaml', after, at: new Date(0), comparison: { findings: of, scripts: [] } });

describe('SARIF', () => {
  it.each([['new.yaml', 'new.yaml'], ['a b/ü#1?.yaml', 'a%20b/%C3%BC%231%3F.yaml'], ['/srv/api.yaml', 'file:///srv/api.yaml'], ['C:\\api\\new.sql', 'file:///C:/api/new.sql'], ['..\\new.sql', '../new.sql'], ['postgres://host/shop', 'postgres://host/shop'], ['100%.yaml', '100%25.yaml']])('of every rule and of what could break it holds to its standard, with %s as %s', (place, uri) => {
    const sarif = reportSarif(report([...findings, ...nasty], place));
    expect(sarifFaults(sarif)).toEqual([]);
    expect(sarif).toContain(JSON.stringify(uri));
    expect(sarifFaults(reportSarif(report([], place)))).toEqual([]);
  });

  it.each([
    ['a level that is none', '"level": "error"', '"level": "fatal"'], ['a message without text', '"message": {', '"message": { "markdown": "x" }, "other": {'],
    ['a path that is no URI', '"uri": "new.yaml"', '"uri": "C:\\\\new file.yaml"'], ['another version', '"version": "2.1.0"', '"version": "2.0.0"'],
  ])('would be refused with %s', (_, right, wrong) => {
    const sarif = reportSarif(report(findings.slice(0, 5)));
    expect(sarif).toContain(right);
    expect(sarifFaults(sarif.replace(right, wrong))).not.toEqual([]);
  });
});

describe('JUnit XML', () => {
  it('of every rule and of what could break it holds to the schemas of those who read it', () => {
    expect(junitFaults(reportJunit(report([...findings, ...nasty])))).toEqual([]);
    expect(junitFaults(reportJunit(report([])))).toEqual([]);
  });

  it.each([
    ['an attribute of another element', '<testsuites ', '<testsuites skipped="0" '], ['a count that is not so', /failures="\d+"/, 'failures="7777"'], ['parts out of order', /<failure[^>]*>[^<]*<\/failure>/, '<system-out>x</system-out><failure/>'],
    ['a case without a name', /(<testcase[^>]*) name="[^"]*"/, '$1'], ['text between cases', '</testcase>', '</testcase>text'],
  ])('would be refused with %s', (_, right, wrong) => {
    const xml = reportJunit(report(findings));
    expect(junitFaults(xml.replace(right, wrong))).not.toEqual([]);
  });
});
