import { DOMParser, type Element } from '@xmldom/xmldom';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTableName } from '../model/names.ts';
import { checksOf, percentText } from './report-checks.ts';
import { reportJunit } from './report-junit.ts';
import { reportMarkdown } from './report-markdown.ts';
import type { ReportedKey, TableReport, ValidationReport } from './report.ts';

const NASTY = ['a|b', '`x`', '<b>&amp;"\'', ']]>', 'line\nend', 'cr\r', '\u0000\u0001\u001B[31m', '\\|', '\uFFFE', '\uD800', '|\\', '--', '# h', '](x)', '🌳', '\u0085'];

const table = (options: Partial<TableReport> = {}): TableReport => {
  const { missing = [], extra = [], different = [] } = options;
  const counts = { missing: missing.length, extra: extra.length, different: different.length, unsettled: 0 };
  const differing = counts.missing + counts.extra + counts.different;
  return { table: parseTableName('public.users'), consistent: differing === 0, source: 100, target: 100, missing, extra, different, counts, score: 1 - differing / 100, seconds: 0.25, ...options };
};

const report = (...tables: TableReport[]): ValidationReport => ({
  consistent: tables.every(({ consistent }) => consistent), level: 'full', rows: 100, seconds: 1.5, score: 0.9, tables,
});

interface Suite {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly cases: readonly { readonly name: string; readonly outcome: string; readonly message: string; readonly type: string; readonly text: string }[];
}

const attributesOf = (element: Element): Record<string, string> => Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value]));

/** The document as a parser of XML understands it; it refuses what is not well-formed. */
function readJunit(xml: string): { readonly root: Readonly<Record<string, string>>; readonly suites: readonly Suite[] } {
  const faults: string[] = [];
  const document = new DOMParser({ onError: (level, message) => void faults.push(`${level}: ${message}`) }).parseFromString(xml, 'text/xml');
  expect(faults).toEqual([]);
  const suites = [...document.getElementsByTagName('testsuite')].map((suite): Suite => ({
    name: suite.getAttribute('name') ?? '',
    attributes: attributesOf(suite),
    cases: [...suite.getElementsByTagName('testcase')].map((each) => {
      expect(each.getAttribute('classname')).toBe(suite.getAttribute('name'));
      const child = [...each.childNodes].find((node) => node.nodeType === 1) as Element | undefined;
      return {
        name: each.getAttribute('name') ?? '', outcome: child?.nodeName ?? 'passed', message: child?.getAttribute('message') ?? '',
        type: child?.getAttribute('type') ?? '', text: child?.textContent ?? '',
      };
    }),
  }));
  return { root: attributesOf(document.documentElement!), suites };
}

