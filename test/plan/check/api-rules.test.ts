import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';
import { API_RULES } from '../../../src/plan/check/api/rules.ts';
import { checkRulesPage } from '../../support/check-rules-page.ts';
import { OPERATION_EXAMPLES, SCHEMA_EXAMPLES } from './api-examples.ts';

const EXAMPLES = [...SCHEMA_EXAMPLES, ...OPERATION_EXAMPLES];
const rulesOf = (before: unknown, after: unknown): string[] => compareApis({ before, after, at: new Date('2026-01-01') }).findings.map(({ rule }) => rule);

describe('the catalogue of API rules', () => {
  it('has stable names, once each, and says of each what breaks and what to do', () => {
    expect(new Set(API_RULES.map(({ id }) => id)).size).toBe(API_RULES.length);
    expect(API_RULES.filter(({ id, type, impact, remedy }) => !/^[a-z]+(-[a-z]+)*$/.test(id) || !/^[a-z]+(_[a-z]+)*$/.test(type) || !impact.endsWith('.') || !remedy.endsWith('.'))).toEqual([]);
    expect(API_RULES.length).toBeGreaterThanOrEqual(200);
  });

  it('has an example for each rule, and no example without one', () => {
    expect([...new Set(EXAMPLES.map(({ rule }) => rule))].toSorted()).toEqual(API_RULES.map(({ id }) => id).toSorted());
  });

  it.each(EXAMPLES)('$rule', ({ rule, before, after, mirror }) => {
    expect(rulesOf(before, after)).toEqual([rule]);
    // The way back is another rule, or the same one; and what is only said in other words is none.
    expect(rulesOf(after, before)).toEqual(mirror === undefined ? [] : [mirror]);
    expect(rulesOf(after, { ...structuredClone(after), info: { title: 'Other', version: '2' }, 'x-note': true })).toEqual([]);
  });
});

it('docs/check-api.md has both catalogues as they are', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/check-api.md'), 'utf8');
  expect(page, 'run: node --import tsx scripts/check-rules-page.mjs').toBe(checkRulesPage(page));
  expect(checkRulesPage(page, API_RULES.slice(1))).not.toBe(page);
});
