import { describe, expect, it } from 'vitest';
import { compareApis } from '../../../src/plan/check/api/compare-apis.ts';
import type { FindingSeverity } from '../../../src/plan/check/finding.ts';
import { PROTOCOL_CASES, type Verdict } from './api-protocol-cases.ts';

function verdictOf(severities: readonly FindingSeverity[]): Verdict {
  if (severities.length === 0) return 'same';
  return severities.includes('breaking') ? 'breaking' : severities.includes('potentially_breaking') ? 'warning' : 'fine';
}

describe('what follows from the protocol', () => {
  it.each(PROTOCOL_CASES)('$verdict: $name', ({ before, after, verdict }) => {
    const [old, fresh] = [structuredClone(before), structuredClone(after)];
    const { findings } = compareApis({ before: old, after: fresh });
    const told = verdictOf(findings.map(({ severity }) => severity));
    const said = findings.map(({ rule, severity, field_path: path }) => `${rule} (${severity}) at ${path}`).join('\n');
    expect(told === 'same' && verdict === 'fine' ? 'fine' : told, said).toBe(verdict);
    expect(compareApis({ before: fresh, after: structuredClone(fresh) }).findings).toEqual([]);
  });

  it('is written down for more than a hundred changes, each under a name of its own', () => {
    expect(new Set(PROTOCOL_CASES.map(({ name }) => name)).size).toBe(PROTOCOL_CASES.length);
    expect(PROTOCOL_CASES.length).toBeGreaterThan(100);
  });
});