/** The tables of a page as rows of cells, as GitHub reads them: `\` before punctuation stands for nothing, `|` parts cells. */
function readTables(markdown: string): string[][][] {
  const tables: string[][][] = [[]];
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) {
      if (tables.at(-1)!.length > 0) tables.push([]);
      continue;
    }
    const cells: string[] = [];
    let cell = '';
    for (let i = 1; i < line.length; i += 1) {
      if (line[i] === '\\' && /[!-/:-@[-`{-~]/.test(line[i + 1] ?? '')) cell += line[(i += 1)];
      else if (line[i] === '|') {
        cells.push(cell.trim());
        cell = '';
      } else cell += line[i];
    }
    expect(cell, 'the row ends with its last cell').toBe('');
    tables.at(-1)!.push(cells);
  }
  return tables.filter((rows) => rows.length > 0).map((rows) => {
    for (const cells of rows) expect(cells).toHaveLength(rows[0]!.length);
    expect(rows[1]!.every((cell) => /^-{3}:?$/.test(cell))).toBe(true);
    return [rows[0]!, ...rows.slice(2)];
  });
}

describe('JUnit', () => {
  it('has a case for each check of each table, the same ones whatever is found', () => {
    const clean = readJunit(reportJunit(report(table(), table({ table: parseTableName('o."t<&"') }))));
    const broken = readJunit(reportJunit(report(
      table({ missing: ['1', '2'], different: [{ key: '3', columns: { name: { source: 'Ann', target: null } } }], drift: [{ column: 'at', absentOn: 'target' }] }),
      table({ table: parseTableName('o."t<&"'), absentOn: 'target', consistent: false, score: 0 }),
    )));
    expect(clean.suites.map(({ name, cases }) => [name, cases.map((each) => `${each.name} ${each.outcome}`)])).toEqual(
      ['public.users', 'o."t<&"'].map((name) => [name, ['structure', 'missing', 'extra', 'different', 'settled'].map((each) => `${each} passed`)]),
    );
    expect(broken.suites.map(({ cases }) => cases.map((each) => `${each.name} ${each.outcome}`))).toEqual([
      ['structure failure', 'missing failure', 'extra passed', 'different failure', 'settled passed'],
      ['structure failure', 'missing skipped', 'extra skipped', 'different skipped', 'settled passed'],
    ]);
    expect(broken.root).toEqual({ name: 'banyan validate', tests: '10', failures: '4', errors: '0', skipped: '3', time: '1.500' });
    expect(broken.suites[0]!.attributes).toMatchObject({ tests: '5', failures: '3', skipped: '0', time: '0.250' });
    const [structure, missing, , different] = broken.suites[0]!.cases;
    expect(structure).toMatchObject({ message: '1 column on one side only', type: 'high', text: 'at: not on the target' });
    expect(missing).toMatchObject({ message: '2 rows only in the source', type: 'critical', text: '1\n2' });
    expect(different).toMatchObject({ message: '1 row with other values', type: 'high', text: '3: name: Ann ≠ null' });
  });

  it('lists the first of a million, and counts them all', () => {
    const missing = Array.from({ length: 100 }, (_, i) => String(i));
    const found = readJunit(reportJunit(report(table({ missing, counts: { missing: 1_000_000, extra: 0, different: 0, unsettled: 3 } })))).suites[0]!.cases;
    expect(found[1]!.message).toBe('1000000 rows only in the source');
    expect(found[1]!.text.split('\n')).toHaveLength(21);
    expect(found[1]!.text).toMatch(/\nand 999980 more$/);
    expect(found[4]).toMatchObject({ outcome: 'skipped', message: '3 rows written at every look: not known to be equal' });
  });

  it('says what a level can not tell', () => {
    const counted = readJunit(reportJunit({ ...report(table()), level: 'count' })).suites[0]!.cases;
    expect(counted[3]).toMatchObject({ outcome: 'skipped', message: 'values are not compared at level count' });
    const sample = { rows: 1000, confidence: 0.95, differingShareAtMost: 0.0036821 };
    expect(readJunit(reportJunit(report(table({ sample })))).suites[0]!.cases[3]!.text).toContain('with 95 % confidence at most 0.37 % of the rows');
  });
});

describe('Markdown', () => {
  it('shows every table, and what is wrong with those that differ', () => {
    const text = reportMarkdown(report(
      table({ table: parseTableName('public.fine') }),
      table({ missing: [{ a: '1', b: 'x|y' }], extra: [{ row: { v: null }, source: 1, target: 3 }], drift: [{ column: 'at', absentOn: 'source' }] }),
    ));
    const [overview, checks, rows, ...more] = readTables(text);
    expect(more).toEqual([]);
    expect(overview).toEqual([
      ['', 'table', 'source', 'target', 'missing', 'extra', 'different', 'unsettled', 'score'],
      ['✓', 'public.fine', '100', '100', '0', '0', '0', '0', '100 %'],
      ['✗', 'public.users', '100', '100', '1', '1', '0', '0', '98 %'],
    ]);
    expect(checks!.slice(1)).toEqual([
      ['structure', 'failed', 'high', '1 column on one side only'], ['missing', 'failed', 'critical', '1 row only in the source'],
      ['extra', 'failed', 'medium', '1 row only in the target'],
    ]);
    expect(rows!.slice(1)).toEqual([
      ['structure', 'at', 'not on the source'], ['missing', 'a=1, b=x|y', ''], ['extra', 'v=null', '1 times in the source, 3 in the target'],
    ]);
    expect(text).toMatch(/^# Validation: not equal\n/);
    expect(text).not.toContain('## public.fine');
  });

  it('says what an incremental run looked at', () => {
    const looked = { since: '2026-01-09T03:00:00.000Z', leaves: 2, keys: 0, rows: { source: 300, target: 299 } };
    const text = reportMarkdown(report(table({ incremental: looked }), table({ table: parseTableName('public.lines'), incremental: { whole: 'it was truncated' } })));
    expect(text.replaceAll('\\', '')).toContain('\n\npublic.users: 300 rows compared, of those written since all were (2026-01-09T03:00:00.000Z).\n\npublic.lines was compared as a whole: it was truncated.\n');
  });

  it('counts what it does not list', () => {
    const extra = Array.from({ length: 30 }, (_, i) => String(i));
    const text = reportMarkdown(report(table({ extra, counts: { missing: 0, extra: 12_345, different: 0, unsettled: 0 } })), { mostExamples: 5 });
    expect(readTables(text)[2]).toHaveLength(6);
    expect(text).toContain('12340 more of extra are not listed.');
  });
});

describe('whatever stands in a key', () => {
  const strange = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'|\\`<&>"\'\n\r]*_ ~$a'.split('')) }));
  const key = fc.oneof(strange, fc.dictionary(strange, strange, { minKeys: 2, maxKeys: 3, noNullPrototype: true })) as fc.Arbitrary<ReportedKey>;

  it('is one cell of the Markdown and one line of the JUnit, as the check has it', () => {
    fc.assert(
      fc.property(key, strange, (missing, value) => {
        const made = report(table({ missing: [missing], different: [{ key: missing, columns: { [value]: { source: value, target: null } } }] }));
        const examples = checksOf(made).flatMap((check) => check.examples);
        expect(examples.every(({ subject, detail }) => !/[\p{Cc}\p{Cs}]/u.test(subject + detail))).toBe(true);
        const cells = readTables(reportMarkdown(made))[2]!.slice(1).map(([, subject, detail]) => [subject, detail]);
        expect(cells).toEqual(examples.map(({ subject, detail }) => [subject.trim(), detail.trim()]));
        const cases = readJunit(reportJunit(made)).suites[0]!.cases;
        expect(cases[1]!.text).toBe(examples[0]!.subject.replace(/[\uFFFE\uFFFF]/g, (char) => `\\u${char.charCodeAt(0).toString(16)}`));
      }),
      { numRuns: 300 },
    );
  });
});

it('a share is not rounded to what it is not', () => {
  expect([1, 0.999999, 0.98765, 0, 0.57].map((share) => percentText(share))).toEqual(['100 %', '99.99 %', '98.76 %', '0 %', '57 %']);
  expect([0, 0.000001, 0.0036821].map((share) => percentText(share, 'up'))).toEqual(['0 %', '0.01 %', '0.37 %']);
});

describe('rules', () => {
  const rules: NonNullable<ValidationReport['rules']> = [
    {
      name: 'revenue', kind: 'agreement', ok: false, severity: 'critical', groups: 5, counts: { failing: 2, unsettled: 0 }, seconds: 0.25,
      differences: [{ subject: { shop: '7' }, columns: { sum: { source: '1.10', target: '1.11', apart: '0.01' } } }, { subject: {}, columns: {}, absentOn: 'target' }],
    },
    { name: 'shops', kind: 'expectation', ok: true, severity: 'high', counts: { failing: 0, unsettled: 1 }, differences: [], seconds: 0.25 },
    {
      name: 'temporal:public.users', kind: 'temporal', table: parseTableName('users'), ok: false, severity: 'medium', counts: { failing: 1, unsettled: 0 }, seconds: 0.25,
      differences: [{ subject: { id: '1' }, check: 'a <= b', side: 'source', times: { a: '2024-01-02', b: null } }],
    },
  ];

  it('stand beside the table they are of, or by themselves', () => {
    const told = { ...report(table()), consistent: false, rules };
    const { suites } = readJunit(reportJunit(told));
    expect(suites.map(({ name, attributes }) => [name, attributes['time'], attributes['failures']])).toEqual([['public.users', '0.500', '1'], ['rules', '0.500', '1']]);
    expect(suites[1]?.cases).toMatchObject([
      { name: 'revenue', outcome: 'failure', type: 'critical', message: '2 of 5 groups do not agree', text: 'shop=7: sum: 1.10 ≠ 1.11 (0.01)\nall: not on the target' },
      { name: 'shops', outcome: 'skipped', message: '1 changed at every look: not known to agree' },
    ]);
    expect(suites[0]?.cases.at(-1)).toMatchObject({ name: 'times', text: 'id=1: a <= b fails on the source, a=2024-01-02, b=null' });
    const markdown = reportMarkdown({ ...told, tables: [] });
    expect(markdown).toContain('## rules');
    expect(markdown).toContain('## public.users');
    expect(markdown).not.toContain('| score |');
  });
});
